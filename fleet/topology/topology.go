// SPDX-License-Identifier: Apache-2.0

// Package topology says what a fleet's network looks like: regions, the locations in them, the subnets of each, and what
// kind of link they are on.
//
// Words. A *location* is a place whose hosts reach one another without crossing its WAN link. A *subnet* is a network in
// CIDR notation, IPv4 or IPv6; it belongs to one location. Subnets of one location may lie within one another (the Wi-Fi
// part of a campus): an address is in the longest that contains it. Locations that list one another as *near* are better
// sources for one another than the rest of the fleet; it is enough that one of the two says so. The *NAT* addresses of a
// location are those at which the hub may see its hosts; several locations may share them. A *region* is a name above
// locations, declared before it is used so that a slip of the pen is no new region.
//
// A Topology is one document with one form: what is in it is sorted, nothing is there twice, and every reference leads
// somewhere. Encode and Decode are strict about that. ParseCSV and ParseYAML read what people write, find all that is wrong
// with it at once, with lines, and give a whole topology or none. An Index finds the location and the subnet of an
// address, and Place the location of a host that may be behind a NAT.
//
// A *word* is one location by itself, as its hosts keep it (package fleet/desired signs it). They take from it what they are on, also while
// nobody answers, and a hub that has forgotten what it said makes a topology of words again: Merge.
//
// The package is pure. It does not promise that the network is as the document says; only the hosts know.
package topology

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/ebbproject/ebb/fleet"
)

// Limits of one topology. With them a hub needs some 700 megabytes while it takes one over, and 500 afterwards.
const (
	MaxLocations = 100_000
	MaxSubnets   = 1_000_000
	maxRegions   = 10_000
	maxNear      = 64   // of one location
	maxNAT       = 64   // of one location
	maxRate      = 1e13 // bits per second
)

// Topology is the whole network. Lists are sorted and never changed once it is made.
type Topology struct {
	Version   uint64     `json:"version"` // 0: none was ever made; the hub counts up by one with each change
	Regions   []string   `json:"regions,omitempty"`
	Locations []Location `json:"locations,omitempty"`
}

// Location is one place.
type Location struct {
	Name    string         `json:"name"`
	Region  string         `json:"region,omitempty"`
	Link    fleet.Link     `json:"link"` // of its subnets that say nothing else
	Near    []string       `json:"near,omitempty"`
	NAT     []netip.Prefix `json:"nat,omitempty"`
	Down    int64          `json:"down_bits_per_second,omitempty"` // of its WAN link; 0: not known
	Up      int64          `json:"up_bits_per_second,omitempty"`
	Subnets []Subnet       `json:"subnets,omitempty"`

	line int // of the file it was read from
}

// Subnet is one network of a location.
type Subnet struct {
	Network netip.Prefix `json:"network"`
	Link    fleet.Link   `json:"link,omitempty"` // empty: as the location's

	line int
}

// Find is the location of that name.
func (t *Topology) Find(name string) (*Location, bool) {
	i, ok := slices.BinarySearchFunc(t.Locations, name, byName)
	if !ok {
		return nil, false
	}
	return &t.Locations[i], true
}

// subnets counts them.
func (t *Topology) subnets() int {
	n := 0
	for i := range t.Locations {
		n += len(t.Locations[i].Subnets)
	}
	return n
}

func byName(l Location, name string) int { return cmp.Compare(l.Name, name) }

func byNetwork(a, b Subnet) int { return comparePrefix(a.Network, b.Network) }

// comparePrefix orders networks by address, and a network before those within it.
func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// sorted brings every list into its one order. What is there twice stays, for check to find.
func (t *Topology) sorted() {
	slices.Sort(t.Regions)
	slices.SortStableFunc(t.Locations, func(a, b Location) int { return cmp.Compare(a.Name, b.Name) })
	for i := range t.Locations {
		l := &t.Locations[i]
		slices.Sort(l.Near)
		slices.SortFunc(l.NAT, comparePrefix)
		slices.SortStableFunc(l.Subnets, byNetwork)
	}
}
