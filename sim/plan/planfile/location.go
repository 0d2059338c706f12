// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

const defaultLAN = 1e9 // bit/s

// AQMs are the queue managers that a link may have.
var AQMs = []string{"pie", "codel", "fq-codel"}

// location reads the locations of one name.
func (r *reader) location(name, n *yaml.Node) {
	c := plan.Class{Name: name.Value, Count: 1, Region: -1}
	linked, hosted := false, false
	r.Mapping(n, strict.Fields{
		"region": func(n *yaml.Node) {
			if i, ok := r.refers(n, "region", r.regions); ok {
				c.Region = i
			}
		},
		"count":   func(n *yaml.Node) { r.Whole(n, &c.Count, 1, 1e12) },
		"link":    func(n *yaml.Node) { linked = true; r.link(n, &c.Link) },
		"hosts":   func(n *yaml.Node) { hosted = true; r.hosts(n, &c.Hosts) },
		"profile": func(n *yaml.Node) { c.Profile = r.profileOf(n) },
		"direct":  func(n *yaml.Node) { r.Flag(n, &c.Direct) },
		"metered": func(n *yaml.Node) { r.Flag(n, &c.Metered) },
	})
	if n.Kind == yaml.MappingNode {
		for _, missing := range []struct {
			is   bool
			text string
		}{
			{!linked, "link is missing; give at least its down and its rtt"},
			{!hosted, "hosts is missing; give at least their count"},
			{c.Profile == nil, "profile is missing: how busy others keep the link; give idle, office, round-the-clock, shop or one of profiles"},
		} {
			if missing.is && !r.hasKey(n, missing.text) {
				r.Problem(name, "%s: %s", strict.Clip(name.Value), missing.text)
			}
		}
	}
	if r.classes == nil {
		r.classes = map[string]int{}
	}
	r.classes[c.Name] = len(r.s.Classes)
	r.s.Classes, r.classAt = append(r.s.Classes, c), append(r.classAt, name)
}

// hasKey reports whether the key that a text begins with is there, and so what is wrong with its value was told.
func (r *reader) hasKey(n *yaml.Node, text string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; len(text) > len(key) && text[:len(key)] == key && text[len(key)] == ' ' {
			return true
		}
	}
	return false
}

func (r *reader) link(n *yaml.Node, l *plan.Link) {
	down, rtt, up := false, false, false
	l.Buffer = plan.Exactly(defaultBuffer)
	r.Mapping(n, strict.Fields{
		"down":   func(n *yaml.Node) { down = true; r.dist(n, &l.Down, rates) },
		"up":     func(n *yaml.Node) { up = true; r.dist(n, &l.Up, rates) },
		"rtt":    func(n *yaml.Node) { rtt = true; r.dist(n, &l.RTT, trips) },
		"buffer": func(n *yaml.Node) { r.dist(n, &l.Buffer, buffers) },
		"aqm":    func(n *yaml.Node) { r.Word(n, &l.AQM, AQMs) },
		"loss":   func(n *yaml.Node) { r.dist(n, &l.Loss, losses) },
		"trace":  func(n *yaml.Node) { l.Trace = r.trace(n); down = down || l.Trace == nil },
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	switch {
	case down && l.Trace != nil:
		r.Problem(n, "the link has both a down rate and a trace of it; give one of the two")
	case !down && l.Trace == nil:
		r.Problem(n, "the link has no rate: give down, or a trace")
	}
	if !rtt {
		r.Problem(n, "the link has no rtt: give the round trip to the origin with empty queues, as 40ms")
	}
	switch {
	case up:
	case l.Trace != nil:
		sum := 0.0
		for _, rate := range l.Trace.Rates {
			sum += float64(rate)
		}
		l.Up = plan.Exactly(sum / float64(len(l.Trace.Rates)))
	default:
		l.Up = l.Down
	}
}

func (r *reader) hosts(n *yaml.Node, h *plan.Hosts) {
	count := false
	h.LAN, h.Cache, h.Held = defaultLAN, plan.Exactly(caches.most), 1
	r.Mapping(n, strict.Fields{
		"count":  func(n *yaml.Node) { count = true; r.dist(n, &h.Count, counts) },
		"online": func(n *yaml.Node) { r.window(n, &h.Online) },
		"lan":    func(n *yaml.Node) { r.rate(n, &h.LAN) },
		"cache":  func(n *yaml.Node) { r.dist(n, &h.Cache, caches) },
		"held":   func(n *yaml.Node) { r.Share(n, &h.Held) },
	})
	if n.Kind == yaml.MappingNode && !count {
		r.Problem(n, "hosts have no count; give how many each location has, as 50")
	}
}

func (r *reader) content(name, n *yaml.Node) {
	c := plan.Content{Name: name.Value}
	size := false
	r.Mapping(n, strict.Fields{
		"size":    func(n *yaml.Node) { size = true; r.Size(n, &c.Size, 1, 1e15) },
		"type":    func(n *yaml.Node) { r.text(n, &c.Type) },
		"overlap": func(n *yaml.Node) { r.Share(n, &c.Overlap) },
	})
	if n.Kind == yaml.MappingNode && !size {
		r.Problem(name, "%s: size is missing, as 6GB", strict.Clip(name.Value))
	}
	if r.contents == nil {
		r.contents = map[string]int{}
	}
	r.contents[c.Name] = len(r.s.Contents)
	r.s.Contents, r.contentAt = append(r.s.Contents, c), append(r.contentAt, name)
}

// refers finds what a name stands for; a name of nothing is a problem.
func (r *reader) refers(n *yaml.Node, what string, names map[string]int) (int, bool) {
	text, ok := r.Scalar(n)
	if !ok {
		return 0, false
	}
	i, ok := names[text]
	if !ok {
		r.Unknown(n, what, slices.Sorted(maps.Keys(names)))
	}
	return i, ok
}
