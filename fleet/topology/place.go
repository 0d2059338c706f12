// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Place finds the location of a host that the hub sees at one address and that says it has another, with the length of
// its network. What the hub sees cannot be forged; what the host says is believed where what is seen agrees:
//
//  1. There is no NAT between them: the subnet that contains the address.
//  2. The host's address is in a subnet of a location, and the hub may see that location's hosts at this address: that
//     location. So many locations can live behind one public address.
//  3. The hub sees it in a subnet of a location: its own address is of a network inside that host, or not listed.
//  4. The hub sees it at a NAT address that one location alone has: that location. So many locations can use the same
//     private network, each behind a public address of its own.
//
// A host at home whose private network has the same numbers as a shop's is in none of them.
func (x *Index) Place(seen netip.Addr, own netip.Prefix) (Match, bool) {
	seen = seen.Unmap().WithZone("")
	addr := own.Addr().Unmap().WithZone("")
	if seen == addr {
		return x.Lookup(seen)
	}
	behind := x.behind(seen)
	if m, ok := x.Lookup(addr); ok && slices.ContainsFunc(behind, func(i int32) bool { return &x.t.Locations[i] == m.Location }) {
		return m, true
	}
	if m, ok := x.Lookup(seen); ok {
		return m, true
	}
	if len(behind) == 1 {
		return Match{Location: &x.t.Locations[behind[0]]}, true
	}
	return Match{}, false
}

// AutoName is the location of a host that no topology knows: one for each subnet and mask, net-10.1.2.0-24. Behind a NAT
// the same private network is in many places, so the address that the hub sees belongs to the name:
// net-192.168.1.0-24-via-203.0.113.7.
func AutoName(seen netip.Addr, own netip.Prefix) string {
	seen = seen.Unmap().WithZone("")
	addr := own.Addr().WithZone("")
	bits := own.Bits()
	if addr.Is4In6() && bits >= 96 {
		addr, bits = addr.Unmap(), bits-96
	}
	network := netip.PrefixFrom(addr, bits).Masked()
	if !network.IsValid() { // the host did not say
		network = netip.PrefixFrom(seen, seen.BitLen())
		addr = seen
	}
	name := "net-" + plain(network.Addr()) + "-" + strconv.Itoa(network.Bits())
	if addr != seen {
		name += "-via-" + plain(seen)
	}
	if len(name) > 63 { // two long IPv6 addresses
		sum := sha256.Sum256([]byte(name))
		name = "net-" + hex.EncodeToString(sum[:16])
	}
	return name
}

// plain writes an address with the characters that a location's name may have.
func plain(a netip.Addr) string { return strings.ReplaceAll(a.String(), ":", "-") }
