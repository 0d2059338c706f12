// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/link"
)

// option sets a socket's option of IPv4 or of IPv6.
func (p *party) option(v4, v6, value int) {
	p.t.Helper()
	raw, err := p.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if p.addr.Addr().Is4() {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, v4, value)
		} else {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, v6, value)
		}
	})
	if err != nil || failed != nil {
		p.t.Fatal(err, failed)
	}
}

// ecn receives a datagram and answers its codepoint.
func (p *party) ecn() (link.ECN, netip.AddrPort) {
	p.t.Helper()
	p.SetReadDeadline(time.Now().Add(patience))
	b, control := make([]byte, 1<<16), make([]byte, 256)
	_, n, _, from, err := p.ReadMsgUDPAddrPort(b, control)
	if err != nil {
		p.t.Fatal(err)
	}
	_, ecn := readControl(control[:n], time.Now())
	return ecn, from
}

// RFC 3168, section 5: the codepoint belongs to the datagram, and crosses the WAN with it, unless
// something there changes it to CE.
func TestECNCrossesTheWAN(t *testing.T) {
	for _, ip := range []string{"127.0.0.1:0", "[::1]:0"} {
		r := startRelay(t, Config{Listen: ip})
		a, b := newParty(t, ip), newParty(t, ip)
		for _, p := range []*party{a, b} {
			p.option(unix.IP_RECVTOS, unix.IPV6_RECVTCLASS, 1)
		}
		for _, want := range []link.ECN{link.ECT0, link.NotECT, link.ECT1, link.CE} {
			a.option(unix.IP_TOS, unix.IPV6_TCLASS, int(want))
			a.via(r, []byte("up"), b.addr)
			got, outside := b.ecn()
			if got != want {
				t.Errorf("%s: %v went up and %v came", ip, want, got)
			}
			b.option(unix.IP_TOS, unix.IPV6_TCLASS, int(want))
			b.send([]byte("down"), outside)
			if got, _ := a.ecn(); got != want {
				t.Errorf("%s: %v went down and %v came", ip, want, got)
			}
		}
	}
}

// A queue in the relay marks what a queue in a router would.
func TestTheRelayMarks(t *testing.T) {
	up := link.Config{Rate: 1e6, AQM: link.RED{Min: 1, Max: 2000, Weight: 1, MaxP: 0.9, ECN: true}}
	r := startRelay(t, Config{Up: up})
	a, b := newParty(t, "127.0.0.1:0"), newParty(t, "127.0.0.1:0")
	a.option(unix.IP_TOS, unix.IPV6_TCLASS, int(link.ECT0))
	b.option(unix.IP_RECVTOS, unix.IPV6_RECVTCLASS, 1)
	for range 4 {
		a.via(r, make([]byte, 1000), b.addr)
	}
	marked := int64(0)
	eventually(t, r, "all four came", func(s Stats) bool { return s.Up.Sent.Packets == 4 && s.Up.Inside.Packets == 0 })
	// How many come while others wait, nobody knows; usually two.
	for range r.Stats().Up.Delivered.Packets {
		if got, _ := b.ecn(); got == link.CE {
			marked++
		}
	}
	if s := r.Stats().Up; marked != s.Marked {
		t.Errorf("%d came marked: %v", marked, s)
	}
}
