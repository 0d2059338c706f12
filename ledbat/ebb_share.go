// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	gatherFor   = 1500 * time.Millisecond // of pulses at the floor before the link is shared,
	gatherAgain = 500 * time.Millisecond  // and between two times;
	gatherLeast = 6                       // of them that arrived,
	gatherMean  = 16                      // over so many of which their share is taken
	shareFree   = 0.5                     // of them must have found the link free,
	crowdMost   = 0.3                     // and no more than that of the third datagrams somebody before them

	shareFor    = 8 * time.Second // before pulses look who is there, if somebody still is
	shareLeast  = 0.03            // of the capacity is where it begins
	shareMost   = 0.8             // of it: the first datagrams of somebody new must find room
	shareAim    = 0.3             // of the time the link should be free
	shareGain   = 0.08            // of the capacity and of what it is free for more, each step
	shareStep   = 100 * time.Millisecond
	shareRTTs   = 2   // a step at least
	stoodAside  = 1.5 // round trips after somebody was met: the next round of a window comes one later
	asideShare  = 0.25
	standing    = 0.2 // of a step that is free: no more than that is a queue that stands
	standingCut = 0.6
	standingFor = 3 // steps, and it is somebody who stays
)

// shared is the state of a flow on a link that many use for a moment each. Who leaves for every one of them is never there, and who
// stays is in the way of all. But between them the link is free for most of the time, which pulses at the floor see; so a part of it is used, and
// most of that is given up as soon as a queue shows, until one and a half round trips after the last one. The part grows while the link is free for more
// of the time than it should be, and shrinks while it is for less. A queue that stands is somebody who stays, and has the link to himself.
type shared struct {
	glimpsed float64   // share of the pulses of late that found the link free
	rate     float64   // bytes a second, the last time
	again    bool      // it was shared until we went to look
	begun    time.Time // this time
	met      time.Time // when a datagram met a queue last
	heard    time.Time // when one arrived last
	busy     bool      // as it found the link
	step     time.Time // when this step began
	free     time.Duration
	barred   time.Time // until then it is not shared, after a queue that stood
	stood    int       // steps in a row in which a queue stood
}

// glimpse enters what the n-th pulse at the floor has found.
func (s *shared) glimpse(n int, free bool) {
	part := 1 / float64(min(n, gatherMean))
	s.glimpsed *= 1 - part
	if free {
		s.glimpsed += part
	}
}

// mayShare says whether pulses have found the link free for most of the time. It takes a path without jitter, and one that loses nothing by itself: on
// others a queue shows too late, or is one that a policer does not have. Who lets a buffer overflow does not come for a moment only.
func (e *ebb) mayShare(now time.Time) bool {
	y, s := &e.yield, &e.shared
	gather := gatherFor
	if s.again {
		gather = gatherAgain
	}
	return now.Sub(y.left) >= gather && y.told >= gatherLeast && y.thirds >= leastLooks && s.glimpsed >= shareFree && y.crowd < crowdMost &&
		e.still() && e.lossy() < honestLine && e.docket.judge.trial != convicted && !y.guessed && !now.Before(e.excuse.ceded) && !now.Before(s.barred) &&
		(e.excuse.hard.IsZero() || now.Sub(e.excuse.hard) > max(holdLong, y.holdOff))
}

// shareLink begins to use a part of the link.
func (e *ebb) shareLink(now time.Time) {
	s := &e.shared
	e.rate = min(max(s.rate, shareLeast*e.mu), shareMost*e.mu)
	s.again, s.busy, s.stood, s.free = false, false, 0, 0
	s.begun, s.heard, s.step = now, now, now
	e.enter(now, sharing)
}

// unshare ends that.
func (e *ebb) unshare(now time.Time, next phase) {
	e.shared.rate = e.rate
	e.enter(now, next)
}

// aside says whether most of the rate is left to others for now.
func (e *ebb) aside() bool {
	return e.shared.busy || e.now.Sub(e.shared.met) < time.Duration(stoodAside*float64(e.span()))
}

// amongOthers enters a datagram that arrived while the link is shared.
func (e *ebb) amongOthers(now time.Time, queue time.Duration) {
	s, step := &e.shared, max(shareStep, shareRTTs*e.span())
	gap := now.Sub(s.heard)
	if gap > idleAfter { // nobody has looked
		e.unshare(now, yielding)
		return
	}
	if !s.busy {
		s.free += min(gap, step)
	}
	s.heard, s.busy = now, queue > max(e.threshold(), e.per(interruption))
	if s.busy {
		s.met, e.excuse.seen = now, now
	}
	elapsed := now.Sub(s.step)
	if elapsed < step {
		return
	}
	free := s.free.Seconds() / elapsed.Seconds()
	s.step, s.free = now, 0
	switch {
	case free < standing:
		e.rate = standingCut * min(e.rate, e.limit)
		s.stood++
	default:
		s.stood = 0
		if e.docket.judge.trial != tried { // which asks what half of the rate does
			e.rate = min(e.rate+shareGain*(free-shareAim)*e.mu, shareMost*e.mu)
		}
	}
	e.rate = max(e.rate, e.floor())
	switch {
	case s.stood >= standingFor:
		e.returned = s.begun // that soon after it somebody stayed, or behind a fair queue was there all the time: the next time it waits longer
		e.stayAway(now)
		e.unshare(now, yielding)
		s.barred = e.mayReturn
	case now.Sub(s.begun) > absentFor && now.Sub(s.met) > absentFor:
		e.climb = climbShy
		e.unshare(now, returning)
	case now.Sub(s.begun) > shareFor && now.Sub(s.met) < shareFor:
		e.unshare(now, yielding)
		s.again = true
	}
}
