// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/units"
)

// Keys of a location, as columns of CSV, as keys of YAML and for Set. Values that are lists are divided by spaces or
// commas; a subnet may say its own link: 10.1.9.0/24@wifi.
const (
	keyName    = "location"
	keyRegion  = "region"
	keySubnets = "subnets"
	keyLink    = "link"
	keyNear    = "near"
	keyNAT     = "nat"
	keyDown    = "down"
	keyUp      = "up"
)

// locationKeys are all but the name.
var locationKeys = []string{keyDown, keyLink, keyNAT, keyNear, keyRegion, keySubnets, keyUp}

// maxText bounds one value, in bytes: what a million networks of one location take.
const maxText = 48 << 20

// draft is a topology that is being read.
type draft struct {
	Problems
	topology Topology
	at       map[string]int // where each location is in the list
	subnets  int
	full     bool // beyond what is possible; said once
}

func newDraft() *draft { return &draft{at: map[string]int{}} }

// location is the one of that name, made if need be; nil when there are too many.
func (d *draft) location(name string, line int) (l *Location, fresh bool) {
	if i, ok := d.at[name]; ok {
		return &d.topology.Locations[i], false
	}
	if len(d.topology.Locations) >= MaxLocations {
		d.beyond(line, "more than %d locations, which is the most that is possible", MaxLocations)
		return nil, false
	}
	name = strings.Clone(name)
	d.at[name] = len(d.topology.Locations)
	d.topology.Locations = append(d.topology.Locations, Location{Name: name, Link: fleet.LAN, line: line})
	return &d.topology.Locations[len(d.topology.Locations)-1], true
}

// beyond says once that there is too much.
func (d *draft) beyond(line int, format string, args ...any) {
	if !d.full {
		d.add(line, format, args...)
	}
	d.full = true
}

// set reads one value of a location into it.
func (d *draft) set(l *Location, key, value string, line int) {
	if len(value) > maxText {
		d.add(line, "%s has a value of %d bytes", key, len(value))
		return
	}
	switch key {
	case keyRegion:
		l.Region = strings.Clone(value)
	case keyLink:
		l.Link = d.link(value, line)
	case keyNear:
		l.Near = nil
		for word := range words(value) {
			l.Near = append(l.Near, strings.Clone(word))
		}
	case keyNAT:
		l.NAT = nil
		for word := range words(value) {
			if n, ok := d.network(word, keyNAT, line); ok {
				l.NAT = append(l.NAT, n)
			}
		}
	case keySubnets:
		d.addSubnets(l, value, line)
	case keyDown:
		d.rate(&l.Down, key, value, line)
	case keyUp:
		d.rate(&l.Up, key, value, line)
	}
}

// link reads a class.
func (d *draft) link(value string, line int) fleet.Link {
	if i := slices.Index(fleet.Links, value); i >= 0 {
		return fleet.Link(fleet.Links[i])
	}
	d.unknown(line, "link", value, fleet.Links)
	return fleet.LAN
}

// addSubnets adds to what is there.
func (d *draft) addSubnets(l *Location, value string, line int) {
	for word := range words(value) {
		if d.subnets >= MaxSubnets {
			d.beyond(line, "more than %d subnets, which is the most that is possible", MaxSubnets)
			return
		}
		text, link, linked := strings.Cut(word, "@")
		n, ok := d.network(text, "subnet", line)
		if !ok {
			continue
		}
		s := Subnet{Network: n, line: line}
		if linked {
			s.Link = d.link(link, line)
		}
		d.subnets++
		l.Subnets = append(l.Subnets, s)
	}
}

// network reads one; a bare address is the network of that address alone.
func (d *draft) network(text, what string, line int) (netip.Prefix, bool) {
	n, err := netip.ParsePrefix(text)
	if a, aerr := netip.ParseAddr(text); aerr == nil {
		n, err = netip.PrefixFrom(a.WithZone(""), a.BitLen()), nil
	}
	if err != nil {
		d.add(line, "%s %q is not a network such as 10.1.0.0/16 or 2001:db8:1::/48", what, clip(text))
		return n, false
	}
	if err := wellFormed(n); err != nil {
		d.add(line, "%s %v", what, err)
		return n, false
	}
	return n, true
}

func (d *draft) rate(to *int64, key, value string, line int) {
	if value == "" {
		*to = 0
		return
	}
	bits, ok := units.Rate(value)
	if !ok || bits < 1 || bits > maxRate {
		d.add(line, "%s is %q; give a rate with its unit, as 20Mbit or 500kbit, up to 10000Gbit", key, clip(value))
		return
	}
	*to = int64(bits)
}

// done is the whole topology, or all that is wrong.
func (d *draft) done() (*Topology, error) {
	t := &d.topology
	t.sorted()
	if !d.full {
		t.check(&d.Problems)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	for i := range t.Locations {
		t.Locations[i].line = 0
		for j := range t.Locations[i].Subnets {
			t.Locations[i].Subnets[j].line = 0
		}
	}
	return t, nil
}

// words divides a list at spaces and commas.
func words(list string) func(yield func(string) bool) {
	return strings.FieldsFuncSeq(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' || r == '\r' })
}

// clip shortens what is shown of a broken value.
func clip(text string) string {
	if len(text) > 80 {
		return text[:80] + "..."
	}
	return text
}
