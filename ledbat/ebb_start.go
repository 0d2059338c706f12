// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	firstTrain = 6 // datagrams; fewer than TCP's ten (RFC 6928)
	// A train that arrives within less says more about how the last hop gathers what it delivers than about the bottleneck.
	sureTrain = 2 * time.Millisecond
	mostAgain = 16
	// How long a receiver may keep its report back, and a little.
	reportDelay = 12 * time.Millisecond
)

// A starter finds the capacity. Trains of 6, 12, 24 and so on datagrams leave, one a round trip. The first leaves as fast as it can, and
// arrives at the capacity; the others leave at what the one before arrived with. When nothing holds them up, the link is free.
type starter struct {
	train  train
	heard  time.Time // when the last of it was reported
	trains int
	again  int // trains that had to be repeated
	agree  int // how sure it is that the link is free
	doubt  int // trains in a row that were held up
}

// begun looks at a train.
func (e *ebb) begun(now time.Time, s stretch) {
	st := &e.start
	arriving := s.arriving()
	st.trains++
	pace := e.mu
	// The stamps are the receiver's. By our own clock the train was under way for a round trip and what the bottleneck took for it.
	bytes, elapsed := float64(s.count*e.cfg.MSS), st.heard.Sub(st.train.from)-e.least-reportDelay
	if ours := bytes / max(elapsed, time.Microsecond).Seconds(); arriving == 0 || arriving > ours {
		arriving = ours
	}
	if sent := s.sending(); sent > 0 && arriving > 0.9*sent && sent < pace/2 && st.again < mostAgain {
		// It did not leave in a row: the application had too little. What arrived says nothing about the bottleneck.
		st.again++
		st.trains--
		st.train.begin(st.train.count, e.cfg.MSS)
		return
	}
	e.mu = arriving
	if e.limit < 2*e.mu {
		// Longer trains would be more than it may send. The pairs of pulses tell the capacity, too.
		e.guessed = true
		e.enter(now, yielding)
		return
	}
	if st.trains > 1 && s.arrivals >= sureTrain {
		sent := s.sending()
		if sent == 0 || sent > pace {
			sent = pace // no more can come through
		}
		switch held := arriving / sent; {
		case held > 0.95:
			st.agree, st.doubt = st.agree+2, 0
		case held > 0.8:
			st.agree, st.doubt = st.agree+1, 0
		default:
			st.agree, st.doubt = 0, st.doubt+1
		}
	}
	if s.count == 0 {
		st.doubt++ // nothing is told
	}
	switch {
	case st.doubt >= 3:
		e.guessed = true
		e.enter(now, yielding)
	case st.agree >= 2, st.trains > 1 && max(s.sentFor, elapsed) > e.empty():
		e.enter(now, returning)
		e.rate = 0.75 * e.mu
	default:
		st.train.begin(firstTrain<<min(st.trains, 16), e.cfg.MSS)
	}
}
