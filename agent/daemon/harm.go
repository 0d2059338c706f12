// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/ledbat/harm"
	"github.com/ebbproject/ebb/transfer/carrier"
)

const (
	lookEvery = 250 * time.Millisecond // at what was sent
	// bulk is what a connection that sends data hands over between two looks, even at 32 kbit/s. Requests are less.
	bulk     = 1 << 10
	lately   = time.Second // a connection that sent bulk that long ago is part of a trial
	maxPaths = 256         // remembered in each location
)

// hushable is a connection that can be silent and timed.
type hushable interface {
	Hush(until time.Time)
	Sample()
	Sampled(dst []harm.Sample) []harm.Sample
	Handed() uint64
	Stats() carrier.Stats
}

// trials runs the experiments that tell what our flows do to others (ledbat/harm): a plan for each other location, because the paths to
// one location may share the bottleneck and so must be silent together. One goroutine owns it; everybody else sends it functions.
type trials struct {
	mail   *mailbox[func(now time.Time)]
	config harm.Config
	places map[string]*place
	lookAt time.Time
	found  atomic.Pointer[[]api.HarmTo] // of all locations, after the last trial
	heard  []harm.Sample                // scratch
	pairs  []harm.Pair                  // scratch
}

// place is one location.
type place struct {
	plan   *harm.Plan
	series harm.Series
	paths  map[string]*trialPath // by peer
	hush   time.Time             // the silence under way ends then
}

// trialPath is the way to one host.
type trialPath struct {
	conn   hushable // nil: not connected
	handed uint64   // when last looked at
	sent   time.Time
	joined time.Time // when it was last connected
	on     bool      // in the trial under way
	tally  harm.Tally
	series harm.Series
}

func newTrials(c harm.Config) *trials {
	return &trials{mail: newMailbox[func(time.Time)](), config: c, places: map[string]*place{}}
}

// run obeys the plans until the daemon is closed.
func (x *trials) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-x.mail.signal:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		for _, f := range x.mail.all() {
			f(now)
		}
		x.advance(now)
		if t := x.deadline(); !t.IsZero() {
			timer.Reset(max(time.Until(t), 0))
		}
	}
}

// joined and left say who can be reached.
func (x *trials) joined(now time.Time, id fleet.Identity, conn hushable) {
	p := x.places[id.Location]
	if p == nil {
		c := x.config
		if c.Seed == 0 {
			c.Seed = rand.Uint64()
		}
		p = &place{plan: harm.New(c), paths: map[string]*trialPath{}}
		x.places[id.Location] = p
	}
	path := p.paths[id.Peer]
	if path == nil {
		p.makeRoom()
		path = &trialPath{}
		p.paths[id.Peer] = path
	}
	path.conn, path.handed, path.joined, path.on = conn, conn.Handed(), now, false
	if now.Before(p.hush) {
		conn.Hush(p.hush)
	}
}

func (x *trials) left(id fleet.Identity, conn hushable) {
	if p := x.places[id.Location]; p != nil && p.paths[id.Peer] != nil && p.paths[id.Peer].conn == conn {
		p.paths[id.Peer].conn, p.paths[id.Peer].on = nil, false
	}
}

// makeRoom forgets the host that was not connected for the longest time, if there are too many.
func (p *place) makeRoom() {
	oldest := ""
	for _, peer := range slices.Sorted(maps.Keys(p.paths)) {
		if path := p.paths[peer]; path.conn == nil && (oldest == "" || path.joined.Before(p.paths[oldest].joined)) {
			oldest = peer
		}
	}
	if len(p.paths) >= maxPaths && oldest != "" {
		delete(p.paths, oldest)
	}
}

// deadline is when advance wants to be called; zero: not before somebody can be reached.
func (x *trials) deadline() (next time.Time) {
	if len(x.places) > 0 {
		next = x.lookAt
	}
	for _, p := range x.places {
		if t := p.plan.Deadline(); !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

func (x *trials) advance(now time.Time) {
	look := !now.Before(x.lookAt)
	if look {
		x.lookAt = now.Add(lookEvery)
	}
	for _, p := range x.places {
		if look {
			p.look(now)
		}
		if t := p.plan.Deadline(); !t.IsZero() && !now.Before(t) {
			p.plan.Advance(now)
		}
		for order, ok := p.plan.Take(now); ok; order, ok = p.plan.Take(now) {
			x.obey(now, p, order)
		}
	}
}

// look tells the plan whether flows send. The slowest path of a location says how long its trials are.
func (p *place) look(now time.Time) {
	var slowest harm.Path
	sending, dark := false, false
	for _, path := range p.paths {
		if path.conn == nil {
			continue
		}
		handed := path.conn.Handed()
		fresh := handed - path.handed
		path.handed = handed
		if fresh < bulk {
			continue
		}
		st := path.conn.Stats()
		if st.Blackout || st.MinRTT == 0 {
			dark = true
			continue
		}
		path.sent, sending = now, true
		slowest.RTT, slowest.MinRTT = max(slowest.RTT, st.RTT), max(slowest.MinRTT, st.MinRTT)
		slowest.Queue = max(slowest.Queue, st.QueueDelay)
	}
	switch {
	case sending:
		p.plan.Sending(now, slowest)
	case dark:
		p.plan.Stopped(now)
	}
}

func (x *trials) obey(now time.Time, p *place, order harm.Order) {
	switch order.Do {
	case harm.Begin:
		for _, path := range p.paths {
			if path.on = path.conn != nil && now.Sub(path.sent) <= lately; path.on {
				x.heard = path.conn.Sampled(x.heard[:0])
				path.tally.Begin(order.Trial)
			}
		}
	case harm.Silence:
		p.silence(order.Trial.Silence.To)
	case harm.Probe:
		for _, path := range p.paths {
			if path.on {
				path.conn.Sample()
			}
		}
	case harm.End:
		x.end(p)
		var all api.Harm
		x.report("", &all)
		x.found.Store(&all.Locations)
	case harm.Abandon:
		for _, path := range p.paths {
			path.on = false
		}
		p.silence(time.Time{})
	}
}

// silence hushes every connection to a location, also those that are about to begin to send.
func (p *place) silence(until time.Time) {
	p.hush = until
	for _, path := range p.paths {
		if path.conn != nil {
			path.conn.Hush(until)
		}
	}
}

// end draws up what a trial has told.
func (x *trials) end(p *place) {
	x.pairs = x.pairs[:0]
	void := false
	for _, peer := range slices.Sorted(maps.Keys(p.paths)) {
		path := p.paths[peer]
		if !path.on {
			continue
		}
		path.on = false
		x.heard = path.conn.Sampled(x.heard[:0])
		for _, s := range x.heard {
			path.tally.Deliver(s)
		}
		pair, verdict := path.tally.Pair()
		if verdict != harm.Good {
			path.series.Void()
			void = true
			continue
		}
		path.series.Add(pair)
		x.pairs = append(x.pairs, pair)
	}
	switch {
	case len(x.pairs) > 0:
		p.series.Add(harm.Together(x.pairs))
	case void:
		p.series.Void()
	}
}
