// SPDX-License-Identifier: Apache-2.0

package board

import (
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
)

const (
	forgetAfter = time.Hour // of silence
	sweepEvery  = 10 * time.Second
	// Pace: hosts that fetch report between leastPace and mostPace apart, and all of them at most mostReports times a second.
	leastPace, mostPace = 2 * time.Second, 10 * time.Second
	mostReports         = 100
	// longestNews bounds the time over which bytes are spread: hosts report more often than that, or were away.
	longestNews = 12 * time.Second
)

// Board is the projection; see the package comment.
type Board struct {
	hosts  map[string]*host
	places map[string]*place
	whole  trace                // of the fleet
	hub    map[string]time.Time // when the hub last measured its way to a location
	active int                  // hosts with a flow that is fetching
	swept  time.Time
}

type host struct {
	peer, location string
	seen, before   time.Time // when it was last heard, and the time before
	pulse          pulse.Pulse
	active, silent bool
}

// place is one location.
type place struct {
	hosts map[string]*host
	trace *trace // nil: nothing has moved lately
	moved time.Time
	harm  map[string]harmed // by who measured it
	tally *tally            // nil: to be reckoned again
}

type harmed struct {
	pulse.Harm
	at time.Time
}

// New knows of nobody.
func New() *Board {
	return &Board{hosts: map[string]*host{}, places: map[string]*place{}, hub: map[string]time.Time{}}
}

func (b *Board) place(name string) *place {
	p := b.places[name]
	if p == nil {
		p = &place{hosts: map[string]*host{}, harm: map[string]harmed{}}
		b.places[name] = p
	}
	return p
}

// Heard: news of a host. Of a report that is not Partial all is taken, of another what it says.
func (b *Board) Heard(now time.Time, id fleet.Identity, r fleet.SyncRequest) {
	h := b.hosts[id.Peer]
	if h == nil {
		h = &host{peer: id.Peer, seen: now}
		b.hosts[id.Peer] = h
	}
	if h.location != id.Location {
		b.leave(h)
		h.location = id.Location
		b.place(id.Location).hosts[id.Peer] = h
	}
	h.before, h.seen = h.seen, now
	if now.Sub(h.before) > longestNews {
		h.before = now.Add(-longestNews)
	}
	switch {
	case r.Pulse != nil:
		h.pulse = *r.Pulse
	case !r.Partial:
		h.pulse = pulse.Pulse{}
	}
	h.silent = false
	b.count(h, fetches(h.pulse))
	b.places[h.location].tally = nil
	for _, w := range r.Ways {
		b.stood(h.before, now, id.Peer, w)
	}
}

// count keeps the number of hosts that fetch.
func (b *Board) count(h *host, active bool) {
	if active && !h.active {
		b.active++
	}
	if h.active && !active {
		b.active--
	}
	h.active = active
}

func fetches(p pulse.Pulse) bool {
	for _, f := range p.Flows {
		if f.State == "fetching" || f.State == "resolving" {
			return true
		}
	}
	return false
}

// leave takes a host out of its place.
func (b *Board) leave(h *host) {
	if p := b.places[h.location]; p != nil {
		delete(p.hosts, h.peer)
		p.tally = nil
	}
}

// Measured: the hub's own paths to locations.
func (b *Board) Measured(now time.Time, hub string, ways []pulse.Way) {
	for _, w := range ways {
		from := b.hub[w.To]
		if now.Sub(from) > longestNews {
			from = now.Add(-Step)
		}
		b.hub[w.To] = now
		b.stood(from, now, hub, w)
	}
}

// stood enters a way as who sends over it sees it.
func (b *Board) stood(from, now time.Time, who string, w pulse.Way) {
	p := b.places[w.To]
	if p == nil {
		return // nobody there has said anything: the hub, mostly
	}
	p.recent(now).stood(from, now, w.Queue)
	b.whole.stood(from, now, w.Queue)
	if w.Harm != nil {
		p.harm[who] = harmed{*w.Harm, now}
	}
}

func (p *place) recent(now time.Time) *trace {
	if p.trace == nil {
		p.trace = &trace{last: stepOf(now) - steps}
	}
	p.moved = now
	return p.trace
}

// Moved: the ledger of a host has grown by so much since its news before those that were Heard last.
func (b *Board) Moved(now time.Time, peer string, by map[ledger.Class]int64) {
	h := b.hosts[peer]
	lan, wan := by[ledger.LAN], by[ledger.WAN]+by[ledger.Origin]
	if h == nil || lan+wan == 0 {
		return
	}
	b.places[h.location].recent(now).moved(h.before, now, lan, wan)
	b.whole.moved(h.before, now, lan, wan)
}

// Pace is how often a host that fetches should report, in whole seconds.
func (b *Board) Pace() time.Duration {
	return min(max(leastPace, time.Duration(b.active/mostReports)*time.Second), mostPace)
}

// settled is the last step of which everybody has told: news come a fifth late at most, and take a moment.
func (b *Board) settled(now time.Time) int64 { return stepOf(now.Add(-b.Pace()*6/5)) - 1 }

// Forget drops who has been silent for long, and traces in which nothing is left.
func (b *Board) Forget(now time.Time) {
	if now.Sub(b.swept) < sweepEvery {
		return
	}
	b.swept = now
	for peer, h := range b.hosts {
		if now.Sub(h.seen) > forgetAfter {
			b.count(h, false)
			b.leave(h)
			delete(b.hosts, peer)
		} else if !h.silent && fleet.Silent(now, h.seen) {
			h.silent = true
			b.count(h, false)
			b.places[h.location].tally = nil
		}
	}
	for name, p := range b.places {
		if now.Sub(p.moved) > steps*Step {
			p.trace = nil
		}
		for who, x := range p.harm {
			if now.Sub(x.at) > forgetAfter {
				delete(p.harm, who)
			}
		}
		if len(p.hosts) == 0 && p.trace == nil {
			delete(b.places, name)
			delete(b.hub, name)
		}
	}
}

// History is the recent past of a location, or of the fleet where the name is empty.
func (b *Board) History(now time.Time, location string) History {
	if location == "" {
		return b.whole.history(b.settled(now))
	}
	if p := b.places[location]; p != nil {
		return p.trace.history(b.settled(now))
	}
	return (*trace)(nil).history(b.settled(now))
}

// Fastest is the greatest rate at which bytes came to a location over the WAN in the last ten minutes, in bits a second and as the mean
// of some seconds; 0: none came.
func (b *Board) Fastest(now time.Time, location string) float64 {
	if p := b.places[location]; p != nil {
		return p.trace.fastest(b.settled(now))
	}
	return 0
}

// Fetching tells of each location whose hosts fetch and in which something came over the WAN of late: at what rate, in bits a second.
func (b *Board) Fetching(now time.Time, tell func(location string, wan float64)) {
	settled := b.settled(now)
	for name, p := range b.places {
		if p.trace == nil || !p.fetches() {
			continue
		}
		if _, wan, _ := p.trace.rates(settled); wan > 0 {
			tell(name, wan)
		}
	}
}

func (p *place) fetches() bool {
	for _, h := range p.hosts {
		if h.active {
			return true
		}
	}
	return false
}
