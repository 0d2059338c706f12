// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Said is what was said last of one location.
type Said struct {
	Name string
	Word *Word // nil: it is not there any more
}

// Merge is a topology after what was said of locations one by one, the newest first. Words that were not said together may contradict one
// another; whatever is in doubt, the newer of two holds, so that it makes no difference when each was heard. The locations of the base of
// which nothing is said stay, and count as older than all of which something is.
//
// Of two subnets that overlap the older is left out. So is what leads nowhere: a near location that is not there. Regions that are
// spoken of are declared. Beyond what is possible the oldest locations are left out.
func Merge(base *Topology, said []Said) *Topology {
	m := merging{base: base, regions: map[string]bool{}, age: map[string]int{}}
	for _, r := range base.Regions {
		m.regions[r] = true
	}
	for i, s := range said {
		m.age[s.Name] = i
		if s.Word != nil {
			m.add(s.Word.Location, s.Word.Cut)
		}
	}
	for i, l := range base.Locations {
		if _, ok := m.age[l.Name]; !ok {
			m.age[l.Name] = len(said) + i
			m.add(l, false)
		}
	}
	t := &Topology{Version: base.Version, Regions: slices.Sorted(maps.Keys(m.regions)), Locations: m.locations}
	slices.SortFunc(t.Locations, func(a, b Location) int { return cmp.Compare(a.Name, b.Name) })
	m.settle(t)
	return t
}

// merging is a topology of which the newest part is there.
type merging struct {
	base      *Topology
	regions   map[string]bool
	age       map[string]int // of what is said of each location: smaller is newer
	locations []Location
	subnets   int
}

// add enters a location that is older than all that are there. Its lists are shared, and sorted already.
func (m *merging) add(l Location, cut bool) {
	if old, ok := m.base.Find(l.Name); ok && cut {
		l.Subnets = old.Subnets
	}
	if len(m.locations) >= MaxLocations || m.subnets+len(l.Subnets) > MaxSubnets {
		return
	}
	if l.Region != "" && !m.regions[l.Region] {
		if len(m.regions) >= maxRegions {
			l.Region = ""
		} else {
			m.regions[l.Region] = true
		}
	}
	m.subnets += len(l.Subnets)
	m.locations = append(m.locations, l)
}

// settle takes out what leads nowhere and what contradicts something newer.
func (m *merging) settle(t *Topology) {
	lost := m.contradicted(t)
	for i := range t.Locations {
		l := &t.Locations[i]
		gone := func(name string) bool { _, there := t.Find(name); return !there }
		if slices.ContainsFunc(l.Near, gone) {
			l.Near = slices.DeleteFunc(slices.Clone(l.Near), gone)
		}
		if worse := lost[i]; len(worse) > 0 {
			kept := make([]Subnet, 0, len(l.Subnets)-len(worse))
			for j, s := range l.Subnets {
				if !worse[j] {
					kept = append(kept, s)
				}
			}
			l.Subnets = kept
		}
	}
}

// contradicted finds, by location, the subnets that overlap with one of which something newer is said. Sorted by address, a network follows
// those that contain it: what overlaps with one is below it in a stack, or comes while it is there.
func (m *merging) contradicted(t *Topology) map[int]map[int]bool {
	type claim struct {
		*Subnet
		of, at, age int
		newest      int // of those that overlap with it
	}
	all := make([]claim, 0, m.subnets)
	for i := range t.Locations {
		l := &t.Locations[i]
		for j := range l.Subnets {
			all = append(all, claim{&l.Subnets[j], i, j, m.age[l.Name], math.MaxInt})
		}
	}
	slices.SortFunc(all, func(a, b claim) int { return byNetwork(*a.Subnet, *b.Subnet) })
	var within []*claim
	lost := map[int]map[int]bool{}
	pop := func() {
		c := within[len(within)-1]
		within = within[:len(within)-1]
		if len(within) > 0 {
			outer := within[len(within)-1]
			outer.newest = min(outer.newest, c.age, c.newest)
		}
	}
	for i := range all {
		c := &all[i]
		for len(within) > 0 && !within[len(within)-1].Network.Contains(c.Network.Addr()) {
			pop()
		}
		for _, outer := range within {
			c.newest = min(c.newest, outer.age)
		}
		within = append(within, c)
	}
	for len(within) > 0 {
		pop()
	}
	for _, c := range all {
		if c.newest < c.age {
			if lost[c.of] == nil {
				lost[c.of] = map[int]bool{}
			}
			lost[c.of][c.at] = true
		}
	}
	return lost
}
