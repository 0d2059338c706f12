// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	firstTrain = 6 // datagrams; fewer than TCP's ten (RFC 6928)
	// A train that arrives within less says more about how the last hop gathers what it delivers than about the bottleneck.
	sureTrain = 2 * time.Millisecond
	mostAgain = 8 // trains in all that are begun again
	// How long a receiver may keep its report back, and a little.
	reportDelay = 12 * time.Millisecond
	// How much faster than our own clock saw a train arrive the receiver's stamps may have it: a short one is heard of late, as on a busy host
	// or where members of a group wait for one another.
	mostStamped = 4
	unhindered  = 0.95 // of the rate that it left with: nothing held a train up
	mostDoubled = 2    // how much faster than a train that nothing held up the next one leaves, while our own clock doubts,
	leastRaised = 1.25 // and from how much on that is worth another
)

// A starter finds the capacity. Trains of 6, 12, 24 and so on datagrams leave, one a round trip. The first leaves as fast as it can, and
// arrives at the capacity; the others leave at what the one before arrived with. When nothing holds them up, the link is free.
//
// The stamps are the receiver's, and our own clock bounds what is believed of them. While it is that bound by which a train leaves, one that
// nothing holds up says only that there is at least as much, and the next one leaves faster.
type starter struct {
	train   train
	heard   time.Time // when the last of it was reported
	trains  int
	again   int  // trains that had to be repeated
	agree   int  // how sure it is that the link is free
	doubt   int  // trains in a row that were held up
	bounded bool // the capacity is what our own clock allows or the application used, and not what a bottleneck took
}

// begun looks at a train.
func (e *ebb) begun(now time.Time, s stretch) {
	st := &e.start
	if s.count == 0 {
		e.untold(now)
		return
	}
	if e.scattered(s) {
		e.gather(now)
		return
	}
	st.trains++
	pace, sent, arriving := e.mu, s.sending(), s.arriving()
	if sent == 0 || pace > 0 && sent > pace {
		sent = pace // no more can come through
	}
	// By our own clock the train was under way for a round trip and what the bottleneck took for it.
	bytes, elapsed := float64(s.count*int(e.mss)), st.heard.Sub(st.train.from)-e.least-reportDelay
	ours := bytes / max(elapsed, time.Microsecond).Seconds()
	if st.bounded && arriving > unhindered*sent {
		if e.mu = min(mostDoubled*sent, mostStamped*ours); e.mu > leastRaised*sent && e.limit >= 2*e.mu {
			st.train.begin(min(max(2*firstTrain, int(e.mu*e.empty().Seconds()/e.mss)), firstTrain<<min(st.trains, 16)), int(e.mss))
			return
		}
		arriving = min(arriving, ours)
	}
	st.bounded = arriving == 0 || arriving > mostStamped*ours
	if st.bounded && (arriving == 0 || arriving > ours) {
		arriving = ours
	}
	e.mu = arriving
	if e.limit < 2*e.mu {
		// Longer trains would be more than it may send. The pairs of pulses tell the capacity, too.
		e.guessed = true
		e.enter(now, yielding)
		return
	}
	if st.trains > 1 && s.arrivals >= sureTrain && !st.bounded {
		switch held := arriving / sent; {
		case held > unhindered:
			st.agree, st.doubt = st.agree+2, 0
		case held > 0.8:
			st.agree, st.doubt = st.agree+1, 0
		default:
			st.agree, st.doubt = 0, st.doubt+1
		}
	}
	switch {
	case st.doubt >= 3:
		e.guessed = true
		e.enter(now, yielding)
	case st.agree >= 2, st.trains > 1 && max(s.sentFor, elapsed) > e.empty():
		e.enter(now, returning)
		e.rate = 0.75 * e.mu
	default:
		st.train.begin(firstTrain<<min(st.trains, 16), int(e.mss))
	}
}

// untold begins a train again of which nothing is told. Where that goes on, pulses have to find the capacity.
func (e *ebb) untold(now time.Time) {
	st := &e.start
	if st.doubt++; st.doubt < 3 {
		st.train.begin(max(st.train.count, 2), int(e.mss))
		return
	}
	if e.mu == 0 {
		e.mu = e.modest()
	}
	e.guessed = true
	e.enter(now, yielding)
}

// scattered says that a train did not leave in a row, because the application had too little or the host was late: what arrived says nothing
// about the bottleneck.
func (e *ebb) scattered(s stretch) bool {
	due := time.Duration(0)
	if e.mu > 0 {
		due = time.Duration(float64(s.bytes) / e.mu * float64(time.Second))
	}
	return s.sending() > 0 && s.arriving() > 0.9*s.sending() && s.sentFor > max(2*due, due+sureTrain)
}

// gather begins a scattered train again. Where that goes on, the rest is left to lifts. The first train alone is not believed then: a group
// may have sent it to several hosts, of whose clocks it does not know yet how they differ.
func (e *ebb) gather(now time.Time) {
	st := &e.start
	if st.again++; st.again < mostAgain {
		st.train.begin(max(st.train.count, 2), int(e.mss))
		return
	}
	if st.trains < 2 {
		e.mu = 0
	}
	e.mu, st.bounded = max(e.mu, e.modest()), true
	e.enter(now, returning)
}

// modest is a rate that was used all the time while the first train had to be repeated.
func (e *ebb) modest() float64 { return perSecond(firstTrain*int(e.mss), e.span()) }
