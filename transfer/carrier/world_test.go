// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/linktest"
	"github.com/ebbproject/ebb/transfer/udp/udptest"
)

const ms = time.Millisecond

// wire is a link as the internet has them: packets of 1500 bytes, UDP and IPv4 headers.
func wire(c link.Config) link.Config {
	c.Overhead = 28
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	return c
}

// world is two hosts on a network in virtual time, with a Conn between them.
type world struct {
	t            *testing.T
	net          *linktest.Network
	hostA, hostB *linktest.Endpoint
	there, back  *linktest.Path
	a, b         *Endpoint
	dialed       *Conn
	accepted     *Conn
	start        time.Time
	controller   string // empty: the default
}

// inWorld runs a story between two hosts; there is the path of what the dialer sends.
func inWorld(t *testing.T, there, back link.Config, story func(w *world)) {
	t.Helper()
	inWorldOf(t, ledbat.DefaultName, there, back, story)
}

// inWorldOf is inWorld with a controller of that name.
func inWorldOf(t *testing.T, controller string, there, back link.Config, story func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: linktest.New(), controller: controller}
		defer w.net.Close()
		w.hostA = w.net.Listen(netip.MustParseAddrPort("192.0.2.1:1001"))
		w.hostB = w.net.Listen(netip.MustParseAddrPort("192.0.2.2:1002"))
		w.there, w.back = w.net.Join(w.hostA, w.hostB, wire(there), wire(back))
		fleet := newAuthority(t, "fleet")
		w.a, w.b = w.endpoint(fleet, w.hostA), w.endpoint(fleet, w.hostB)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var err error
		if w.dialed, err = w.a.Dial(ctx, w.b.Addr()); err != nil {
			t.Fatal(err)
		}
		if w.accepted, err = w.b.Accept(ctx); err != nil {
			t.Fatal(err)
		}
		w.start = time.Now()
		story(w)
		if err := w.a.Close(); err != nil {
			t.Error(err)
		}
		if err := w.b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// long skips a test that takes seconds of processor time.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

func (w *world) endpoint(a *authority, d *linktest.Endpoint) *Endpoint {
	controller, err := Named(w.controller)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := Listen(Config{Socket: udptest.Over(d, 0), Certificate: a.issue("host", 48*time.Hour), Roots: a.pool(), Controller: controller})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) elapsed() time.Duration { return time.Since(w.start) }

// flow is bulk data in one direction.
type flow struct {
	from, to *Conn
	received atomic.Int64
	requests atomic.Int64 // messages of other sizes than bulk's
	stop     chan struct{}
	ended    chan struct{}
}

// pour sends as much as the budget allows, until stopped.
func pour(from, to *Conn) *flow { return pourLate(from, to, 0) }

// pourLate is pour on a host that takes that long to do what it was woken for.
func pourLate(from, to *Conn, late time.Duration) *flow {
	f := &flow{from: from, to: to, stop: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		message := make([]byte, MaxMessage)
		for {
			for from.Budget() > 0 {
				if from.Send(message[:from.Grain()], true) != nil {
					return
				}
			}
			select {
			case <-from.Ready():
				time.Sleep(late)
			case <-f.stop:
				return
			case <-from.Done():
				return
			}
		}
	}()
	go func() {
		for {
			m, err := to.Receive(context.Background())
			if err != nil {
				return
			}
			if len(m) < 100 {
				f.requests.Add(1)
				continue
			}
			f.received.Add(int64(len(m)))
		}
	}()
	return f
}

func (f *flow) end() {
	close(f.stop)
	<-f.ended
}

// bits is what arrives in that time, in bit/s.
func (f *flow) bits(d time.Duration) float64 {
	before := f.received.Load()
	time.Sleep(d)
	return float64(f.received.Load()-before) * 8 / d.Seconds()
}

// watch samples the queue of a path every 10 ms.
func watch(p *linktest.Path, d time.Duration) []time.Duration {
	var samples []time.Duration
	for range d / (10 * ms) {
		time.Sleep(10 * ms)
		samples = append(samples, p.QueueDelay())
	}
	return samples
}

func quantile(samples []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(samples))
	return s[int(q*float64(len(s)-1))]
}

func share(bits, rate float64) string { return fmt.Sprintf("%.1f %%", 100*bits/rate) }
