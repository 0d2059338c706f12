// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/link"
)

// ipv4 is a packet with a correct checksum.
func ipv4(tos, protocol byte, fragment uint16, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0], b[1], b[8], b[9] = 0x45, tos, 64, protocol
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(b[6:], fragment)
	copy(b[12:], []byte{10, 99, 0, 1, 10, 99, 0, 2})
	binary.BigEndian.PutUint16(b[10:], ^sumOf(b))
	return append(b, payload...)
}

// sumOf adds up words as RFC 1071 does; over a header with its checksum it is 0xffff.
func sumOf(b []byte) uint16 {
	var s uint32
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}

func ipv6(class byte, next byte, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[1], b[6], b[7] = 0x60|class>>4, class<<4, next, 64
	b[23], b[39] = 1, 2
	return append(b, payload...)
}

// RFC 3168, section 5: "The ECN-Capable Transport (ECT) codepoints '10' and '01' are set by the data sender to indicate that the end-points
// of the transport protocol are ECN-capable"; "The CE codepoint '11' is set by a router to indicate congestion to the end nodes."
func TestMarkSetsCEAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tos, payload := rapid.Byte().Draw(t, "tos"), rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "payload")
		four, six := ipv4(tos, protocolUDP, 0, payload), ipv6(tos, protocolUDP, payload)
		for _, b := range [][]byte{four, six} {
			if got := ecnOf(b); byte(got) != tos&3 {
				t.Fatalf("ECN %02b of class %08b", got, tos)
			}
			mark(b)
			if got := ecnOf(b); got != link.CE {
				t.Fatalf("marked, and it is %02b", got)
			}
		}
		if sum := sumOf(four[:20]); sum != 0xffff {
			t.Fatalf("the checksum is off: %04x", sum)
		}
		if want := ipv4(tos|byte(link.CE), protocolUDP, 0, payload); !bytes.Equal(four, want) {
			t.Fatalf("% x, want % x", four, want)
		}
		if want := ipv6(tos|byte(link.CE), protocolUDP, payload); !bytes.Equal(six, want) {
			t.Fatalf("% x, want % x", six, want)
		}
	})
}

func TestFlowsAreToldApart(t *testing.T) {
	ports := func(from, to byte) []byte { return []byte{0, from, 0, to, 1, 2, 3, 4} }
	different := map[string][]byte{
		"one":           ipv4(0, protocolUDP, 0, ports(1, 2)),
		"other port":    ipv4(0, protocolUDP, 0, ports(1, 3)),
		"the way back":  ipv4(0, protocolUDP, 0, ports(2, 1)),
		"TCP":           ipv4(0, protocolTCP, 0, ports(1, 2)),
		"no ports":      ipv4(0, 1, 0, ports(1, 2)),
		"fragment":      ipv4(0, protocolUDP, 0x2000, ports(1, 2)),
		"IPv6":          ipv6(0, protocolUDP, ports(1, 2)),
		"IPv6, another": ipv6(0, protocolUDP, ports(1, 3)),
		"no IP":         nil,
	}
	seen := map[uint32]string{}
	for name, b := range different {
		h := flowOf(b)
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s are one flow", name, other)
		}
		seen[h] = name
	}
	same := ipv4(3, protocolUDP, 0, append(ports(1, 2), "more"...))
	if flowOf(same) != flowOf(different["one"]) {
		t.Error("ECN and payload are part of the flow")
	}
	if flowOf(ipv4(0, protocolUDP, 0x0010, ports(7, 7))) != flowOf(different["fragment"]) {
		t.Error("the fragments of a packet are not one flow")
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(ipv4(1, protocolTCP, 0, []byte{1, 2, 3, 4}))
	f.Add(ipv6(2, protocolUDP, []byte{1, 2, 3}))
	f.Add([]byte{0x4f})
	f.Fuzz(func(t *testing.T, b []byte) {
		size := len(b)
		flowOf(b)
		mark(b)
		if e := ecnOf(b); e != 0 && e != link.CE || len(b) != size {
			t.Fatalf("marked, and ECN is %d", e)
		}
	})
}
