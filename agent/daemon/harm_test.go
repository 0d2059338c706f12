// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/ledbat/harm"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/linktest"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
)

// site is some hosts in virtual time: one in berlin, and others elsewhere, all behind the same uplink of berlin.
type site struct {
	t      *testing.T
	w      *world
	net    *linktest.Network
	home   *carrier.Endpoint
	socket *linktest.Endpoint
	uplink *linktest.Path
	others []*carrier.Endpoint
}

func (s *site) endpoint(addr, location string) (*carrier.Endpoint, *linktest.Endpoint, fleet.Identity) {
	n := s.w.host(fleet.RoleAgent, location)
	socket := s.net.Listen(netip.MustParseAddrPort(addr))
	rfc6817, err := carrier.Named("rfc6817") // which makes a queue that is to be found
	must(s.t, err)
	e, err := carrier.Listen(carrier.Config{Socket: udptest.Over(socket, 0), Certificate: n.Certificate, Roots: n.Roots, Controller: rfc6817})
	must(s.t, err)
	return e, socket, n.Identity
}

// connect adds a host and a connection to it that sends as much as it may.
func (s *site) connect(addr, location string) (*carrier.Conn, fleet.Identity) {
	e, socket, id := s.endpoint(addr, location)
	s.others = append(s.others, e)
	s.net.Route(s.socket, socket, s.uplink)
	s.net.Route(socket, s.socket, s.net.Path(link.Config{Delay: 25 * time.Millisecond, Overhead: 28, MTU: 1500}))
	conn, err := s.home.Dial(context.Background(), e.Addr())
	must(s.t, err)
	peer, err := e.Accept(context.Background())
	must(s.t, err)
	go func() {
		for {
			if _, err := peer.Receive(context.Background()); err != nil {
				return
			}
		}
	}()
	return conn, id
}

func pour(conn *carrier.Conn) {
	message := make([]byte, carrier.MaxMessage)
	for {
		for conn.Budget() > 0 {
			if conn.Send(message[:conn.Grain()], true) != nil {
				return
			}
		}
		select {
		case <-conn.Ready():
		case <-conn.Done():
			return
		}
	}
}

// Two flows to one location are silent together, and what they add is their common queue; a host that only asks is not experimented with.
func TestTrialsOfALocation(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of processor time")
	}
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, w: newWorld(t), net: linktest.New()}
		s.uplink = s.net.Path(link.Config{Rate: 8e6, Delay: 25 * time.Millisecond, BufferTime: 300 * time.Millisecond, Overhead: 28, MTU: 1500})
		s.home, s.socket, _ = s.endpoint("192.0.2.1:1", "berlin")
		x := newTrials(harm.Config{Seed: 1, Share: .06})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			x.run(ctx)
		}()
		var conns []*carrier.Conn
		for i, h := range []struct{ addr, location string }{{"192.0.2.2:1", "oslo"}, {"192.0.2.3:1", "oslo"}, {"192.0.2.4:1", "lagos"}} {
			conn, id := s.connect(h.addr, h.location)
			conns = append(conns, conn)
			x.mail.put(func(now time.Time) { x.joined(now, id, conn) })
			if i < 2 {
				go pour(conn)
			}
		}
		for range 150 * 20 {
			if err := conns[2].Send([]byte("a request"), false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
		var h api.Harm
		done := make(chan struct{})
		x.mail.put(func(time.Time) {
			x.report("", &h)
			close(done)
		})
		<-done
		for _, v := range append(h.Locations, h.Paths...) {
			added := -1.
			if v.Added != nil {
				added = *v.Added
			}
			t.Logf("%s %s: %s, %.1f ms, %d pairs, %d probes, %d void", v.Location, v.Peer, v.Verdict, added, v.Pairs, v.Probes, v.Void)
			switch {
			case v.Location == "lagos" && v.Pairs+v.Void > 0:
				t.Error("a host that was asked a little was experimented with")
			case v.Location == "oslo" && (v.Verdict != api.VerdictHarm || v.Pairs < 10 || *v.Low < 20 || *v.High > 130 || v.Void > 1):
				t.Errorf("%+v; two flows queue for up to twice 60 ms", v)
			}
		}
		if len(h.Locations) != 2 || len(h.Paths) != 3 || h.Locations[1].Pairs >= h.Paths[1].Pairs+h.Paths[2].Pairs {
			t.Errorf("%+v", h)
		}
		for i, conn := range conns {
			if st := conn.Stats(); st.Timeouts+st.SCTPTimeouts > 0 {
				t.Errorf("connection %d noticed: %+v", i, st)
			}
		}
		cancel()
		<-ended
		must(t, s.home.Close())
		for _, e := range s.others {
			must(t, e.Close())
		}
		must(t, s.net.Close())
	})
}

// The page of a daemon that has met nobody is empty lists, not null; of an unknown location it is a problem.
func TestHarmOfNobody(t *testing.T) {
	w := newWorld(t)
	r := w.start(w.host(fleet.RoleAgent, "berlin"))
	var h api.Harm
	r.call("GET", "harm", "", &h)
	if h.Locations == nil || h.Paths == nil || len(h.Locations)+len(h.Paths) > 0 {
		t.Errorf("%+v", h)
	}
	r.call("GET", "harm?location=berlin", "", &h)
}

// What is remembered of hosts is bounded: who was away for the longest time is forgotten first, who is here never.
func TestPathsAreForgotten(t *testing.T) {
	x := newTrials(harm.Config{Seed: 1})
	now := time.Unix(0, 0)
	conn := &stillConn{}
	for i := range 3 * maxPaths {
		id := fleet.Identity{Location: "oslo", Peer: strings.Repeat("x", i+1)}
		x.joined(now.Add(time.Duration(i)*time.Second), id, conn)
		if i > 0 {
			x.left(id, conn)
		}
	}
	if n := len(x.places["oslo"].paths); n != maxPaths {
		t.Errorf("%d paths are remembered", n)
	}
	if p := x.places["oslo"].paths["x"]; p == nil || p.conn == nil {
		t.Error("one that is connected was forgotten")
	}
}

// stillConn is a connection over which nothing goes.
type stillConn struct{}

func (*stillConn) Hush(time.Time)                        {}
func (*stillConn) Sample()                               {}
func (*stillConn) Sampled(s []harm.Sample) []harm.Sample { return s }
func (*stillConn) Handed() uint64                        { return 0 }
func (*stillConn) Stats() carrier.Stats                  { return carrier.Stats{} }
