// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"maps"
	"time"
)

// record is what a host did wrong. It outlives the connection, so that coming again washes nothing
// off, and is forgotten a day after the last offence.
type record struct {
	strikes int
	bans    int
	until   time.Time // of the ban; zero: never banned
	last    time.Time
}

// strike blames a peer for a chunk with a wrong hash: exactly the one that sent it.
func (s *Scheduler) strike(now time.Time, p *peer) {
	maps.DeleteFunc(s.records, func(id PeerID, r *record) bool {
		return id != p.id && now.Sub(r.last) > forgetAfter && now.Sub(r.until) > forgetAfter
	})
	r := p.record
	if r == nil || now.Sub(r.last) > forgetAfter && now.Sub(r.until) > forgetAfter {
		r = &record{}
		p.record, s.records[p.id] = r, r
	}
	r.last = now
	if r.strikes++; r.strikes < maxStrikes {
		s.rest(now, p, 0) // somebody else gets the next try
		return
	}
	r.strikes = 0
	r.until = now.Add(doubled(s.config.BanFor, r.bans, s.config.MaxBan))
	r.bans++
	s.out = append(s.out, Ban{Peer: p.id, Until: r.until})
	for len(p.open) > 0 {
		s.cancel(now, p.open[0])
	}
	s.refresh(now, p)
	s.recount(now, p)
}

// Refused says that a peer will not give what it was asked for. It is asked again, later and later;
// nothing is given up for good.
func (s *Scheduler) Refused(now time.Time, id uint64, why Refusal) {
	q := s.open[id]
	if q == nil {
		return
	}
	p, src := q.peer, q.flow.sources[q.peer.slot]
	s.giveUp(now, q)
	switch why {
	case RefusedNotHeld, RefusedCorrupt:
		src.unset(q.rank)
		q.flow.wake(now)
	case RefusedUnknown:
		src.empty()
		q.flow.wake(now)
	case RefusedPaused, RefusedPolicy:
		s.restSource(now, src)
		return
	case RefusedTooMany:
		p.most = max(1, len(p.open))
	}
	if why.lasts() { // nobody waits for it
		p.setbacks = max(p.setbacks, doubtAfter-1)
		s.doubt(now, p)
	}
	s.rest(now, p, why)
}

// Refusal is why a peer that rests said no, and when it is asked again; 0: it does not rest.
func (s *Scheduler) Refusal(now time.Time, id PeerID) (why Reason, until time.Time) {
	p := s.peers[id]
	if p == nil || !p.quiet(now) {
		return None, time.Time{}
	}
	return p.refusal.reason(), p.quietUntil
}

// rest leaves a peer alone for a while, twice as long each time in a row; why is what it said, if it said no. What goes wrong while it
// rests was asked before and makes nothing worse.
func (s *Scheduler) rest(now time.Time, p *peer, why Refusal) {
	if p.quiet(now) {
		return
	}
	p.refusal = why
	p.quietUntil = now.Add(s.jitter(doubled(s.config.BackOff, p.setbacks, s.config.MaxBackOff)))
	p.setbacks++
	if p.setbacks >= doubtAfter {
		s.doubt(now, p)
	}
	s.refresh(now, p)
}

// restSource leaves one content of a peer alone for a while.
func (s *Scheduler) restSource(now time.Time, src *source) {
	src.quietUntil = now.Add(s.jitter(doubled(s.config.BackOff, src.setbacks, s.config.MaxBackOff)))
	src.setbacks++
	src.count(false)
	src.flow.hungry[src.peer.class].clear(src.peer.slot)
	src.flow.wake(now)
	s.wakeAt(src.quietUntil)
}

// jitter spreads d over 0.75 to 1.25 of itself, so that hosts refused together do not come back
// together.
func (s *Scheduler) jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(s.random.Int64N(int64(d)/2+1))
}

// doubled returns d * 2^times, at most limit.
func doubled(d time.Duration, times int, limit time.Duration) time.Duration {
	for ; times > 0 && d < limit; times-- {
		d *= 2
	}
	return min(d, limit)
}
