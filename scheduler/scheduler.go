// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Scheduler decides what to fetch next, from whom. It is owned by one goroutine, which tells it
// what happened and then calls Take until there is nothing more to do.
type Scheduler struct {
	config Config
	self   uint64 // this host's part in rendezvous scores
	life   uint32 // tells this host from its earlier self
	others bool   // the location is known to have other hosts
	random *rand.Rand

	flows []*flow // in the order they are served: see flow.before
	byID  map[content.ID]*flow
	tag   int64 // virtual time of fair queueing: the start tag of the flow served last
	added int   // flows so far

	peers   map[PeerID]*peer
	slots   []*peer // by slot; nil: free
	able    slots   // invariant as of the last refresh: peers that may be asked for something
	records map[PeerID]*record

	open     map[uint64]*request
	number   uint64 // the last request's
	round    int    // of await
	inFlight int64  // invariant: bytes asked for and not yet stored; at most config.MaxInFlight
	width    width  // of the link to what is beyond the location
	starved  *peer  // a peer that could have been asked, had there been room in flight
	stopped  Reason // DiskFull or StoreFailing while the disk takes nothing
	room     int64  // bytes that may be in flight for want of room on the disk
	tight    Reason // why not more

	out    []Action
	next   time.Time // when Advance has something to do
	lookAt time.Time // not before this is everything looked at again
}

// New returns a scheduler without flows and peers.
func New(now time.Time, c Config) *Scheduler {
	s := &Scheduler{
		config:  c.normal(),
		self:    hostKey(c.Self),
		random:  rand.New(rand.NewPCG(c.Seed, hostKey(c.Self))),
		byID:    make(map[content.ID]*flow),
		peers:   make(map[PeerID]*peer),
		records: make(map[PeerID]*record),
		open:    make(map[uint64]*request),
		lookAt:  now,
		room:    unbounded,
	}
	s.life = rand.New(rand.NewPCG(c.Seed, ^s.self)).Uint32()
	return s
}

// Take returns the next thing to do. When it says false, Deadline is up to date.
func (s *Scheduler) Take(now time.Time) (Action, bool) {
	s.Advance(now)
	a, ok := s.take(now)
	if !ok && s.unfinished() {
		if s.lookAt.Before(now) {
			s.lookAt = now.Add(lookEvery)
		}
		s.wakeAt(s.lookAt)
	}
	return a, ok
}

func (s *Scheduler) take(now time.Time) (Action, bool) {
	if len(s.out) > 0 {
		a := s.out[0]
		s.out = s.out[1:]
		return a, true
	}
	if s.stopped != None {
		return nil, false
	}
	for _, f := range s.flows {
		if !f.wants() {
			continue
		}
		fetch, verdict := s.fetch(now, f)
		switch verdict {
		case asked:
			return fetch, true
		case noRoom:
			return nil, false // a chunk of lower priority that would fit must not overtake
		}
	}
	return nil, false
}

type verdict uint8

const (
	nothing verdict = iota
	asked
	noRoom
)

// fetch finds the next request of one flow: the nearest peer first, and of its chunks the rarest.
func (s *Scheduler) fetch(now time.Time, f *flow) (Fetch, verdict) {
	for src := s.asker(f); src != nil; src = s.asker(f) {
		if rank, ok := s.pick(now, src); ok {
			if !s.fits(f.chunk(rank)) {
				s.starved = src.peer
				return Fetch{}, noRoom
			}
			return s.ask(now, src, rank, nil), asked
		}
		if q := s.worthCopying(now, src); q != nil && s.fits(f.chunk(q.rank)) {
			return s.ask(now, src, q.rank, q), asked
		}
		f.hungry[src.peer.class].clear(src.peer.slot)
	}
	return Fetch{}, nothing
}

// asker returns the peer to be given work next, of those that may be asked and have not been found
// without work: one that can be counted on before one that cannot, the nearer before the farther,
// within a class the one with the fewest open requests, so that load is spread, and of those one that
// would answer sooner by half, as far as is measured.
func (s *Scheduler) asker(f *flow) *source {
	var best, last *peer
	for class := range Class(classes) {
		f.hungry[class].eachIn(s.able, func(slot int) {
			p := s.slots[slot]
			switch {
			case p.doubted:
				if last == nil {
					last = p
				}
			case best == nil || p.before(best):
				best = p
			}
		})
		if best != nil {
			return f.sources[best.slot]
		}
	}
	if last != nil {
		return f.sources[last.slot]
	}
	return nil
}

// Deadline says when to call Advance and then Take again; zero: not before something happens.
func (s *Scheduler) Deadline() time.Time { return s.next }

func (s *Scheduler) wakeAt(t time.Time) {
	if s.next.IsZero() || t.Before(s.next) {
		s.next = t
	}
}

// Advance lets time pass: pauses and bans end, and once a second slow requests are moved and
// everything that waits is looked at again.
func (s *Scheduler) Advance(now time.Time) {
	if s.next.IsZero() || now.Before(s.next) {
		return
	}
	s.next = time.Time{}
	for _, p := range s.slots {
		if p == nil {
			continue
		}
		s.refresh(now, p)
		s.eachSource(p, func(src *source) {
			switch {
			case src.quietUntil.IsZero():
			case now.Before(src.quietUntil):
				s.wakeAt(src.quietUntil)
			default:
				src.quietUntil = time.Time{}
				src.flow.feed(now, src)
			}
		})
		s.recount(now, p)
	}
	for _, f := range s.flows {
		s.meet(now, f)
	}
	if !now.Before(s.lookAt) {
		s.lookAt = now.Add(lookEvery)
		s.look(now)
	}
}

// unfinished reports whether looking again may help: requests are open, or a flow has peers to ask.
func (s *Scheduler) unfinished() bool {
	if len(s.open) > 0 {
		return true
	}
	for _, f := range s.flows {
		if f.wants() && f.rarity.ready > 0 && f.connected > 0 {
			return true
		}
	}
	return false
}

// String tells the state in one line.
func (s *Scheduler) String() string {
	done := 0
	for _, f := range s.flows {
		if f.done() {
			done++
		}
	}
	doubted := 0
	for _, p := range s.peers {
		if p.doubted {
			doubted++
		}
	}
	return fmt.Sprintf("%d flows (%d done), %d peers (%d doubted), %d requests, %d of %d KiB in flight",
		len(s.flows), done, len(s.peers), doubted, len(s.open), s.inFlight>>10, s.config.MaxInFlight>>10)
}
