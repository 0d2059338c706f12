// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler/lease"
)

// Say tells a neighbour of a claim of a lease, ours or another's: see package lease.
type Say struct {
	Peer    PeerID
	Content content.ID
	Claim   lease.Claim
}

// Stand tells a neighbour with which weight this host stands in the line of those that fetch a content for the location.
type Stand struct {
	Peer    PeerID
	Content content.ID
	Weight  int
}

func (Say) action()   {}
func (Stand) action() {}

// once is what a flow knows of who fetches what from beyond the location.
type once struct {
	table   *lease.Table
	version int    // of the table's leases, as of the last look
	ours    bitset // ranks of the chunks that this host fetches for the location

	// owed is since when neighbours hold something for us and nothing comes from any of them; zero: they do not, or it does.
	owed     time.Time
	patience time.Duration // how long they may
}

// newOnce makes a flow's table. Chunks that are here, or that are another chunk again, need not be fetched.
func (s *Scheduler) newOnce(now time.Time, f *flow, foreground bool) {
	c := lease.Default(string(s.config.Self))
	c.Life, c.Weight, c.Seats, c.Patience = s.life, s.config.Weight, s.config.Seats, s.patience(foreground)
	f.once = once{table: lease.New(now, c, f.id, len(f.chunks)), ours: newBitset(f.distinct), patience: c.Patience}
	f.once.table.Expected(s.others)
	for i, r := range f.rank {
		if f.held.has(r) || int(f.index[r]) != i {
			f.once.table.Appeared(now, i)
		}
	}
}

// patience is how long a flow waits for who should bring it.
func (s *Scheduler) patience(foreground bool) time.Duration {
	if foreground {
		return s.config.ForegroundPatience
	}
	return s.config.Patience
}

// LocationKnown says whether this location is known to have other hosts. While it is and none is connected, a flow
// waits a moment for them before it fetches from beyond the location.
func (s *Scheduler) LocationKnown(_ time.Time, others bool) {
	s.others = others
	for _, f := range s.flows {
		f.once.table.Expected(others)
	}
}

// PeerWants says that a peer fetches a content too, or no longer. Like PeerHas it is dropped when the content has no flow.
func (s *Scheduler) PeerWants(now time.Time, id PeerID, of content.ID, wants bool) {
	p, f := s.peers[id], s.byID[of]
	if p == nil || f == nil || !p.class.local() {
		return
	}
	if wants {
		f.once.table.Joined(now, string(id))
	} else {
		f.once.table.Left(now, string(id))
	}
	s.heed(now, f)
}

// Weigh says how much of the location's share of WAN fetches this host should do from now on, 0 (none, while others can) to
// lease.MaxWeight.
func (s *Scheduler) Weigh(now time.Time, weight int) {
	s.config.Weight = weight
	for _, f := range s.flows {
		f.once.table.Weigh(now, weight)
		s.heed(now, f)
	}
}

// PeerStands says with which weight a peer stands in the line of those that fetch a content for the location.
func (s *Scheduler) PeerStands(now time.Time, id PeerID, of content.ID, weight int) {
	if f := s.byID[of]; f != nil {
		f.once.table.Stood(string(id), weight)
		s.heed(now, f)
	}
}

// PeerClaims says that a peer told of a lease, its own or another's.
func (s *Scheduler) PeerClaims(now time.Time, id PeerID, of content.ID, c lease.Claim) {
	if f := s.byID[of]; f != nil {
		f.once.table.Heard(now, string(id), c)
		s.heed(now, f)
	}
}

// heed carries out what a table decided: what is to be said, and which chunks are ours now. A request of a chunk that
// has become another's is canceled.
func (s *Scheduler) heed(now time.Time, f *flow) {
	o := &f.once
	for a, ok := o.table.Take(); ok; a, ok = o.table.Take() {
		switch a := a.(type) {
		case lease.Say:
			s.out = append(s.out, Say{Peer: PeerID(a.To), Content: f.id, Claim: a.Claim})
		case lease.Stand:
			s.out = append(s.out, Stand{Peer: PeerID(a.To), Content: f.id, Weight: a.Weight})
		}
	}
	if at := o.table.Deadline(); !at.IsZero() {
		s.wakeAt(at)
	}
	if o.version == o.table.Version() {
		return
	}
	o.version = o.table.Version()
	o.ours = newBitset(f.distinct)
	for r := range uint32(o.table.Ranges()) {
		if !o.table.Mine(r) {
			continue
		}
		first, end := o.table.Chunks(r)
		for i := first; i < min(end, len(f.rank)); i++ {
			o.ours.set(f.rank[i])
		}
	}
	for _, p := range s.slots {
		if p == nil || p.class.local() {
			continue
		}
		for _, q := range slices.Clone(p.open) {
			if q.flow == f && !f.mayCross(now, q.rank) && !o.table.Finished(o.table.Range(int(f.index[q.rank]))) {
				s.cancel(now, q)
			}
		}
	}
	f.wake(now)
}

// meet tells the table of a flow whether this host can fetch from beyond the location, and lets its time pass.
func (s *Scheduler) meet(now time.Time, f *flow) {
	t := f.once.table
	t.Willing(now, f.wants() && s.stopped == None && s.room > 0 && f.beyond(now))
	if at := t.Deadline(); !at.IsZero() && !now.Before(at) {
		t.Advance(now)
		f.wake(now)
	}
	s.heed(now, f)
}

// beyond reports whether a source beyond the location is there to fetch from.
func (f *flow) beyond(now time.Time) bool {
	for _, src := range f.sources {
		if src != nil && !src.peer.class.local() && src.holds() > 0 && !src.peer.banned(now) {
			return true
		}
	}
	return false
}

// appeared enters that a chunk is in the location: here, or with a neighbour.
func (s *Scheduler) appeared(now time.Time, f *flow, rank uint32) {
	if f.once.table.Appeared(now, int(f.index[rank])) {
		s.heed(now, f)
	}
}

// vanished enters which chunks are not in the location any more, as far as this host sees.
func (f *flow) vanished(now time.Time) {
	if f.rarity.fullNearer(Near) {
		return
	}
	for w := range f.held.words {
		x := ^(f.held.words[w] | f.nearer(Near, w))
		for ; x != 0; x &= x - 1 {
			if r := first(w, x); int(r) < f.distinct {
				f.once.table.Vanished(now, int(f.index[r]))
			}
		}
	}
}

// mayCross reports whether this host may fetch a chunk from beyond the location: it holds the lease, or it gets nothing
// from its neighbours for too long, and goes out itself.
func (f *flow) mayCross(now time.Time, rank uint32) bool {
	return f.once.ours.has(rank) || f.forsaken(now)
}

// mayTurn reports whether a chunk that a neighbour holds may be fetched from beyond the location all the same, if that
// is much sooner.
func (f *flow) mayTurn(now time.Time, rank uint32) bool {
	return f.mayCross(now, rank) || f.once.table.Alone()
}

// crossing returns the chunks of a word of ranks for which mayCross holds.
func (f *flow) crossing(now time.Time, w int) uint64 {
	if f.forsaken(now) {
		return ^uint64(0)
	}
	return f.once.ours.word(w)
}

// forsaken reports whether neighbours have held something for us for longer than patience, and none of them gave it.
func (f *flow) forsaken(now time.Time) bool {
	return !f.once.owed.IsZero() && now.Sub(f.once.owed) >= f.once.patience
}

// owes enters that a neighbour holds something that is missing here.
func (f *flow) owes(now time.Time) {
	if f.once.owed.IsZero() {
		f.once.owed = now
	}
}

// gave enters that something came from a neighbour. While there is more to come its time begins again.
func (f *flow) gave(now time.Time) {
	f.once.owed = time.Time{}
	more := f.ready > 0 && f.fullNearer(Near)
	for l := steps; l < len(f.levels) && !more; l++ {
		more = f.levels[l].count > 0
	}
	if more {
		f.once.owed = now
	}
}

// pickShared chooses the next chunk for a source beyond the location: the rarest of those that are left to us. When
// there is none, another range is claimed if this host may.
func (s *Scheduler) pickShared(now time.Time, src *source) (rank uint32, ok bool) {
	s.meet(now, src.flow)
	if rank, ok = s.rarestOfOurs(now, src); ok || !s.claim(now, src) {
		return rank, ok
	}
	return s.rarestOfOurs(now, src)
}

func (s *Scheduler) rarestOfOurs(now time.Time, src *source) (rank uint32, ok bool) {
	src.flow.search(src, func(w int, x uint64) bool {
		x &= src.flow.crossing(now, w)
		if x &^= s.left(now, src, w, x); x != 0 {
			rank, ok = first(w, x), true
		}
		return ok
	})
	return rank, ok
}

// claim takes the lease of the range of the rarest chunk that the source has and nobody fetches. Equally rare chunks
// come in an order of this host's own, so that two fetchers seldom choose the same range.
func (s *Scheduler) claim(now time.Time, src *source) (ok bool) {
	f := src.flow
	t := f.once.table
	if !t.MayClaim(now) {
		return false
	}
	f.search(src, func(w int, x uint64) bool {
		for x &^= s.left(now, src, w, x); x != 0 && !ok; x &= x - 1 {
			if r := t.Range(int(f.index[first(w, x)])); t.Vacant(r) {
				t.Claim(now, r)
				ok = true
			}
		}
		return ok
	})
	s.heed(now, f)
	return ok
}

func first(w int, x uint64) uint32 { return uint32(w*64 + bits.TrailingZeros64(x)) }

// fetchers names the hosts that others wait for.
func (f *flow) fetchers() string {
	var names []string
	f.once.table.Fetchers(func(name string, _ int) { names = append(names, name) })
	if len(names) == 0 {
		return "no host has claimed them yet"
	}
	slices.Sort(names)
	return fmt.Sprintf("fetched for the location by %s", strings.Join(names, " and "))
}
