// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebbproject/ebb/transfer/seal"
	"github.com/ebbproject/ebb/transfer/udp"
)

// wall is a socket that throws what it is given at an endpoint, and counts what comes back.
type wall struct {
	in     chan udp.Message
	closed chan struct{}
	mu     sync.Mutex
	out    map[netip.AddrPort]int // bytes
	last   map[netip.AddrPort][]byte
}

func newWall() *wall {
	return &wall{
		in: make(chan udp.Message), closed: make(chan struct{}),
		out: map[netip.AddrPort]int{}, last: map[netip.AddrPort][]byte{},
	}
}

func (w *wall) throw(from netip.AddrPort, d []byte) {
	w.in <- udp.Message{Data: append([]byte(nil), d...), From: from}
}

func (w *wall) ReadBatch() ([]udp.Message, error) {
	select {
	case m := <-w.in:
		return []udp.Message{m}, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wall) WriteBatch(to netip.AddrPort, data []byte, _ int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out[to] += len(data)
	w.last[to] = append([]byte(nil), data...)
	return nil
}

func (w *wall) got(from netip.AddrPort) (bytes int, last []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out[from], w.last[from]
}

func (w *wall) LocalAddr() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.2:1002") }

func (w *wall) Close() error {
	close(w.closed)
	return nil
}

// besieged runs a story against an endpoint behind a wall.
func besieged(t *testing.T, story func(w *wall, e *Endpoint)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWall()
		fleet := newAuthority(t, "fleet")
		e, err := Listen(Config{Socket: w, Certificate: fleet.issue("e", time.Hour), Roots: fleet.pool()})
		if err != nil {
			t.Fatal(err)
		}
		story(w, e)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (e *Endpoint) pending() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.halfOpen) + len(e.conns)
}

func from(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 4000)
}

// "Unauthenticated input: bytes out <= bytes in, and no state."
func TestStrangersGetNoMoreThanTheySent(t *testing.T) {
	besieged(t, func(w *wall, e *Endpoint) {
		random := rand.New(rand.NewPCG(1, 2))
		junk := func(form byte, n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			b[0] = form
			return b
		}
		for i := range 2000 {
			var d []byte
			switch i % 8 {
			case 0:
				d = appendKnock(nil, newAttempt())
			case 1:
				d = appendKnock(nil, newAttempt())[:random.IntN(knockSize)+1]
			case 2:
				d = junk(formOutward, 1+random.IntN(300)) // no token
			case 3:
				d = junk(formInward, 1+random.IntN(300))
			case 4:
				d = junk(0xE0, 1+random.IntN(1400)) // sealed by nobody
			case 5:
				d = junk(22, 1+random.IntN(300)) // bare DTLS
			case 6:
				d = junk(formToken, tokenReply)
			default:
				d = junk(byte(random.Uint32()), 1+random.IntN(100))
			}
			w.throw(from(i), d)
			synctest.Wait()
			if out, _ := w.got(from(i)); out > len(d) {
				t.Fatalf("%d bytes for %d: % x", out, len(d), d[:min(40, len(d))])
			}
		}
		if n := e.pending(); n != 0 {
			t.Errorf("%d strangers left something behind", n)
		}
	})
}

// hello is a ClientHello that begins a DTLS handshake and never goes on.
func hello(t *testing.T) []byte {
	t.Helper()
	fleet := newAuthority(t, "strangers")
	first := make(chan []byte, 1)
	p := newPipe(netip.AddrPort{}, netip.MustParseAddrPort("192.0.2.2:1002"), func(records []byte) {
		select {
		case first <- append([]byte(nil), records...):
		default:
		}
	})
	e := &Endpoint{cfg: Config{Roots: fleet.pool()}}
	e.Renewed(fleet.issue("s", time.Hour))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = e.shakeHands(ctx, p, true)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	return <-first
}

// knockFor gets a token for an address.
func (w *wall) knockFor(a netip.AddrPort) (attempt, []byte) {
	try := newAttempt()
	w.throw(a, appendKnock(nil, try))
	synctest.Wait()
	_, reply := w.got(a)
	_, token, _ := parseToken(reply)
	return try, token
}

func outward(try attempt, token, records []byte) []byte {
	return append(append(append([]byte{formOutward}, try[:]...), token...), records...)
}

func TestHalfOpenHandshakesAreBounded(t *testing.T) {
	besieged(t, func(w *wall, e *Endpoint) {
		records := hello(t)
		begin := func(a netip.AddrPort) {
			try, token := w.knockFor(a)
			w.throw(a, outward(try, token, records))
			synctest.Wait()
		}
		for port := range 40 {
			begin(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(1000+port)))
		}
		if n := e.pending(); n != MaxPerPrefix {
			t.Errorf("%d handshakes from one prefix, the limit is %d", n, MaxPerPrefix)
		}
		for i := range 400 {
			begin(from(i))
		}
		if n := e.pending(); n != maxHalfOpen {
			t.Errorf("%d handshakes, the limit is %d", n, maxHalfOpen)
		}
		time.Sleep(e.cfg.HandshakeTimeout + time.Second)
		synctest.Wait()
		if n := e.pending(); n != 0 || len(e.porch.prefixes) != 0 {
			t.Errorf("%d handshakes are left after the time limit", n)
		}
		begin(from(1))
		if n := e.pending(); n != 1 {
			t.Error("there is no room again")
		}
	})
}

func TestTokens(t *testing.T) {
	m, now := newMint(), time.Unix(1e9, 0)
	a, b := from(1), from(2)
	try := newAttempt()
	token := m.issue(now, a, try)
	for _, c := range []struct {
		name string
		good bool
		want bool
	}{
		{"at once", m.good(now, a, try, token), true},
		{"a minute later", m.good(now.Add(tokenLife), a, try, token), true},
		{"two minutes later", m.good(now.Add(2*tokenLife), a, try, token), false},
		{"from elsewhere", m.good(now, b, try, token), false},
		{"for another attempt", m.good(now, a, newAttempt(), token), false},
		{"cut short", m.good(now, a, try, token[:15]), false},
		{"by another endpoint", newMint().good(now, a, try, token), false},
	} {
		if c.good != c.want {
			t.Errorf("%s: %v", c.name, c.good)
		}
	}
}

// What strangers can send into an open conversation: nothing changes.
func TestForgeriesDoNothing(t *testing.T) {
	inWorld(t, ordinary, ordinary, func(w *world) {
		stranger := w.net.Listen(netip.MustParseAddrPort("203.0.113.9:9"))
		w.net.Join(stranger, w.hostB, wire(ordinary), wire(ordinary))
		f := pour(w.dialed, w.accepted)
		random := rand.New(rand.NewPCG(3, 4))
		for range 2000 {
			d := make([]byte, seal.Overhead+random.IntN(1300))
			for i := range d {
				d[i] = byte(random.Uint32())
			}
			d[0] = 0xE0 | d[0]&1
			binary.BigEndian.PutUint32(d[1:], w.accepted.own)
			if _, err := stranger.WriteTo(d, w.b.Addr()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(ms)
		}
		if a := w.accepted.RemoteAddr(); a != w.a.Addr() {
			t.Errorf("the peer is seen at %v", a)
		}
		if err := w.accepted.Err(); err != nil {
			t.Error(err)
		}
		if got := f.bits(time.Second); got < .8*ordinary.Rate {
			t.Errorf("goodput %s", share(got, ordinary.Rate))
		}
		f.end()
	})
}

func FuzzRoute(f *testing.F) {
	f.Add(appendKnock(nil, newAttempt()))
	f.Add(append([]byte{formToken, knockVersion}, make([]byte, tokenReply-2)...))
	f.Add(append([]byte{formOutward}, make([]byte, 100)...))
	f.Add(append([]byte{formInward}, make([]byte, 100)...))
	f.Add(append([]byte{0xE0}, make([]byte, 60)...))
	fleet := newAuthority(f, "fleet")
	w := newWall()
	e, err := Listen(Config{Socket: w, Certificate: fleet.issue("e", time.Hour), Roots: fleet.pool()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	now := time.Now()
	f.Fuzz(func(t *testing.T, d []byte) {
		a := from(len(d))
		before, _ := w.got(a)
		e.route(now, &udp.Message{Data: append([]byte(nil), d...), From: a})
		if after, _ := w.got(a); after-before > len(d) {
			t.Errorf("%d bytes for %d", after-before, len(d))
		}
		if e.pending() != 0 {
			t.Error(fmt.Sprintf("% x", d), "left something behind")
		}
	})
}

func FuzzGreeting(f *testing.F) {
	g, err := newGreeting(largestDatagram)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(g.content)
	f.Add([]byte{greetingVersion, 5, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		g := greeting{changed: make(chan struct{}, 1)}
		g.heard(b)
		if g.heardIt == (g.fault != nil) {
			t.Errorf("heard %v, fault %v", g.heardIt, g.fault)
		}
	})
}
