// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

const initialWindow = 10 // packets (RFC 6928)

// A record is what the sender knows of one packet.
type record struct {
	seq   uint64 // of its segment
	sent  time.Duration
	state state
	// The state of delivery when it was sent (draft-cheng-iccrg-delivery-rate-estimation, section 3.2).
	idle        bool          // there was nothing more to send
	delivered   uint64        // packets
	deliveredAt time.Duration // when the last of them was acknowledged
	firstSent   time.Duration // when that one was sent
}

type state uint8

const (
	flying state = iota
	arrived
	lost
)

// An ack is what one acknowledgement said, for the control.
type ack struct {
	now       time.Duration
	rtt       time.Duration // of the newest packet acknowledged; 0: unknown
	acked     int           // packets newly acknowledged
	lost      int           // packets found lost by it
	flight    int           // packets in flight before it
	delivered uint64        // what had been delivered when the packet that the rate is measured by was sent
	rate      float64       // of delivery, packets a second; 0: no sample
	idle      bool          // the rate is that of the application
	round     bool          // a round trip begins
}

// A Sender is the end that has data.
type Sender struct {
	cfg   Config
	ctl   control
	slot  uint64
	start time.Duration

	records   []record // a ring, by number
	base      uint64   // number of the first packet of this connection
	una, next uint64   // numbers: the oldest that flies, and that of the next packet
	largest   uint64   // newest number acknowledged; 0: none
	run       run      // that was acknowledged last
	flight    int

	seq, cum, end uint64 // segments: the next new one, the first that has not arrived, and where data ends
	first, unit   uint64 // transfers are of unit segments, beginning with first; 0: data without end
	tail          int32  // bytes of the last segment of a unit
	again         queue  // segments to be sent again
	opening       bool   // the first packet is not yet acknowledged, and carries no data
	done          time.Duration
	over          bool // Stop has passed

	srtt, rttvar, lastRTT, minRTT time.Duration
	backoff                       uint
	heard                         time.Duration // when the timer was set
	probed, probing               bool          // a probe was sent since; is to be sent
	lossAt                        time.Duration // when the oldest packet is overdue; 0: it is not
	reordered                     bool          // packets overtake each other: only time tells

	recover   uint64 // packets from this number on were sent after the last reduction
	reduction prr
	marks     uint32

	delivered              uint64
	deliveredAt, firstSent time.Duration
	idleUntil              uint64 // delivery before this is the application's rate; 0: it is not
	roundEnd               uint64
	blocked, wasBlocked    bool          // the window was in the way in this round, in the last
	limit                  int           // the control's window in whole packets
	gap                    time.Duration // between full packets, by the control's pace; 0: not paced
	reduces                bool          // the Proportional Rate Reduction applies
	paceAt                 time.Duration // when the next packet may leave
	lastSent               time.Duration
	retransmissions        int64
	timeouts               int
	a                      ack
}

// restart makes a connection of it that has not sent anything. Numbers and segments go on, so that what still is under way does no harm.
func (s *Sender) restart() {
	keep := Sender{cfg: s.cfg, ctl: s.ctl, slot: s.slot, records: s.records, again: s.again,
		next: max(s.next, 1), seq: s.seq, retransmissions: s.retransmissions, timeouts: s.timeouts, marks: s.marks}
	*s = keep
	s.base, s.una, s.recover = s.next, s.next, s.next
	s.cum, s.first, s.end = s.seq, s.seq, s.seq
	s.again.clear()
	s.opening = s.cfg.Handshake
	s.ctl.restart(s.cfg.Seed)
	s.reduces = s.ctl.prr()
	s.ask()
}

// ask asks the control for window and pace, which change only when it is told something.
func (s *Sender) ask() {
	s.limit, s.gap = int(s.ctl.window()), 0
	if rate := s.ctl.rate(); rate > 0 {
		s.gap = max(time.Duration(1e9/rate), 1)
	}
}

// Done is when everything had been acknowledged; 0: not yet.
func (s *Sender) Done() time.Duration { return s.done }

// Retransmissions is how many packets carried a segment that had been sent before.
func (s *Sender) Retransmissions() int64 { return s.retransmissions }

// Timeouts is how often the RTO has passed.
func (s *Sender) Timeouts() int { return s.timeouts }

// View is the window, and the pace if there is one.
func (s *Sender) View() sim.View {
	return sim.View{Window: int(s.ctl.window() * full), Rate: s.ctl.rate() * full}
}

func (s *Sender) record(n uint64) *record { return &s.records[n&uint64(len(s.records)-1)] }

// stopped says whether the flow has fallen silent.
func (s *Sender) stopped(now time.Duration) bool {
	s.over = s.over || s.cfg.Stop > 0 && now >= s.cfg.Stop
	return s.over
}

// pending says whether there is something to be sent, the window not considered.
func (s *Sender) pending() bool {
	for !s.again.empty() && s.again.first() < s.cum {
		s.again.drop()
	}
	if s.opening {
		return s.seq == s.cum || !s.again.empty()
	}
	return s.seq < s.end || !s.again.empty()
}

// open says whether the window has room.
func (s *Sender) open() bool {
	if s.probing {
		return true
	}
	if s.reduces && s.recovering() {
		return s.reduction.quota > 0
	}
	return s.flight < s.limit
}

// Take gives the next packet.
func (s *Sender) Take(now time.Duration, p *sim.Packet) bool {
	if now < s.start || s.stopped(now) {
		return false
	}
	if !s.pending() {
		if !s.probing {
			s.starved()
			return false
		}
		if s.flight == 0 {
			s.probing = false
			return false
		}
		s.again.push(s.record(s.next - 1).seq) // the probe repeats the newest (RFC 8985, section 7.3)
	}
	if !s.open() {
		s.blocked = true
		return false
	}
	if s.gap > 0 && now < s.paceAt && !s.probing {
		return false
	}
	s.send(now, p)
	s.paceAt = now + s.gap
	if p.Size < full {
		s.paceAt = now + s.gap*time.Duration(p.Size)/full
	}
	return true
}

// starved notes that the application is what limits the rate (draft-cheng-iccrg-delivery-rate-estimation, section 3.3).
func (s *Sender) starved() {
	if s.flight < s.limit {
		s.idleUntil = s.delivered + uint64(s.flight) + 1
	}
}

func (s *Sender) send(now time.Duration, p *sim.Packet) {
	var seq uint64
	repeats := !s.again.empty()
	if repeats {
		seq = s.again.first()
		s.again.drop()
		s.retransmissions++
	} else {
		seq = s.seq
		s.seq++
	}
	if s.flight == 0 {
		if quiet := now - max(s.lastSent, s.deliveredAt); s.lastSent > 0 && quiet > 0 && !repeats {
			s.ctl.idled(s, now, quiet)
			s.ask()
		}
		s.firstSent, s.deliveredAt = now, now
		s.heard, s.probed = now, false
	}
	if s.next-s.una == uint64(len(s.records)) {
		s.grow()
	}
	*s.record(s.next) = record{
		seq: seq, sent: now, idle: s.idleUntil > 0, delivered: s.delivered, deliveredAt: s.deliveredAt, firstSent: s.firstSent,
	}
	p.Number, p.First, p.Sent, p.Size = s.slot<<numberShift|s.next, seq, now, full
	p.Connection = uint32(s.slot)
	switch {
	case s.opening:
		p.Size, p.Last = headers, newConnection
	case s.unit > 0 && (seq-s.first)%s.unit == s.unit-1:
		p.Size, p.Last = headers+s.tail, endOfUnit
	}
	if s.cfg.ECN && !repeats {
		p.ECN = link.ECT0
	}
	s.next++
	s.flight++
	s.lastSent = now
	if s.probing {
		s.probing, s.probed, s.heard = false, true, now
	}
	if s.reduction.quota > 0 {
		s.reduction.quota--
	}
	s.reduction.out++
}

func (s *Sender) grow() {
	old := s.records
	s.records = make([]record, 2*len(old))
	for n := s.una; n < s.next; n++ {
		*s.record(n) = old[n&uint64(len(old)-1)]
	}
}
