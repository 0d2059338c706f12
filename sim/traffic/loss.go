// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"time"

	"github.com/ebbproject/ebb/sim"
)

const (
	reorderThreshold = 3                      // packets (RFC 5681, section 3.2)
	minRTO           = 200 * time.Millisecond // as Linux; RFC 6298 has 1 s
	firstRTO         = time.Second            // RFC 6298, section 2.1
	maxRTO           = 120 * time.Second
)

// rto is the retransmission timeout (RFC 6298, section 2.3 and 5.5).
func (s *Sender) rto() time.Duration {
	if s.srtt == 0 {
		return min(firstRTO<<s.backoff, maxRTO)
	}
	return min((s.srtt+max(4*s.rttvar, minRTO))<<s.backoff, maxRTO)
}

// probeAfter is how long silence is borne before it is probed (RFC 8985, section 7.2).
func (s *Sender) probeAfter() time.Duration {
	if s.flight == 1 {
		return 2*s.srtt + minRTO
	}
	return 2*s.srtt + 2*time.Millisecond
}

// timer is when silence ends, with a probe or the RTO.
func (s *Sender) timer() (at time.Duration, probe bool) {
	rto := s.rto()
	if s.srtt > 0 && !s.probed && s.backoff == 0 && !s.recovering() {
		if after := s.probeAfter(); after < rto {
			return s.heard + after, true
		}
	}
	return s.heard + rto, false
}

func (s *Sender) recovering() bool { return s.una < s.recover }

// Deadline is the earliest of pacer and timers.
func (s *Sender) Deadline() time.Duration {
	if s.over || s.end == s.cum && s.flight == 0 {
		return sim.Never
	}
	at := sim.Never
	if s.flight > 0 {
		at, _ = s.timer()
		if s.lossAt > 0 {
			at = min(at, s.lossAt)
		}
	}
	if s.next == 1 || s.gap > 0 {
		if s.pending() && s.open() {
			at = min(at, max(s.paceAt, s.start))
		}
	}
	if s.cfg.Stop > 0 && at >= s.cfg.Stop {
		return sim.Never
	}
	return at
}

// Advance acts on what is overdue.
func (s *Sender) Advance(now time.Duration) {
	if s.stopped(now) || s.flight == 0 {
		return
	}
	if s.lossAt > 0 && now >= s.lossAt {
		s.a = ack{now: now, flight: s.flight}
		s.detect(now)
		s.pass()
	}
	if s.flight == 0 {
		return
	}
	at, probe := s.timer()
	if now < at {
		return
	}
	if probe {
		s.probing = true
		return
	}
	s.timeout(now)
}

// timeout gives up everything in flight (RFC 6298, section 5.4 to 5.6).
func (s *Sender) timeout(now time.Duration) {
	s.timeouts++
	for n := s.una; n < s.next; n++ {
		if r := s.record(n); r.state == flying {
			r.state = lost
			s.again.push(r.seq) // after what already waits to be sent again
		}
	}
	s.una, s.recover, s.flight, s.lossAt = s.next, s.next, 0, 0
	s.probing, s.probed = false, false
	s.backoff = min(s.backoff+1, 10)
	s.heard = now
	s.ctl.timedOut(s, now)
	s.ask()
}

// detect finds what is lost: overtaken by three, or overdue (RFC 8985, section 6.2).
func (s *Sender) detect(now time.Duration) {
	s.lossAt = 0
	overdue := s.lastRTT + s.srtt/4
	for n := s.una; n < s.largest; n++ {
		r := s.record(n)
		if r.state != flying {
			continue
		}
		overtaken := s.largest >= n+reorderThreshold && !s.reordered
		if !overtaken && now < r.sent+overdue {
			s.lossAt = r.sent + overdue
			break
		}
		s.flight--
		if r.seq < s.cum {
			r.state = arrived // its acknowledgement was lost, not the packet
			s.delivered++
			continue
		}
		r.state = lost
		s.again.push(r.seq)
		s.a.lost++
		if n >= s.recover {
			s.congested(now)
		}
	}
}

// congested begins a reduction, the only one for the packets sent until now.
func (s *Sender) congested(now time.Duration) {
	s.recover = s.next
	s.reduction = prr{flight: max(s.a.flight, 1)}
	s.ctl.congested(s, now)
	s.ask()
	s.reduction.quota = 1 // the fast retransmission
}

// prr is the Proportional Rate Reduction with slow start reduction bound (RFC 6937, section 3).
type prr struct {
	flight    int // when the reduction began
	delivered int // since
	out       int // sent since
	quota     int // what may be sent now
}

// acked finds what may be sent for one acknowledgement.
func (p *prr) acked(acked, flight, target int) {
	p.delivered += acked
	if flight > target {
		p.quota = max((p.delivered*target+p.flight-1)/p.flight-p.out, 0)
		return
	}
	limit := max(p.delivered-p.out, acked) + 1
	p.quota = max(min(target-flight, limit), 0)
}
