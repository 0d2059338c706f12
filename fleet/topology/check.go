// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ebbproject/ebb/fleet"
)

// check finds everything that is wrong with a topology whose lists are sorted.
func (t *Topology) check(p *Problems) {
	if len(t.Locations) > MaxLocations {
		p.add(0, "%d locations: at most %d are possible", len(t.Locations), MaxLocations)
		return
	}
	if n := t.subnets(); n > MaxSubnets {
		p.add(0, "%d subnets: at most %d are possible", n, MaxSubnets)
		return
	}
	if len(t.Regions) > maxRegions {
		p.add(0, "%d regions: at most %d are possible", len(t.Regions), maxRegions)
		return
	}
	t.checkRegions(p)
	names := make([]string, len(t.Locations))
	for i := range t.Locations {
		names[i] = t.Locations[i].Name
	}
	for i := range t.Locations {
		l := &t.Locations[i]
		if i > 0 && l.Name == names[i-1] {
			p.add(l.line, "the location %q is there twice%s", l.Name, before(t.Locations[i-1].line))
		}
		t.checkLocation(l, names, p)
	}
	t.checkOverlaps(p)
}

func (t *Topology) checkRegions(p *Problems) {
	for i, r := range t.Regions {
		if err := fleet.ValidLocation(r); err != nil {
			p.add(0, "region: %v", err)
		}
		if i > 0 && r == t.Regions[i-1] {
			p.add(0, "the region %q is there twice", r)
		}
	}
}

func (t *Topology) checkLocation(l *Location, names []string, p *Problems) {
	if err := fleet.ValidLocation(l.Name); err != nil {
		p.add(l.line, "%v", err)
	}
	if l.Name == fleet.LocationAuto {
		p.add(l.line, "%q is no name for a location; it stands for finding out", l.Name)
	}
	if _, ok := slices.BinarySearch(t.Regions, l.Region); !ok && l.Region != "" {
		p.unknown(l.line, "region", l.Region, t.Regions)
	}
	if !slices.Contains(fleet.Links, string(l.Link)) {
		p.unknown(l.line, "link", string(l.Link), fleet.Links)
	}
	if len(l.Near) > maxNear || len(l.NAT) > maxNAT {
		p.add(l.line, "%s has %d near locations and %d NAT addresses: at most %d and %d are possible", l.Name, len(l.Near), len(l.NAT), maxNear, maxNAT)
		return
	}
	for i, near := range l.Near {
		_, known := slices.BinarySearch(names, near)
		switch {
		case near == l.Name:
			p.add(l.line, "%s is near itself; list others", l.Name)
		case i > 0 && near == l.Near[i-1]:
			p.add(l.line, "%s lists %s as near twice", l.Name, near)
		case !known:
			p.unknown(l.line, "near location", near, names)
		}
	}
	for i, n := range l.NAT {
		if i > 0 && n == l.NAT[i-1] {
			p.add(l.line, "%s lists the NAT address %s twice", l.Name, n)
		}
		if err := wellFormed(n); err != nil {
			p.add(l.line, "nat %v", err)
		}
	}
	if l.Down < 0 || l.Up < 0 || l.Down > maxRate || l.Up > maxRate {
		p.add(l.line, "%s has a WAN link of %d bit/s down and %d up: give up to 10000Gbit", l.Name, l.Down, l.Up)
	}
	for _, s := range l.Subnets {
		if err := wellFormed(s.Network); err != nil {
			p.add(s.line, "subnet %v", err)
		}
		if s.Link != "" && !slices.Contains(fleet.Links, string(s.Link)) {
			p.unknown(s.line, "link", string(s.Link), fleet.Links)
		}
	}
}

// wellFormed accepts a network without host bits and without a zone, that is not a whole address family.
func wellFormed(n netip.Prefix) error {
	switch {
	case !n.IsValid():
		return fmt.Errorf("%s is not a network such as 10.1.0.0/16 or 2001:db8:1::/48", n)
	case n.Addr().Is4In6():
		return fmt.Errorf("%s is IPv4 written as IPv6; write it as IPv4", n)
	case n != n.Masked():
		return fmt.Errorf("%s has bits behind its length; write %s", n, n.Masked())
	case n.Bits() == 0:
		return fmt.Errorf("%s is every address there is", n)
	case n.Addr().IsMulticast():
		return fmt.Errorf("%s is for multicast; no host lives there", n)
	}
	return nil
}

// checkOverlaps finds networks that two locations claim, and those that one lists twice. Sorted by address, a network
// follows those that contain it: a stack of these is all that has to be looked at.
func (t *Topology) checkOverlaps(p *Problems) {
	type claim struct {
		*Subnet
		of int // index of the location
	}
	all := make([]claim, 0, t.subnets())
	for i := range t.Locations {
		for j := range t.Locations[i].Subnets {
			all = append(all, claim{&t.Locations[i].Subnets[j], i})
		}
	}
	slices.SortStableFunc(all, func(a, b claim) int { return byNetwork(*a.Subnet, *b.Subnet) })
	var within []claim
	for _, c := range all {
		for len(within) > 0 && !within[len(within)-1].Network.Contains(c.Network.Addr()) {
			within = within[:len(within)-1]
		}
		if len(within) > 0 {
			switch outer := within[len(within)-1]; {
			case outer.of != c.of && outer.Network == c.Network:
				p.add(c.line, "the subnet %s of %s belongs to %s%s already", c.Network, t.Locations[c.of].Name, t.Locations[outer.of].Name, before(outer.line))
			case outer.of != c.of:
				p.add(c.line, "the subnet %s of %s lies within %s of %s%s; divide that one", c.Network, t.Locations[c.of].Name, outer.Network,
					t.Locations[outer.of].Name, before(outer.line))
			case outer.Network == c.Network:
				p.add(c.line, "the subnet %s of %s is there twice%s", c.Network, t.Locations[c.of].Name, before(outer.line))
			}
		}
		within = append(within, c)
	}
}

// before names the line of what was there first.
func before(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", line)
}
