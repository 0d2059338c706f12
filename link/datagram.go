// SPDX-License-Identifier: Apache-2.0

package link

import (
	"net/netip"
	"strconv"
)

// ECN is the codepoint in the two ECN bits of an IP header: RFC 3168, section 5,
// with the names that RFC 8311 gives.
type ECN uint8

// The codepoints.
const (
	NotECT ECN = 0 // the transport does not speak ECN: congestion drops its packets
	ECT1   ECN = 1
	ECT0   ECN = 2
	CE     ECN = 3 // congestion experienced
)

func (e ECN) String() string {
	switch e {
	case NotECT:
		return "Not-ECT"
	case ECT1:
		return "ECT(1)"
	case ECT0:
		return "ECT(0)"
	case CE:
		return "CE"
	}
	return "ECN " + strconv.Itoa(int(e))
}

// A Datagram is what goes into a link and comes out of it.
type Datagram[T any] struct {
	Size    int    // bytes, without the Overhead
	Flow    uint32 // what flow queueing tells flows apart by; others ignore it
	ECN     ECN
	Payload T
}

// FlowOf is a Flow for the datagrams between two addresses in one direction: FNV-1a of both.
func FlowOf(from, to netip.AddrPort) uint32 {
	h := uint32(2166136261)
	for _, end := range [...]netip.AddrPort{from, to} {
		for _, b := range end.Addr().As16() {
			h = (h ^ uint32(b)) * 16777619
		}
		h = (h ^ uint32(end.Port()&0xff)) * 16777619
		h = (h ^ uint32(end.Port()>>8)) * 16777619
	}
	return h
}
