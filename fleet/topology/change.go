// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/fleet"
)

// Set is the topology with some keys of one location set, each key=value, the location made if need be. An empty value
// takes back what was said. The error is *Problems.
func (t *Topology) Set(name string, pairs []string) (*Topology, error) {
	d := t.draft()
	l, _ := d.location(name, 0)
	if l == nil {
		return nil, d.err()
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			d.add(0, "%q is not key=value; keys are %s", clip(pair), strings.Join(locationKeys, ", "))
		case !slices.Contains(locationKeys, key):
			d.unknown(0, "key", clip(key), locationKeys)
		case seen[key]:
			d.add(0, "%s is given twice", key)
		case key == keyLink && value == "":
			l.Link = fleet.LAN
		default:
			if key == keySubnets {
				d.subnets -= len(l.Subnets)
				l.Subnets = nil
			}
			d.set(l, key, value, 0)
		}
		seen[key] = true
	}
	return d.done()
}

// Declare is the topology with one region more.
func (t *Topology) Declare(region string) *Topology {
	d := t.draft()
	if !slices.Contains(t.Regions, region) {
		d.topology.Regions = append(slices.Clone(t.Regions), region)
		slices.Sort(d.topology.Regions)
	}
	return &d.topology
}

// Remove is the topology without a location; who listed it as near does so no more. False: it is not there.
func (t *Topology) Remove(name string) (*Topology, bool) {
	if _, ok := t.Find(name); !ok {
		return nil, false
	}
	rest := t.draft().topology
	rest.Locations = slices.DeleteFunc(rest.Locations, func(l Location) bool { return l.Name == name })
	for i := range rest.Locations {
		if l := &rest.Locations[i]; slices.Contains(l.Near, name) {
			l.Near = slices.DeleteFunc(slices.Clone(l.Near), func(n string) bool { return n == name })
		}
	}
	return &rest, true
}

// draft begins with what is there. Lists within the locations are shared, and replaced rather than changed.
func (t *Topology) draft() *draft {
	d := newDraft()
	d.topology = Topology{Version: t.Version, Regions: slices.Clone(t.Regions), Locations: slices.Clone(t.Locations)}
	for i := range d.topology.Locations {
		l := &d.topology.Locations[i]
		d.at[l.Name] = i
		d.subnets += len(l.Subnets)
	}
	return d
}

// A Change is one difference between two topologies.
type Change struct {
	Op   string `json:"op"`   // "add", "remove" or "change"
	What string `json:"what"` // "region" or "location"
	Name string `json:"name"`
	// Detail says what a location has that is added or removed, and what changes of one that changes.
	Detail string `json:"detail,omitempty"`
}

func (c Change) String() string {
	mark := map[string]string{"add": "+", "remove": "-", "change": "~"}[c.Op]
	return strings.TrimRight(fmt.Sprintf("%s %s %s  %s", mark, c.What, c.Name, c.Detail), " ")
}

// Diff lists what makes one topology another, by name. Versions do not count.
func Diff(from, to *Topology) []Change {
	var list []Change
	merge(from.Regions, to.Regions, func(s string) string { return s }, func(a, b *string) {
		switch {
		case a == nil:
			list = append(list, Change{Op: "add", What: "region", Name: *b})
		case b == nil:
			list = append(list, Change{Op: "remove", What: "region", Name: *a})
		}
	})
	merge(from.Locations, to.Locations, func(l Location) string { return l.Name }, func(a, b *Location) {
		switch {
		case a == nil:
			list = append(list, Change{"add", "location", b.Name, b.describe()})
		case b == nil:
			list = append(list, Change{"remove", "location", a.Name, a.describe()})
		default:
			if d := differ(a, b); d != "" {
				list = append(list, Change{"change", "location", a.Name, d})
			}
		}
	})
	return list
}

// merge visits two sorted lists side by side; nil: it is in one of them only.
func merge[T any](a, b []T, name func(T) string, visit func(a, b *T)) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && name(a[0]) < name(b[0]):
			visit(&a[0], nil)
			a = a[1:]
		case len(a) == 0 || name(b[0]) < name(a[0]):
			visit(nil, &b[0])
			b = b[1:]
		default:
			visit(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
}

// shown is how much of a long list a description shows, in bytes.
const shown = 200

func (l *Location) describe() string {
	var parts []string
	for _, key := range locationKeys {
		if text := l.text(key); text != "" {
			parts = append(parts, key+"="+quoted(text))
		}
	}
	return strings.Join(parts, " ")
}

func quoted(text string) string {
	if len(text) > shown {
		text = text[:shown] + "..."
	}
	if strings.Contains(text, " ") {
		return `"` + text + `"`
	}
	return text
}

func differ(a, b *Location) string {
	var parts []string
	for _, key := range locationKeys {
		was, is := a.text(key), b.text(key)
		switch {
		case was == is:
		case key == keySubnets || key == keyNear || key == keyNAT:
			parts = append(parts, key+": "+listDiffer(was, is))
		default:
			parts = append(parts, fmt.Sprintf("%s: %s -> %s", key, orNone(was), orNone(is)))
		}
	}
	return strings.Join(parts, ", ")
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func listDiffer(was, is string) string {
	old, fresh := map[string]bool{}, map[string]bool{}
	for w := range words(was) {
		old[w] = true
	}
	for w := range words(is) {
		fresh[w] = true
	}
	var parts []string
	for _, w := range slices.Sorted(maps.Keys(old)) {
		if !fresh[w] {
			parts = append(parts, "-"+w)
		}
	}
	for _, w := range slices.Sorted(maps.Keys(fresh)) {
		if !old[w] {
			parts = append(parts, "+"+w)
		}
	}
	text := strings.Join(parts, " ")
	if len(text) > shown {
		text = text[:shown] + "..."
	}
	return text
}
