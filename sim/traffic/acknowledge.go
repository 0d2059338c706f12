// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"time"

	"github.com/ebbproject/ebb/sim"
)

// Deliver takes an acknowledgement.
func (s *Sender) Deliver(now time.Duration, p *sim.Packet) {
	if s.stopped(now) {
		return
	}
	a := &s.a
	*a = ack{now: now, flight: s.flight}
	if cum := p.Number & numberMask; cum > s.cum {
		s.cum, s.backoff = cum, 0
	}
	if p.Last < s.una {
		s.late(now, p)
		return
	}
	s.accept(p, a)
	if a.acked > 0 {
		s.backoff, s.heard, s.probed = 0, now, false
		s.measure(a)
	}
	s.detect(now)
	if p.Marks != s.marks {
		s.marks = p.Marks
		if s.cfg.ECN && s.largest >= s.recover {
			s.congested(now)
		}
	}
	s.pass()
	if a.acked == 0 {
		return
	}
	if a.delivered >= s.roundEnd {
		s.roundEnd, a.round = s.delivered, true
		s.wasBlocked, s.blocked = s.blocked, false
	}
	if s.reduces && s.recovering() {
		s.reduction.acked(a.acked, s.flight, s.limit)
	} else {
		s.reduction.quota = 0
	}
	s.ctl.acked(s, a)
	s.ask()
	if s.opening && s.cum >= s.first {
		s.opening = false
	}
	if s.cum >= s.end && s.done == 0 {
		s.done = now
	}
}

// A run is a stretch of numbers, both ends included.
type run struct{ first, last uint64 }

// accept notes which packets arrived.
func (s *Sender) accept(p *sim.Packet, a *ack) {
	var newest *record
	from := max(p.First, s.una)
	if p.First == s.run.first && p.Last >= s.run.last {
		from = max(from, s.run.last+1) // the run of before, grown
	}
	s.run = run{p.First, p.Last}
	for n := from; n <= p.Last; n++ {
		r := s.record(n)
		if r.state != flying {
			continue
		}
		r.state = arrived
		a.acked++
		newest = r
	}
	if newest == nil {
		return
	}
	s.flight -= a.acked
	s.delivered += uint64(a.acked)
	s.deliveredAt = a.now
	s.largest = max(s.largest, p.Last)
	a.rtt = a.now - newest.sent
	a.delivered, a.idle = newest.delivered, newest.idle
	s.firstSent = newest.sent
	// The slower of how fast packets were sent and how fast they were acknowledged (delivery-rate-estimation, section 2.2.2).
	span := max(newest.sent-newest.firstSent, a.now-newest.deliveredAt)
	if span > 0 && (s.minRTT == 0 || span >= s.minRTT) {
		a.rate = float64(s.delivered-newest.delivered) / seconds(span)
	}
	if s.idleUntil > 0 && s.delivered > s.idleUntil {
		s.idleUntil = 0
	}
}

// measure smooths the round trip (RFC 6298, section 2).
func (s *Sender) measure(a *ack) {
	s.lastRTT = a.rtt
	if s.minRTT == 0 || a.rtt < s.minRTT {
		s.minRTT = a.rtt
	}
	if s.srtt == 0 {
		s.srtt, s.rttvar = a.rtt, a.rtt/2
		return
	}
	d := s.srtt - a.rtt
	if d < 0 {
		d = -d
	}
	s.rttvar += (d - s.rttvar) / 4
	s.srtt += (a.rtt - s.srtt) / 8
}

// pass moves on to the oldest packet that flies.
func (s *Sender) pass() {
	for s.una < s.next && s.record(s.una).state != flying {
		s.una++
	}
}

// late takes the acknowledgement of a packet that was given up: it was overtaken, or the RTO was too short.
func (s *Sender) late(now time.Duration, p *sim.Packet) {
	if p.Last < s.base || s.next-p.Last > uint64(len(s.records)) {
		return
	}
	r := s.record(p.Last)
	if r.state != lost {
		return
	}
	r.state = arrived
	s.reordered = s.reordered || s.largest > p.Last
	s.a.rtt = now - r.sent
	s.measure(&s.a)
	if s.cum >= s.end && s.done == 0 {
		s.done = now
	}
}
