// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/ebbproject/ebb/content"
)

func (c Class) local() bool { return c <= Location }

func (c Class) String() string {
	switch c {
	case Subnet:
		return "subnet"
	case Location:
		return "location"
	case Near:
		return "near"
	case Far:
		return "far"
	case Origin:
		return "origin"
	}
	return fmt.Sprintf("class-%d", uint8(c))
}

// peer is a connected host. Its state is made of three independent questions:
//
//	banned   it sent wrong data: asked for nothing until the ban ends
//	quiet    it said no a moment ago: asked for nothing until it has rested
//	doubted  it stalled, was much slower than others or said no repeatedly: asked for one chunk
//	         at a time, and nobody waits for it, until it has delivered (see prove)
type peer struct {
	id    PeerID
	key   uint64 // its part in rendezvous scores
	turn  uint64 // order of asking among equals, different for every host that asks
	class Class
	slot  int
	site  *site // where it is; nil: not known

	rtt      time.Duration
	meter    meter
	open     []*request // oldest first
	owed     int64      // invariant: bytes of the open requests that have not arrived
	filled   time.Time  // when it last brought as much as the location's link takes
	lastByte time.Time  // when it last sent some, or when it was first asked after owing nothing

	most       int // open requests it bears, learnt from "too many"
	setbacks   int // refusals, wrong hashes and requests moved away, in a row
	quietUntil time.Time
	refusal    Refusal // why it is quiet; 0: it said nothing
	doubted    bool
	lapses     int  // how often it was doubted, less one for every amends chunks since
	proofs     int  // whole chunks delivered since it was last doubted or a lapse was made good
	stalled    bool // invariant: it owes bytes; implies doubted
	record     *record
}

func (p *peer) banned(now time.Time) bool { return p.record != nil && now.Before(p.record.until) }

func (p *peer) quiet(now time.Time) bool { return now.Before(p.quietUntil) }

// hasRoom reports whether the pipeline takes another request. What is asked for reaches one
// bandwidth-delay product ahead (and PipelineTime, for the time a chunk takes to be served), so
// that with the next chunk in hand the peer never runs dry, and no more than that is lost with it.
func (p *peer) hasRoom(c *Config) bool {
	n := len(p.open)
	switch {
	case n == 0:
		return true
	case p.doubted || n >= min(c.MaxPipeline, p.most):
		return false
	case p.meter.rate == 0:
		return n < newPipeline
	}
	return float64(p.owed) <= p.meter.rate*(p.rtt+c.PipelineTime).Seconds()
}

// eta is how many seconds the peer needs for what it owes and extra bytes more.
func (p *peer) eta(now time.Time, extra int64) float64 {
	if p.stalled {
		return math.Inf(1)
	}
	return p.rtt.Seconds() + float64(p.owed+extra)/p.speed(now)
}

// speed is what the peer delivers, in bytes a second, or is believed to; more than 0.
func (p *peer) speed(now time.Time) float64 {
	rate := p.meter.rate
	if p.owed > 0 {
		rate = p.meter.at(now)
	}
	if rate == 0 {
		return unknownRate
	}
	return rate
}

// unknown reports whether nothing is known of its rate, or nothing new for a while.
func (p *peer) unknown(now time.Time) bool {
	return p.meter.rate == 0 || p.owed == 0 && now.Sub(p.lastByte) > stale
}

// before is the order of asking within a class.
func (p *peer) before(q *peer) bool {
	return cmp.Or(cmp.Compare(len(p.open), len(q.open)), cmp.Compare(p.delay(), q.delay()), cmp.Compare(p.turn, q.turn)) < 0
}

// delay is how long the peer takes for a chunk when nothing else is asked of it, in doublings of sameDelay: who is about
// as quick as another counts as equal, so that asking is spread over all of them. A peer of unknown rate is tried as if it had no limit.
func (p *peer) delay() int {
	took := p.rtt
	if p.meter.rate > 0 {
		took += time.Duration(content.AvgChunk / p.meter.rate * float64(time.Second))
	}
	return bits.Len64(uint64(min(took, time.Hour) / sameDelay))
}

// owe books bytes that the peer owes from now on, or (negative) no more.
func (p *peer) owe(now time.Time, bytes int64) {
	was := p.owed
	p.owed += bytes
	switch {
	case was == 0 && p.owed > 0:
		p.meter.start(now)
		p.lastByte = now
	case was > 0 && p.owed == 0:
		p.meter.stop(now)
		p.stalled = false
	}
}

// PeerJoined says that a host is connected, or that it turned out to be nearer or farther than
// thought.
func (s *Scheduler) PeerJoined(now time.Time, id PeerID, class Class) {
	class = min(class, Origin)
	p := s.peers[id]
	if p == nil {
		p = &peer{id: id, key: hostKey(id), class: class, most: s.config.MaxPipeline, record: s.records[id]}
		p.turn = mix(p.key ^ s.self)
		p.slot = s.seat(p)
		s.peers[id] = p
	}
	if p.class != class {
		s.eachSource(p, func(src *source) {
			src.count(false)
			src.flow.hungry[p.class].clear(p.slot)
		})
		p.class = class
		s.eachSource(p, func(src *source) { src.flow.wake(now) })
	}
	s.refresh(now, p)
	s.recount(now, p)
}

// seat gives the peer the lowest free slot.
func (s *Scheduler) seat(p *peer) int {
	for i, other := range s.slots {
		if other == nil {
			s.slots[i] = p
			return i
		}
	}
	s.slots = append(s.slots, p)
	return len(s.slots) - 1
}

// site is another location: its hosts send over one uplink.
type site struct {
	location   string
	busy, seen int // the last rounds of await in which one of its hosts was at work for us, and was counted
}

// PeerAt says in which location a peer is.
func (s *Scheduler) PeerAt(id PeerID, location string) {
	p := s.peers[id]
	if p == nil || location == "" || p.site != nil && p.site.location == location {
		return
	}
	p.site = &site{location: location}
	for _, other := range s.slots {
		if other != nil && other != p && other.site != nil && other.site.location == location {
			p.site = other.site
			return
		}
	}
}

// PeerDied says that a host's process has ended: it is lost, and nobody waits for what it was to fetch for the location.
func (s *Scheduler) PeerDied(now time.Time, id PeerID) {
	if s.peers[id] == nil {
		return
	}
	for _, f := range s.flows {
		f.once.table.Died(now, string(id))
	}
	s.PeerLost(now, id)
}

// PeerLost says that a host is no longer connected. What it was asked for is asked for elsewhere;
// what it held is forgotten; what it did wrong is not.
func (s *Scheduler) PeerLost(now time.Time, id PeerID) {
	p := s.peers[id]
	if p == nil {
		return
	}
	for len(p.open) > 0 {
		s.giveUp(now, p.open[0])
	}
	s.eachSource(p, func(src *source) {
		src.count(false)
		f := src.flow
		f.sources[p.slot] = nil
		f.connected--
		f.hungry[p.class].clear(p.slot)
		if p.class.local() {
			f.vanished(now)
		}
		f.wake(now)
	})
	for _, f := range s.flows {
		f.once.table.Left(now, string(id))
		s.meet(now, f)
	}
	s.able.clear(p.slot)
	s.slots[p.slot] = nil
	delete(s.peers, id)
}

// PeerMeasured tells what the transport knows of the way to a peer: its round trip, and the rate it
// is likely to send at in bytes per second (0: not known), which counts until enough has arrived to
// measure it here.
func (s *Scheduler) PeerMeasured(now time.Time, id PeerID, rate float64, rtt time.Duration) {
	p := s.peers[id]
	if p == nil {
		return
	}
	p.rtt = max(rtt, 0)
	if p.meter.rate == 0 && rate > 0 {
		p.meter.rate = rate
	}
	s.refresh(now, p)
}

// PeerHas says what a peer holds of a content. What it says about a content without a flow is
// dropped: ask the peer after AddFlow.
func (s *Scheduler) PeerHas(now time.Time, id PeerID, of content.ID, h Holding) {
	p, f := s.peers[id], s.byID[of]
	if p == nil || f == nil {
		return
	}
	src := f.source(p)
	if !h.Delta {
		src.empty()
		f.wake(now) // what it held was left to it by those farther away
	}
	wake := h.All
	if h.All {
		src.fill()
		if p.class.local() && !f.done() {
			f.owes(now)
			for r := range f.index {
				s.appeared(now, f, uint32(r))
			}
		}
	}
	f.each(h.Spans, func(r uint32) {
		if !src.set(r) || f.held.has(r) {
			return
		}
		wake = true
		if p.class.local() {
			f.owes(now)
			s.appeared(now, f, r)
		}
	})
	if len(h.Lost) > 0 {
		f.each(h.Lost, src.unset)
		f.wake(now)
	}
	src.count(s.countable(now, src))
	if p.class.local() && (len(h.Lost) > 0 || !h.Delta) {
		f.vanished(now)
	}
	if wake {
		f.feed(now, src)
	}
}

// PeerHolds reports whether a peer is known to hold a chunk of a content that is being fetched.
func (s *Scheduler) PeerHolds(id PeerID, of content.ID, index int) bool {
	p, f := s.peers[id], s.byID[of]
	if p == nil || f == nil || p.slot >= len(f.sources) || f.sources[p.slot] == nil || index < 0 || index >= len(f.rank) {
		return false
	}
	return f.sources[p.slot].has(f.rank[index])
}

// each visits the chunks of spans. Spans that overlap are cut off: they must not cost more than the
// content has chunks.
func (f *flow) each(spans []Span, visit func(rank uint32)) {
	left := len(f.chunks)
	for _, span := range spans {
		end := min(uint64(span.First)+uint64(span.Count), uint64(len(f.chunks)))
		for i := uint64(span.First); i < end && left > 0; i++ {
			left--
			visit(f.rank[i])
		}
	}
}

// eachSource visits what a peer holds, flow by flow.
func (s *Scheduler) eachSource(p *peer, visit func(*source)) {
	for _, f := range s.flows {
		if p.slot < len(f.sources) && f.sources[p.slot] != nil {
			visit(f.sources[p.slot])
		}
	}
}

// countable reports whether nearer-first and rarest-first reckon with the source.
func (s *Scheduler) countable(now time.Time, src *source) bool {
	return !src.peer.doubted && !src.peer.banned(now) && !now.Before(src.quietUntil)
}

// recount brings every flow in line with the state of a peer. Whoever is farther away gets another
// look at what the peer no longer stands before.
func (s *Scheduler) recount(now time.Time, p *peer) {
	s.eachSource(p, func(src *source) {
		was := src.counted
		src.count(s.countable(now, src))
		if src.counted && !was {
			src.flow.feed(now, src)
		} else if was && !src.counted {
			src.flow.wake(now)
		}
	})
}

// doubt stops counting on a peer.
func (s *Scheduler) doubt(now time.Time, p *peer) {
	if !p.doubted {
		p.doubted = true
		p.lapses, p.proofs = p.lapses+1, 0
	}
	s.refresh(now, p)
	s.recount(now, p)
}

// prove enters that a peer delivered a whole chunk. One brings the trust back at first, but each
// lapse doubles that, so that a peer cannot keep others waiting by stalling again and again.
func (s *Scheduler) prove(now time.Time, p *peer) {
	p.setbacks = 0
	p.proofs++
	switch {
	case p.doubted && p.proofs >= min(1<<min(p.lapses-1, 30), amends):
		p.doubted, p.proofs = false, 0
		s.recount(now, p)
	case !p.doubted && p.proofs >= amends && p.lapses > 0:
		p.lapses, p.proofs = p.lapses-1, 0
	}
}

// refresh enters whether the peer may be asked for something now.
func (s *Scheduler) refresh(now time.Time, p *peer) {
	switch {
	case p.banned(now):
		s.wakeAt(p.record.until)
	case p.quiet(now):
		s.wakeAt(p.quietUntil)
	case p.hasRoom(&s.config):
		s.able.set(p.slot)
		return
	}
	s.able.clear(p.slot)
}
