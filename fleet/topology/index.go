// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/ebbproject/ebb/fleet"
)

// Index finds the location of an address. It belongs to one topology, which must not change.
type Index struct {
	t       *Topology
	subnets table
	nat     table
	near    map[string][]string
}

// table holds networks, sorted.
type table struct {
	entries []entry
	lengths [2][]int // that occur, IPv4 and IPv6, longest first
}

type entry struct {
	network netip.Prefix
	of      int32 // index of the location
	at      int32 // index of the subnet within it
}

// NewIndex makes the index of a topology.
func NewIndex(t *Topology) *Index {
	x := &Index{t: t, near: map[string][]string{}}
	x.subnets.entries = make([]entry, 0, t.subnets())
	for i := range t.Locations {
		l := &t.Locations[i]
		for j, s := range l.Subnets {
			x.subnets.entries = append(x.subnets.entries, entry{s.Network, int32(i), int32(j)})
		}
		for _, n := range l.NAT {
			x.nat.entries = append(x.nat.entries, entry{network: n, of: int32(i)})
		}
		for _, other := range l.Near { // it is enough that one of the two says so
			x.near[l.Name] = append(x.near[l.Name], other)
			x.near[other] = append(x.near[other], l.Name)
		}
	}
	for name, list := range x.near {
		slices.Sort(list)
		x.near[name] = slices.Compact(list)
	}
	x.subnets.sort()
	x.nat.sort()
	return x
}

func (t *table) sort() {
	slices.SortFunc(t.entries, func(a, b entry) int { return cmp.Or(comparePrefix(a.network, b.network), cmp.Compare(a.of, b.of)) })
	var seen [2][129]bool
	for _, e := range t.entries {
		seen[family(e.network.Addr())][e.network.Bits()] = true
	}
	for f := range seen {
		for bits := len(seen[f]) - 1; bits >= 0; bits-- {
			if seen[f][bits] {
				t.lengths[f] = append(t.lengths[f], bits)
			}
		}
	}
}

// each visits the networks that contain an address, the longest first, until visit returns false.
func (t *table) each(addr netip.Addr, visit func(entry) bool) {
	if !addr.IsValid() {
		return
	}
	for _, bits := range t.lengths[family(addr)] {
		network := netip.PrefixFrom(addr, bits).Masked()
		i, _ := slices.BinarySearchFunc(t.entries, network, func(e entry, n netip.Prefix) int { return comparePrefix(e.network, n) })
		for ; i < len(t.entries) && t.entries[i].network == network; i++ {
			if !visit(t.entries[i]) {
				return
			}
		}
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// Topology is the one that the index belongs to.
func (x *Index) Topology() *Topology { return x.t }

// Near lists the locations near to one, whoever of the two says so.
func (x *Index) Near(name string) []string { return x.near[name] }

// Match is where an address is. Location and Subnet belong to the topology.
type Match struct {
	Location *Location
	Subnet   *Subnet // nil: known by the address of its NAT only
}

// Link is the class of the network there.
func (m Match) Link() fleet.Link {
	if m.Subnet != nil && m.Subnet.Link != "" {
		return m.Subnet.Link
	}
	return m.Location.Link
}

// Lookup finds the longest network that contains the address.
func (x *Index) Lookup(addr netip.Addr) (m Match, ok bool) {
	x.subnets.each(addr.Unmap().WithZone(""), func(e entry) bool {
		l := &x.t.Locations[e.of]
		m, ok = Match{l, &l.Subnets[e.at]}, true
		return false
	})
	return m, ok
}

// behind lists the locations whose hosts may be seen at the address, each once.
func (x *Index) behind(seen netip.Addr) []int32 {
	var list []int32
	x.nat.each(seen, func(e entry) bool {
		list = append(list, e.of)
		return true
	})
	slices.Sort(list)
	return slices.Compact(list)
}
