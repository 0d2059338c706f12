// SPDX-License-Identifier: Apache-2.0

package carrier

import "net/netip"

// Handshakes that peers have begun: in all, and from one /24 or /48.
const (
	maxHalfOpen  = 256
	MaxPerPrefix = 16
)

// A Porch is where peers are whose handshakes are not over: so many at most, and so many from one neighbourhood. The zero Porch is empty.
// Who owns it serialises.
type Porch struct {
	open     int
	prefixes map[netip.Prefix]int
}

// Enter reports whether one more may begin; then Leave follows.
func (p *Porch) Enter(from netip.Addr) bool {
	prefix := prefixOf(from)
	if p.open >= maxHalfOpen || p.prefixes[prefix] >= MaxPerPrefix {
		return false
	}
	if p.prefixes == nil {
		p.prefixes = map[netip.Prefix]int{}
	}
	p.open++
	p.prefixes[prefix]++
	return true
}

// Leave says that a handshake from there is over, one way or the other.
func (p *Porch) Leave(from netip.Addr) {
	prefix := prefixOf(from)
	p.open--
	if p.prefixes[prefix]--; p.prefixes[prefix] == 0 {
		delete(p.prefixes, prefix)
	}
}

// prefixOf is the part of an address that one attacker is assumed to own: a /24 or a /48.
func prefixOf(a netip.Addr) netip.Prefix {
	bits := 48
	if a.Unmap().Is4() {
		a, bits = a.Unmap(), 24
	}
	p, _ := a.Prefix(bits)
	return p
}
