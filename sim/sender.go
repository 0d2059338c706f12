// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
)

// later arrivals that a datagram must have been overtaken by before it is given up
const overtakers = 3

// A sender knows what is on its way. Datagrams carry sequence numbers from 0; what is below first is settled.
type sender struct {
	first, next uint64
	records     []record // ring, a power of two; sequence s is at s & (len-1)
	flight      int      // bytes
	heard       time.Time
	last        time.Time     // when the last datagram left
	minRTT      time.Duration // 0: none yet
}

type record struct {
	at    time.Time
	bytes int
	fate  fate
}

type fate uint8

const (
	onTheWay fate = iota
	acknowledged
	givenUp
)

func (s *sender) record(sequence uint64) *record {
	return &s.records[sequence&uint64(len(s.records)-1)]
}

func (s *sender) grow() {
	if int(s.next-s.first) < len(s.records) {
		return
	}
	old := s.records
	s.records = make([]record, max(64, 2*len(old)))
	for q := s.first; q < s.next; q++ {
		*s.record(q) = old[q&uint64(len(old)-1)]
	}
}

func (f *Flow) send(size int) {
	now, s := f.world.now, &f.sender
	s.grow()
	*s.record(s.next) = record{at: now, bytes: size}
	if s.flight == 0 {
		s.heard = now // the timeout counts from the first datagram in flight
	}
	s.flight += size
	s.last = now
	f.pacer.Sent(now, size)
	f.ctl.Sent(now, size)
	stamp := uint32(now.Sub(f.world.start) / time.Microsecond)
	f.path.Forward.Send(now, link.Datagram[packet]{Size: size, Payload: packet{flow: f, sequence: s.next, sent: stamp}})
	s.next++
}

// reported takes in a feedback: the lost first, then what was acknowledged.
func (f *Flow) reported(r *feedback) {
	now, s := f.world.now, &f.sender
	ack := ledbat.Ack{}
	newest, fresh := uint64(0), false
	for _, c := range r.receipts[:r.filled] {
		if c.sequence < s.first {
			continue
		}
		rec := s.record(c.sequence)
		if rec.fate != onTheWay {
			continue
		}
		rec.fate = acknowledged
		s.flight -= rec.bytes
		delay := time.Duration(c.delay) * time.Microsecond
		if !fresh {
			ack.OneWayDelay = delay
		}
		ack.OneWayDelay = ledbat.Smaller(ack.OneWayDelay, delay)
		if !fresh || c.sequence > newest {
			newest = c.sequence
			ack.RTT = now.Sub(rec.at) - r.sent.Sub(c.at)
		}
		fresh = true
		ack.Bytes += rec.bytes
	}
	if !fresh {
		return // everything in it was known
	}
	s.heard = now
	if s.minRTT == 0 || ack.RTT < s.minRTT {
		s.minRTT = ack.RTT
	}
	f.giveUp(newest)
	for s.first < s.next && s.record(s.first).fate != onTheWay {
		s.first++
	}
	ack.InFlight = s.flight
	f.ctl.Acked(now, ack)
	f.pump()
}

// giveUp takes for lost what was sent well before the newest that arrived: three datagrams and a quarter of the smallest round
// trip, as RFC 8985 has it.
func (f *Flow) giveUp(newest uint64) {
	s := &f.sender
	arrived := s.record(newest).at
	for q := s.first; q+overtakers <= newest; q++ {
		rec := s.record(q)
		if arrived.Sub(rec.at) < s.minRTT/4 {
			return
		}
		if rec.fate != onTheWay {
			continue
		}
		rec.fate = givenUp
		s.flight -= rec.bytes
		f.Lost++
		f.ctl.Lost(f.world.now, rec.bytes, rec.at)
	}
}

// timedOut takes everything for lost.
func (f *Flow) timedOut() {
	s := &f.sender
	for q := s.first; q < s.next; q++ {
		if rec := s.record(q); rec.fate == onTheWay {
			rec.fate = givenUp
			f.Lost++
		}
	}
	s.first, s.flight = s.next, 0
	s.heard = f.world.now
	f.Timeouts++
	f.ctl.TimedOut(f.world.now)
}
