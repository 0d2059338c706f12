// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/lan"
)

// listNear makes the control plane name a host with the port that it has for neighbours.
func (w *world) listNear(id fleet.Identity, addr netip.AddrPort, port uint16) {
	w.list(id, addr)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members[len(w.members)-1].TLS = port
}

// Neighbours exchange a content over TCP, hosts of two locations over UDP.
func TestNeighboursUseTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.publish("image", 5<<20, w.secret)
	from := w.start(w.host(fleet.RoleAgent, "here"))
	from.holds(x)
	near, far := w.start(w.host(fleet.RoleAgent, "here")), w.start(w.host(fleet.RoleAgent, "there"))
	if got := from.lanPort(); got != from.Addr().Port() {
		t.Logf("TCP listens at %d, UDP at %d", got, from.Addr().Port()) // another program may have the number
	}
	w.listNear(from.node.Identity, from.Addr(), from.lanPort())
	for _, c := range []struct {
		*running
		carrier string
	}{{near, CarrierTLS}, {far, CarrierUDP}} {
		id, out := c.get("image")
		c.arrives(id, out, x)
		if got := c.peer(from.node.Identity.Peer).Carrier; got != c.carrier {
			t.Errorf("in %s the conversation runs on %q", c.node.Identity.Location, got)
		}
	}
}

// Where TCP is refused, and where it is swallowed, UDP is used, and TCP left alone for a while.
func TestWhereTCPDoesNotGetThroughUDPDoes(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	must(t, err)
	defer hole.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	for name, port := range map[string]uint16{
		"swallowed": uint16(hole.Addr().(*net.TCPAddr).Port), "refused": uint16(closed.Addr().(*net.TCPAddr).Port)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			x := w.publish("image", 1<<20, w.secret)
			from := w.start(w.host(fleet.RoleAgent, "here"))
			from.holds(x)
			to := w.start(w.host(fleet.RoleAgent, "here"))
			w.listNear(from.node.Identity, from.Addr(), port)
			id, out := to.get("image")
			to.arrives(id, out, x)
			if got := to.peer(from.node.Identity.Peer).Carrier; got != CarrierUDP {
				t.Errorf("the conversation runs on %q", got)
			}
			a := agent.Dial{Peer: from.node.Identity.Peer, Addr: from.Addr(), TLS: port}
			eventually(t, "remembering the way", func() (past bool) {
				to.ask(func(_ *agent.Core, now time.Time) {
					past = !to.fast(now, a).IsValid() && to.fast(now.Add(lanAgain+time.Second), a).IsValid()
				})
				return past
			})
		})
	}
}

// A policy of udp neither listens for neighbours nor dials them.
func TestTheCarrierIsChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.host(fleet.RoleAgent, "here")
	o := Options{Node: n, Socket: socket(t), Carrier: CarrierUDP}
	defer o.Socket.Close()
	if e := o.listenLan(); e != nil {
		t.Error("listens")
		e.Close()
	}
	d := &Daemon{o: o, detours: detours{}}
	if d.lanPort() != 0 || d.fast(time.Now(), agent.Dial{Addr: netip.MustParseAddrPort("127.0.0.1:1"), TLS: 1}).IsValid() {
		t.Error("it would be used")
	}
}

// Should the number of the UDP port be taken, neighbours are told another one.
func TestTheTCPPortIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 20 {
		s := socket(t)
		taken, err := net.Listen("tcp", s.LocalAddr().String())
		if err != nil { // by somebody else: as good, but not ours to know
			must(t, s.Close())
			continue
		}
		defer taken.Close()
		defer s.Close()
		r := &logBook{}
		e := Options{Node: w.host(fleet.RoleAgent, "here"), Socket: s, Carrier: CarrierTLS, Log: logger(r)}.listenLan()
		if e == nil || e.Addr().Port() == s.LocalAddr().Port() {
			t.Fatalf("%v\n%s", e, r)
		}
		must(t, e.Close())
		return
	}
	t.Fatal("no port was free")
}

// Of two connections that were dialled at the same time, both ends keep the one over TCP, and of two alike that of the smaller name.
func TestBothEndsKeepTheSameConnection(t *testing.T) {
	now := time.Now()
	id := func(name string) fleet.Identity { return fleet.Identity{Peer: name} }
	a := &Daemon{o: Options{Node: &node.Node{Identity: id("a")}}}
	b := &Daemon{o: Options{Node: &node.Node{Identity: id("b")}}}
	conversing := func(with string, c connection, dialled bool) *conversation {
		return &conversation{id: id(with), conn: c, dialled: dialled, since: now}
	}
	tcp, udp := &lan.Conn{}, &carrier.Conn{}
	for _, c := range []struct {
		byA, byB connection
		stays    string
	}{{udp, udp, "a"}, {tcp, tcp, "a"}, {tcp, udp, "a"}, {udp, tcp, "b"}} {
		atA := map[string]*conversation{"a": conversing("b", c.byA, true), "b": conversing("b", c.byB, false)}
		atB := map[string]*conversation{"a": conversing("a", c.byA, false), "b": conversing("a", c.byB, true)}
		for first, second := range map[string]string{"a": "b", "b": "a"} {
			if a.keeps(atA[first], atA[second]) != (first == c.stays) {
				t.Errorf("a, %T and %T: the one by %s came first, and the wrong one stayed", c.byA, c.byB, first)
			}
			if b.keeps(atB[first], atB[second]) != (first == c.stays) {
				t.Errorf("b, %T and %T: the one by %s came first, and the wrong one stayed", c.byA, c.byB, first)
			}
		}
	}
	old := conversing("b", tcp, true)
	old.since = now.Add(-settle - time.Second)
	if a.keeps(old, conversing("b", udp, false)) {
		t.Error("the peer has dialled again and has lost the old one")
	}
}

func logger(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }
