// SPDX-License-Identifier: Apache-2.0

package udp_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/ebbproject/ebb/link"
	realrelay "github.com/ebbproject/ebb/link/relay"
	"github.com/ebbproject/ebb/transfer/udp"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
)

// The emulated WAN writes its own header, for it must not see into this room; both must mean the same bytes.
func TestTheWANWritesTheSameHeader(t *testing.T) {
	for _, h := range headers {
		address := netip.MustParseAddrPort(h.address)
		ours, theirs := udp.AppendHeader(nil, address), realrelay.AppendHeader(nil, address)
		if !bytes.Equal(ours, theirs) {
			t.Errorf("header for %s: %x here, %x at the relay", address, ours, theirs)
		}
	}
}

// Two hosts behind one location's relay reach each other at their outside addresses.
func TestBehindTheWANConforms(t *testing.T) {
	udptest.Conformance(t, func(t *testing.T) (a, b udptest.Peer) {
		wan, err := realrelay.Start(realrelay.Config{Listen: "127.0.0.1:0", Up: link.Config{MTU: 1 << 16}, Down: link.Config{MTU: 1 << 16}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = wan.Close() })
		witness := listen(t, udp.Config{Address: loopback4})
		for _, p := range []*udptest.Peer{&a, &b} {
			p.Socket = udp.Via(listen(t, udp.Config{Address: loopback4, Buffer: modestBuffer}), wan.Inside(), never)
			if err := p.Socket.WriteBatch(witness.LocalAddr(), []byte("who am I"), 100); err != nil {
				t.Fatal(err)
			}
			seen, err := witness.ReadBatch()
			if err != nil {
				t.Fatal(err)
			}
			p.Address = seen[0].From
		}
		return a, b
	})
}
