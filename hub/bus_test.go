// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

// onBus starts the hub again with a bus.
func (w *world) onBus(o BusOptions) *world {
	w.stop()
	w.bus = o
	w.start()
	return w
}

var anyPort = BusOptions{Listen: netip.MustParseAddrPort("127.0.0.1:0")}

// listen joins the bus as an agent does and hands over what comes.
func (s *subject) listen() (heard chan []byte) {
	s.Helper()
	heard, up := make(chan []byte, 16), make(chan struct{}, 16)
	reply, err := sync1(s.client, fleet.SyncRequest{})
	s.must(err)
	h, err := bus.Join(bus.Options{Self: func() *node.Node { return s.node }, Bus: *reply.Bus, Log: s.hub.o.Log,
		Heard: func(raw []byte) { heard <- raw }, Up: func() { up <- struct{}{} }})
	s.must(err)
	s.Cleanup(h.Close)
	s.await(up)
	return heard
}

func (w *world) await(c <-chan struct{}) {
	w.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		w.Fatal("nothing has come in a minute")
	}
}

// next is the document that comes first.
func (s *subject) next(heard <-chan []byte) desired.Document {
	s.Helper()
	select {
	case raw := <-heard:
		d, err := s.book.Heard(s.clock(), raw)
		s.must(err)
		return d
	case <-time.After(time.Minute):
		s.Fatal("nothing has come in a minute")
	}
	return desired.Document{}
}

func TestPushReachesWhoItConcerns(t *testing.T) {
	w := newWorld(t).onBus(anyPort)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	inBerlin, inOslo := berlin.listen(), oslo.listen()
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("oslo")})
	w.steer(desired.Command{Verb: desired.DoStop})
	for _, s := range []struct {
		*subject
		heard chan []byte
	}{{berlin, inBerlin}, {oslo, inOslo}} {
		kinds := map[desired.Kind]bool{} // in any order
		for range 2 {
			d := s.next(s.heard)
			kinds[d.Kind] = true
			if !d.Scope.Concerns(s.node.Identity) {
				t.Errorf("%s hears %+v", s.node.Identity, d)
			}
		}
		if !kinds[desired.Pause] || !kinds[desired.Stop] {
			t.Errorf("%s hears %v", s.node.Identity, kinds)
		}
	}
}

// raw is a connection to the bus that keeps to nothing.
func (s *subject) raw(errs chan error, more ...nats.Option) (*nats.Conn, error) {
	s.Helper()
	return nats.Connect(s.hub.bus.Told("").URLs[0], append(more, nats.Secure(&tls.Config{ServerName: fleet.HubName, RootCAs: s.node.Roots,
		Certificates: []tls.Certificate{s.node.Certificate}}), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))...)
}

// A host may hear what is for it and say nothing: neither as another nor as the hub.
func TestBusPermissions(t *testing.T) {
	w := newWorld(t).onBus(anyPort)
	s, other := w.subject("berlin"), w.subject("oslo")
	errs := make(chan error, 16)
	conn, err := s.raw(errs)
	w.must(err)
	defer conn.Close()
	for _, subject := range []string{">", "ebb.>", "$SYS.>", bus.Subjects(other.node.Identity)[1], bus.Subjects(other.node.Identity)[2]} {
		_, err := conn.Subscribe(subject, func(m *nats.Msg) { t.Errorf("heard on %s", m.Subject) })
		w.must(err)
		w.must(conn.Flush())
		if err := <-errs; !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range append(bus.Subjects(other.node.Identity), bus.Subjects(s.node.Identity)...) {
		w.must(conn.Publish(subject, []byte("x")))
		w.must(conn.Flush())
		if err := <-errs; !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("%s: %v", subject, err)
		}
	}
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("oslo")})
	w.must(conn.Flush())
	if conn.Publish(bus.Subjects(s.node.Identity)[0], make([]byte, 1<<20)) == nil {
		t.Error("a megabyte is taken")
	}
}

func TestStrangersAreNotLetOntoTheBus(t *testing.T) {
	w, other := newWorld(t).onBus(anyPort), newWorld(t)
	s, foreign := w.subject("berlin"), other.subject("berlin")
	foreign.node.Roots = s.node.Roots
	foreign.world = w
	if _, err := foreign.raw(nil); err == nil {
		t.Error("a host of another fleet is let in")
	}
	if _, err := nats.Connect(w.hub.bus.Told("").URLs[0], nats.Secure(&tls.Config{ServerName: fleet.HubName, RootCAs: s.node.Roots})); err == nil {
		t.Error("a host without a certificate is let in")
	}
	w.steer(desired.Command{Verb: desired.DoRevoke, Selector: desired.Selector{Peer: s.node.Identity.Peer}})
	if _, err := s.raw(nil); err == nil {
		t.Error("a revoked host is let in")
	}
}

// A bus that cannot be reached holds nobody up: orders are durable and come with the news.
func TestSwallowedPush(t *testing.T) {
	w := newWorld(t).onBus(BusOptions{Cluster: bus.Cluster{URLs: []string{"nats://127.0.0.1:1"}}})
	berlin := w.subject("berlin")
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	berlin.exchange()
	if !berlin.paused() {
		t.Error("not paused")
	}
}

// Whoever is revoked is thrown off the bus at once, and is let in again when that is taken back.
func TestRevokedHostLosesTheBus(t *testing.T) {
	for name, o := range map[string]BusOptions{"port": anyPort, "control port": {Control: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).onBus(o)
			s, other := w.subject("berlin"), w.subject("berlin")
			heard := other.listen()
			gone := make(chan error, 1)
			conn, err := s.raw(nil, nats.ClosedHandler(func(c *nats.Conn) { gone <- c.LastError() }))
			w.must(err)
			defer conn.Close()
			revoked := w.steer(desired.Command{Verb: desired.DoRevoke, Selector: desired.Selector{Peer: s.node.Identity.Peer}})
			select {
			case <-gone:
			case <-time.After(time.Minute):
				t.Fatal("it is still on the bus")
			}
			if _, err := s.raw(nil); err == nil {
				t.Error("it is let in again")
			}
			w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
			other.next(heard)
			other.next(heard) // in any order
			if !other.paused() {
				t.Error("its neighbour does not hear what is ordered next")
			}
			w.steer(desired.Command{Verb: desired.DoUndo, Undo: revoked.ID})
			again, err := s.raw(nil)
			w.must(err)
			again.Close()
		})
	}
}

// A host stays no longer on the bus than its certificate is good.
func TestBusEndsWithTheCertificate(t *testing.T) {
	w := newWorld(t).onBus(anyPort)
	s := w.subject("berlin")
	der, err := w.hub.ca.issue(s.node.Certificate.PrivateKey.(*ecdsa.PrivateKey).Public(), s.node.Identity, false, time.Now().Add(2*time.Second-hostLife))
	w.must(err)
	s.node.Certificate.Certificate = [][]byte{der}
	said := make(chan error, 16)
	conn, err := s.raw(said)
	if err != nil {
		t.Skip("this machine took two seconds to connect: ", err)
	}
	defer conn.Close()
	select {
	case err := <-said:
		if !errors.Is(err, nats.ErrAuthExpired) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it is still on the bus")
	}
}

// One port is enough: the bus is offered on the control port, with the same rules.
func TestBusOnTheControlPort(t *testing.T) {
	w := newWorld(t).onBus(BusOptions{Control: true})
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	heard := berlin.listen()
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	if d := berlin.next(heard); d.Scope != in("berlin") || !berlin.paused() {
		t.Errorf("%+v", d)
	}
	errs := make(chan error, 16)
	conn, err := berlin.raw(errs)
	w.must(err)
	defer conn.Close()
	for _, subject := range []string{bus.Subjects(oslo.node.Identity)[2], bus.Subjects(berlin.node.Identity)[0]} {
		w.must(conn.Publish(subject, []byte("x")))
		w.must(conn.Flush())
		if err := <-errs; !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("%s: %v", subject, err)
		}
	}
	inner := w.hub.bus.Inner()
	for _, o := range []nats.Option{nats.Name("nobody"), nats.UserInfo("hub", "x"),
		nats.UserInfo(fmt.Sprintf("%d|%s", time.Now().Add(time.Hour).Unix(), oslo.node.Identity), "")} {
		if _, err := nats.Connect(inner, o); err == nil {
			t.Error("who comes from within this host without a ticket is let in")
		}
	}
}

// What is ordered is the hub's journal. A bus that is gone with all it had, on a hub that lost power, forgets nothing.
func TestNothingIsLostWithTheBus(t *testing.T) {
	w := newWorld(t).onBus(anyPort)
	berlin := w.subject("berlin")
	berlin.listen()
	w.steer(desired.Command{Verb: desired.DoPause, Selector: in("berlin")})
	list, err := os.ReadDir(w.state)
	w.must(err)
	for _, x := range list {
		if x.IsDir() {
			t.Errorf("the hub keeps a folder %s beside its store: is that the bus's?", x.Name())
		}
	}
	w.must(w.hub.bus.Close()) // all there is of it
	w.cutPower()
	if docs := w.hub.Desired(); len(docs) != 1 || docs[0].Scope != in("berlin") || !docs[0].Paused {
		t.Errorf("%+v", docs)
	}
	berlin.client.Close() // its connection has ended, too, and it may not know that yet
	berlin.exchange()
	heard := berlin.listen()
	w.steer(desired.Command{Verb: desired.DoResume, Selector: in("berlin")})
	berlin.next(heard)
	if berlin.paused() {
		t.Error("what is said after that counts for nothing")
	}
}
