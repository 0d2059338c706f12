// SPDX-License-Identifier: Apache-2.0

package udp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/ebbproject/ebb/transfer/udp"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
	"pgregory.net/rapid"
)

func never(netip.AddrPort) bool { return false }

// The bytes of RFC 1928 section 7, by hand: RSV 0000, FRAG 00, ATYP, DST.ADDR, DST.PORT in network order.
var headers = []struct{ address, bytes string }{
	{"192.0.2.7:4660", "00000001" + "c0000207" + "1234"},
	{"0.0.0.0:1", "00000001" + "00000000" + "0001"},
	{"[2001:db8::9]:65535", "00000004" + "20010db8000000000000000000000009" + "ffff"},
}

func TestHeaderIsThatOfTheRFC(t *testing.T) {
	for _, h := range headers {
		address := netip.MustParseAddrPort(h.address)
		if got := hex.EncodeToString(udp.AppendHeader(nil, address)); got != h.bytes {
			t.Errorf("header for %s: %s, want %s", h.address, got, h.bytes)
		}
		raw, _ := hex.DecodeString(h.bytes)
		from, payload, ok := udp.ParseHeader(append(raw, "payload"...))
		if !ok || from != address || string(payload) != "payload" {
			t.Errorf("parsed %s: %s %q %t", h.bytes, from, payload, ok)
		}
	}
}

func TestHeadersOfOtherKindsAreRefused(t *testing.T) {
	for _, h := range []string{
		"",
		"00000001c000020712",       // too short
		"00000104c00002071234",     // a fragment
		"00010001c00002071234",     // reserved bits
		"0000000301611234ffffffff", // a name
		"00000004c00002071234",     // IPv6, too short
		"00000001c00002070000",     // port 0
		"0000000400000000000000000000ffffc00002071234", // IPv4 dressed as IPv6
	} {
		raw, _ := hex.DecodeString(h)
		if from, _, ok := udp.ParseHeader(raw); ok {
			t.Errorf("%s was taken for a header from %s", h, from)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, h := range headers {
		raw, _ := hex.DecodeString(h.bytes)
		f.Add(append(raw, "payload"...))
	}
	// What parses is what appending the address gives: there is one form for each.
	f.Fuzz(func(t *testing.T, d []byte) {
		from, payload, ok := udp.ParseHeader(d)
		if !ok {
			return
		}
		again := append(udp.AppendHeader(nil, from), payload...)
		if !bytes.Equal(again, d) {
			t.Fatalf("%x parses to %s and %x", d, from, payload)
		}
	})
}

// relay forwards datagrams between the hosts behind it: out with the destination in the header, in with the source.
func relay(t *testing.T) netip.AddrPort {
	s := listen(t, udp.Config{Address: loopback4, Buffer: modestBuffer})
	done := make(chan struct{})
	t.Cleanup(func() { _ = s.Close(); <-done })
	go func() {
		defer close(done)
		for {
			messages, err := s.ReadBatch()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			for _, m := range messages {
				if to, payload, ok := udp.ParseHeader(m.Data); ok {
					d := append(udp.AppendHeader(nil, m.From), payload...)
					_ = s.WriteBatch(to, d, len(d))
				}
			}
		}
	}()
	return s.LocalAddr()
}

func TestThroughARelayConforms(t *testing.T) {
	udptest.Conformance(t, func(t *testing.T) (a, b udptest.Peer) {
		through := relay(t)
		for _, p := range []*udptest.Peer{&a, &b} {
			conn := listen(t, udp.Config{Address: loopback4, Buffer: modestBuffer})
			p.Socket, p.Address = udp.Via(conn, through, never), conn.LocalAddr()
		}
		return a, b
	})
}

func TestDirectConforms(t *testing.T) {
	udptest.Conformance(t, func(t *testing.T) (a, b udptest.Peer) {
		for _, p := range []*udptest.Peer{&a, &b} {
			conn := listen(t, udp.Config{Address: loopback4, Buffer: modestBuffer})
			p.Socket = udp.Via(conn, netip.MustParseAddrPort("127.0.0.1:9"), func(netip.AddrPort) bool { return true })
			p.Address = conn.LocalAddr()
		}
		return a, b
	})
}

func TestGarbageFromTheRelayIsDropped(t *testing.T) {
	inner, relay := udptest.Pair()
	host := udp.Via(inner, relay.LocalAddr(), never)
	source := netip.MustParseAddrPort("198.51.100.3:33")
	for _, d := range [][]byte{[]byte("no header at all, only words"), {}, {0, 0, 0, 1}, append(udp.AppendHeader(nil, source), "word"...)} {
		if err := relay.WriteBatch(inner.LocalAddr(), d, 100); err != nil {
			t.Fatal(err)
		}
	}
	got, err := host.ReadBatch()
	if err != nil || len(got) != 1 || got[0].From != source || string(got[0].Data) != "word" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Every segment gets its header and keeps its bytes, whatever the sizes.
func TestPropertySegmentsKeepTheirBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		inner, relay := udptest.Pair()
		host := udp.Via(inner, relay.LocalAddr(), never)
		to := netip.AddrPortFrom(netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.200", "2001:db8::1"}).Draw(rt, "to")), rapid.Uint16Range(1, 65535).Draw(rt, "port"))
		data := rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(rt, "data")
		segment := rapid.IntRange(1, 500).Draw(rt, "segment")
		if err := host.WriteBatch(to, bytes.Clone(data), segment); err != nil {
			rt.Fatal(err)
		}
		for rest := data; len(rest) > 0; {
			messages, err := relay.ReadBatch()
			if err != nil {
				rt.Fatal(err)
			}
			want := rest[:min(segment, len(rest))]
			address, payload, ok := udp.ParseHeader(messages[0].Data)
			if !ok || address != to || !bytes.Equal(payload, want) {
				rt.Fatalf("%s %x, want %s %x", address, payload, to, want)
			}
			rest = rest[len(want):]
		}
	})
}
