// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The receiver's ranges are the set of what arrived, but for what the peer was told.
func TestRangesAreTheSetOfArrivals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := receiver{every: feedbackEvery}
		model := map[uint64]bool{}
		told := uint64(0)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			if len(model) > 0 && rapid.IntRange(0, 9).Draw(t, "tell") == 0 {
				hi := r.ranges[0].hi - min(r.ranges[0].hi, uint64(rapid.IntRange(0, 20).Draw(t, "behind")))
				r.told(hi)
				told = max(told, hi)
				for s := range model {
					if s <= told {
						delete(model, s)
					}
				}
			}
			seq := rapid.Uint64Range(told, told+100).Draw(t, "sequence")
			model[seq] = true
			r.arrived(0, seq, true, ms)
			for i, s := range r.ranges {
				if s.lo > s.hi || i > 0 && r.ranges[i-1].lo < s.hi+2 {
					t.Fatalf("ranges %v", r.ranges)
				}
			}
		}
		got := map[uint64]bool{}
		for _, s := range r.ranges {
			for seq := s.lo; seq <= s.hi; seq++ {
				got[seq] = true
			}
		}
		for seq := range model {
			if !got[seq] && seq > told && len(r.ranges) < maxRanges {
				t.Fatalf("%d arrived and is not in %v", seq, r.ranges)
			}
		}
		for seq := range got {
			if !model[seq] && seq > told {
				t.Fatalf("%d did not arrive and is in %v", seq, r.ranges)
			}
		}
	})
}

// "At least every 16 datagrams or min(RTT/4, 25 ms)".
func TestFeedbackIsDue(t *testing.T) {
	r := receiver{every: feedbackEvery}
	r.arrived(0, 0, false, 5*ms)
	if r.owed != 0 {
		t.Error("a datagram that elicits nothing is owed an answer")
	}
	r.arrived(time.Second, 1, true, 5*ms)
	if r.due != time.Second+5*ms {
		t.Errorf("due at %v", r.due)
	}
	for seq := range uint64(feedbackEvery - 1) {
		r.arrived(time.Second+ms, seq+2, true, 5*ms)
	}
	if r.due != time.Second+ms {
		t.Errorf("after %d datagrams due at %v", r.owed, r.due)
	}
	var f feedback
	if hi := r.report(time.Second+3*ms, &f, feedbackMTU); hi != feedbackEvery || f.held != 2000 || len(f.arrivals) != feedbackEvery+1 {
		t.Errorf("reported up to %d: %+v", hi, f)
	}
	if r.pending() || r.owed != 0 {
		t.Error("still pending")
	}
}

// flight is a sender with n datagrams of 1000 bytes sent a millisecond apart, and a round trip of 100 ms.
func flight(n int) *sender {
	s := &sender{reorder: packetThreshold}
	s.rtt.sample(0, 100*ms)
	for i := range n {
		s.add(record{sent: time.Duration(i) * ms, size: 1000, fate: flying, kind: Packet})
	}
	return s
}

// land delivers a feedback and returns the numbers given up for lost because of it.
func land(t *testing.T, s *sender, now time.Duration, ranges ...span) (lost []uint64) {
	t.Helper()
	var o outcome
	if err := s.take(now, now, &feedback{ranges: ranges}, &o); err != nil {
		t.Fatal(err)
	}
	s.giveUp(now, func(seq uint64, _ *record) { lost = append(lost, seq) })
	s.forget(now)
	return lost
}

// RFC 9002, section 6.1.1: "a later packet sent within a specified number of packets".
func TestThreeLaterOnesMakeALoss(t *testing.T) {
	s := flight(10)
	if lost := land(t, s, 103*ms, span{0, 1}, span{3, 4}); lost != nil {
		t.Errorf("lost %v", lost)
	}
	if lost := land(t, s, 105*ms, span{5, 5}); !slices.Equal(lost, []uint64{2}) {
		t.Errorf("lost %v", lost)
	}
	if s.inFlight != 4000 {
		t.Errorf("%d bytes in flight", s.inFlight)
	}
}

// RFC 9002, section 6.1.2: "Once a later packet within the same packet number space has been acknowledged, an endpoint SHOULD declare an
// earlier packet lost if it was sent a threshold amount of time in the past."
func TestTimeMakesALoss(t *testing.T) {
	s := flight(3)
	var o outcome
	if err := s.take(100*ms, 100*ms, &feedback{ranges: []span{{1, 1}}}, &o); err != nil {
		t.Fatal(err)
	}
	none := func(seq uint64, _ *record) { t.Errorf("%d was given up", seq) }
	again := s.giveUp(100*ms, none)
	if want := 9 * s.rtt.smoothed / 8; again != want {
		t.Errorf("to be looked at again at %v, wanted %v", again, want)
	}
	var lost []uint64
	s.giveUp(again, func(seq uint64, _ *record) { lost = append(lost, seq) })
	if !slices.Equal(lost, []uint64{0}) { // 2 is not lost: nothing later was acknowledged
		t.Errorf("lost %v", lost)
	}
}

// "Spurious-loss detection raises the threshold."
func TestLateArrivalsTeachPatience(t *testing.T) {
	s := flight(40)
	if lost := land(t, s, 110*ms, span{1, 10}); !slices.Equal(lost, []uint64{0}) {
		t.Errorf("lost %v", lost)
	}
	land(t, s, 112*ms, span{0, 12})
	if s.spurious != 1 || s.patience != 12*ms || s.reorder != 13 {
		t.Errorf("%d spurious losses, patience %v, threshold %d", s.spurious, s.patience, s.reorder)
	}
	if lost := land(t, s, 122*ms, span{14, 25}); lost != nil {
		t.Errorf("lost %v, only 9 ms late", lost)
	}
	if lost := land(t, s, 126*ms, span{26, 27}); !slices.Equal(lost, []uint64{13}) {
		t.Errorf("lost %v, 13 ms late", lost)
	}
	s.forget(126*ms + 2*forgetLate)
	if s.patience != 0 || s.reorder != packetThreshold {
		t.Error("patience for ever")
	}
}

func TestTheLogForgets(t *testing.T) {
	s := flight(0)
	for i := range 100_000 {
		now := time.Duration(i) * ms
		s.add(record{sent: now, size: 1000, fate: flying})
		if i >= 100 {
			land(t, s, now, span{0, uint64(i - 100)})
		}
	}
	if len(s.log) > 1000 || cap(s.log) > 4096 {
		t.Errorf("%d records, room for %d", len(s.log), cap(s.log))
	}
	if s.inFlight != 100_000 {
		t.Errorf("%d bytes in flight", s.inFlight)
	}
}

func TestGuardTellsNewFromOld(t *testing.T) {
	g := new(guard)
	lit := circumstances{room: 1 << 20, overdue: func(uint64) time.Duration { return time.Hour }}
	at := func(tsn uint32, seq uint64) verdict {
		v, c := g.judge(dataPacket(tsn, 100), lit)
		if v == pass {
			g.sent(c, seq)
		}
		return v
	}
	first := ^uint32(0) - 1 // numbers wrap in the middle
	for i := range uint32(5) {
		if v := at(first+i, uint64(10+i)); v != pass {
			t.Fatalf("new chunk %d: verdict %d", i, v)
		}
	}
	if v := at(first+2, 20); v != withhold {
		t.Errorf("a chunk in flight was sent again: verdict %d", v)
	}
	lost := record{tsn: first + 2, chunks: 1}
	g.lost(12, &lost)
	if v := at(first+2, 21); v != pass {
		t.Errorf("a lost chunk was not sent again: verdict %d", v)
	}
	g.landed(10, &record{tsn: first, chunks: 1})
	if g.base != first+1 || len(g.where) != 4 {
		t.Errorf("from %d, %d chunks", g.base, len(g.where))
	}
	if v := at(first, 22); v != pass {
		t.Errorf("what SCTP insists on sending again, though it arrived, does not leave: verdict %d", v)
	}
	g.acknowledged(first + 3)
	if g.base != first+4 || len(g.where) != 1 {
		t.Errorf("after a SACK: from %d, %d chunks", g.base, len(g.where))
	}
	if g.acknowledged(first + 1); g.base != first+4 {
		t.Error("an old SACK moved the guard back")
	}
	if v, _ := g.judge(sackPacket(1, 2), circumstances{dark: true}); v != pass {
		t.Error("a packet without data was held")
	}
	if v, _ := g.judge(dataPacket(first+9, 100), circumstances{dark: true}); v != keep {
		t.Error("data was sent into the dark")
	}
}
