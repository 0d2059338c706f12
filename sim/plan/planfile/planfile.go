// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

// Bounds of a scenario.
const (
	shortest      = time.Minute
	longest       = 366 * 24 * time.Hour
	mostSeeds     = 10_000
	mostCount     = 1_000_000 // locations, of one name and of all
	mostContents  = 1000
	mostOrders    = 1000
	defaultSpan   = 7 * 24 * time.Hour
	defaultSeeds  = 10
	defaultBuffer = 0.1 // seconds
)

// Sources are where what a file names comes from.
type Sources struct {
	Open func(name string) (io.ReadCloser, error)  // a trace or a CSV file
	Zone func(name string) (*time.Location, error) // a time zone
}

// File is a scenario with where it comes from.
type File struct {
	Scenario plan.Scenario
	Hash     string           // of the text and of every file that it names, 16 hex digits
	Notes    []strict.Problem // what is possible and hardly meant

	text []byte
	from Sources
}

// Setting is one key that has another value.
type Setting struct{ Path, Value string }

// Parse reads a file. The error is strict.Problems.
func Parse(text []byte, from Sources) (*File, error) {
	f := &File{text: text, from: from}
	r := &reader{from: from, sum: sha256.New()}
	r.sum.Write(text)
	doc, err := r.Document(text, "start, locations, contents and orders")
	if err != nil {
		return nil, err
	}
	r.file(doc)
	if err := r.Err(); err != nil {
		return nil, err
	}
	f.Scenario, f.Notes, f.Hash = r.s, r.notes, hex.EncodeToString(r.sum.Sum(nil)[:8])
	if err := f.sweepable(r.axes); err != nil {
		return nil, err
	}
	return f, nil
}

// With is the scenario with some keys of the file set to other values. The error is strict.Problems.
func (f *File) With(settings ...Setting) (plan.Scenario, error) {
	r := &reader{from: f.from, sum: sha256.New()}
	doc, err := r.Document(f.text, "")
	if err != nil {
		return plan.Scenario{}, err
	}
	for _, s := range settings {
		r.set(doc, s)
	}
	r.file(doc)
	return r.s, r.Err()
}

// reader reads one file.
type reader struct {
	strict.Reader
	from Sources
	sum  interface {
		io.Writer
		Sum([]byte) []byte
	} // of all that was read
	s     plan.Scenario
	notes []strict.Problem

	regions, profiles, classes, contents map[string]int
	profileList                          []*plan.Profile
	classAt, orderAt, contentAt, axes    []*yaml.Node
}

// file reads the names before what refers to them.
func (r *reader) file(n *yaml.Node) {
	r.s = plan.Scenario{Horizon: defaultSpan, Controller: ledbat.DefaultName}
	for i := range defaultSeeds {
		r.s.Seeds = append(r.s.Seeds, uint64(i+1))
	}
	parts := map[string]*yaml.Node{}
	later := func(name string) func(*yaml.Node) { return func(n *yaml.Node) { parts[name] = n } }
	zone := (*time.Location)(nil)
	r.Mapping(n, strict.Fields{
		"name":       func(n *yaml.Node) { r.text(n, &r.s.Name) },
		"start":      later("start"),
		"zone":       func(n *yaml.Node) { zone = r.zone(n) },
		"horizon":    func(n *yaml.Node) { r.Span(n, &r.s.Horizon, shortest, longest) },
		"seeds":      func(n *yaml.Node) { r.seeds(n) },
		"controller": func(n *yaml.Node) { r.Word(n, &r.s.Controller, ledbat.Names()) },
		"origin":     func(n *yaml.Node) { r.Mapping(n, strict.Fields{"link": func(n *yaml.Node) { r.rate(n, &r.s.Origin) }}) },
		"regions":    later("regions"),
		"profiles":   later("profiles"),
		"locations":  later("locations"),
		"contents":   later("contents"),
		"orders":     later("orders"),
		"events":     later("events"),
		"sweep":      later("sweep"),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	r.start(n, parts["start"], zone)
	r.each(parts["regions"], "regions", r.region)
	r.each(parts["profiles"], "profiles", r.profile)
	for _, part := range []string{"locations", "contents", "orders"} {
		if parts[part] == nil {
			r.Problem(n, "%s is missing", part)
		}
	}
	r.each(parts["locations"], "locations", r.location)
	r.each(parts["contents"], "contents", r.content)
	r.each(parts["orders"], "orders", nil)
	r.each(parts["events"], "events", nil)
	r.each(parts["sweep"], "sweep", r.axis)
	r.checkFleet(parts["locations"])
	r.checkOrders()
}

// each reads the entries of a part that has names, or that is a list of orders or events.
func (r *reader) each(n *yaml.Node, part string, read func(name, value *yaml.Node)) {
	if n == nil {
		return
	}
	// The words "want a list" of a problem speak of this part.
	r.Mapping(&yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: part, Line: n.Line}, n}},
		strict.Fields{part: func(n *yaml.Node) {
			switch {
			case read != nil:
				r.Names(n, read)
			case part == "orders":
				r.List(n, r.order)
			default:
				r.List(n, r.event)
			}
		}})
}

func (r *reader) seeds(n *yaml.Node) {
	r.s.Seeds = nil
	if n.Kind == yaml.SequenceNode {
		seen := map[int]bool{}
		r.List(n, func(n *yaml.Node) {
			v := -1
			r.Whole(n, &v, 0, 1<<31)
			if seen[v] {
				r.Problem(n, "the seed %d is there twice", v)
			}
			seen[v] = true
			r.s.Seeds = append(r.s.Seeds, uint64(v))
		})
		if len(n.Content) == 0 {
			r.Problem(n, "seeds is empty; give how many, or a list")
		}
		return
	}
	count := 0
	r.Whole(n, &count, 1, mostSeeds)
	for i := range count {
		r.s.Seeds = append(r.s.Seeds, uint64(i+1))
	}
}

func (r *reader) start(file, n *yaml.Node, zone *time.Location) {
	if n == nil {
		r.Problem(file, "start is missing; give the moment at which the plan begins, as 2030-01-31T20:00:00+01:00")
		return
	}
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 {
		r.Problem(n, "start is %q; give a moment with its offset, as 2030-01-31T20:00:00+01:00", strict.Clip(text))
		return
	}
	if zone != nil {
		at = at.In(zone)
	}
	r.s.Start = at
}

func (r *reader) zone(n *yaml.Node) *time.Location {
	text, ok := r.Scalar(n)
	if !ok {
		return nil
	}
	z, err := r.from.Zone(text)
	if err != nil || text == "" || text == "Local" {
		r.Problem(n, "zone is %q; give one such as Europe/Berlin or UTC", strict.Clip(text))
		return nil
	}
	return z
}

func (r *reader) region(name, n *yaml.Node) {
	g := plan.Region{Name: name.Value}
	if n.Tag != "!!null" {
		r.Mapping(n, strict.Fields{
			"link": func(n *yaml.Node) { r.rate(n, &g.Link) },
			"zone": func(n *yaml.Node) { g.Zone = r.zone(n) },
		})
	}
	if r.regions == nil {
		r.regions = map[string]int{}
	}
	r.regions[g.Name] = len(r.s.Regions)
	r.s.Regions = append(r.s.Regions, g)
}
