// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"encoding/binary"

	"github.com/ebbproject/ebb/link"
)

const (
	protocolTCP = 6
	protocolUDP = 17
)

// A packet is an IP packet within the tunnel.
type packet struct {
	buffer []byte
	data   []byte // part of buffer
}

// ecnOf reads the ECN field; what is no IP packet has none.
func ecnOf(b []byte) link.ECN {
	switch {
	case isIPv4(b):
		return link.ECN(b[1] & 3)
	case isIPv6(b):
		return link.ECN(b[1] >> 4 & 3)
	}
	return link.NotECT
}

// mark sets the ECN field to CE.
func mark(b []byte) {
	switch {
	case isIPv4(b):
		before := binary.BigEndian.Uint16(b)
		b[1] |= byte(link.CE)
		binary.BigEndian.PutUint16(b[10:], corrected(binary.BigEndian.Uint16(b[10:]), before, binary.BigEndian.Uint16(b)))
	case isIPv6(b):
		b[1] |= byte(link.CE) << 4
	}
}

// corrected is a checksum after one of the words under it has changed.
//
// RFC 1624, section 3: "HC' = ~(~HC + ~m + m')"
func corrected(sum, before, after uint16) uint16 {
	s := uint32(^sum) + uint32(^before) + uint32(after)
	s = s&0xffff + s>>16
	s = s&0xffff + s>>16
	return ^uint16(s)
}

// flowOf tells flows apart: a hash of the addresses, the protocol and, where they are to be seen, the ports. Fragments have no ports, not
// even the first, so that all of a packet are of one flow.
func flowOf(b []byte) uint32 {
	switch {
	case isIPv4(b):
		h := hash(hash(start, b[9:10]), b[12:20])
		header := int(b[0]&15) * 4
		fragment := binary.BigEndian.Uint16(b[6:])&0x3fff != 0 // more fragments, or an offset
		return hashPorts(h, b[9], fragment, b[min(header, len(b)):])
	case isIPv6(b):
		return hashPorts(hash(hash(start, b[6:7]), b[8:40]), b[6], false, b[40:])
	}
	return 0
}

func hashPorts(h uint32, protocol byte, fragment bool, payload []byte) uint32 {
	if fragment || len(payload) < 4 || protocol != protocolTCP && protocol != protocolUDP {
		return h
	}
	return hash(h, payload[:4])
}

func isIPv4(b []byte) bool { return len(b) >= 20 && b[0]>>4 == 4 }
func isIPv6(b []byte) bool { return len(b) >= 40 && b[0]>>4 == 6 }

// FNV-1a, 32 bits.
const start = 2166136261

func hash(h uint32, b []byte) uint32 {
	for _, x := range b {
		h = (h ^ uint32(x)) * 16777619
	}
	return h
}
