// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	firstTrain = 6 // datagrams; fewer than TCP's ten (RFC 6928)
	// A train that arrives within less says more about how the last hop gathers what it delivers than about the bottleneck.
	sureTrain = 2 * time.Millisecond
)

// A starter finds the capacity. Trains of 6, 12, 24 and so on datagrams leave, one a round trip. The first leaves as fast as it can, and
// arrives at the capacity; the others leave at what the one before arrived with. When nothing holds them up, the link is free.
type starter struct {
	train  train
	trains int
	agree  int // how sure it is that the link is free
	doubt  int // trains in a row that were held up
}

// begun looks at a train.
func (e *ebb) begun(now time.Time, s stretch) {
	st := &e.start
	arriving := s.arriving()
	st.trains++
	pace := e.mu
	if arriving > 0 {
		e.mu = arriving
	}
	if st.trains > 1 && arriving > 0 && s.arrivals >= sureTrain {
		sent := s.sending()
		if sent == 0 || sent > 2*pace {
			sent = 2 * pace
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
	switch {
	case st.agree >= 2, st.trains > 1 && s.sentFor > e.empty():
		e.enter(now, returning)
		e.rate = 0.75 * e.mu
	case st.doubt >= 3:
		e.guessed = true
		e.enter(now, yielding)
	default:
		st.train.begin(firstTrain<<min(st.trains, 16), e.cfg.MSS)
	}
}
