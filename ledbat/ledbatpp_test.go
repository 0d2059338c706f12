// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"math"
	"strings"
	"testing"
	"time"
)

// The sentences are those of draft-irtf-iccrg-ledbat-plus-plus-01.

// tellPP is a story of LEDBAT++ as published; its round trip is 40 ms, its gain 1/3.
func tellPP(t *testing.T) *story {
	t.Helper()
	c := Published()
	c.MSS, c.MaxWindow = mss, 1<<20
	ctl, err := New("ledbatpp", c)
	if err != nil {
		t.Fatal(err)
	}
	return &story{t: t, c: ctl, now: epoch, base: 20 * ms}
}

func (s *story) season() season { return s.c.(*ledbatpp).season }

// until lets round trips pass until the season comes, and begins it if it is one that time begins.
func (s *story) until(want season) {
	s.t.Helper()
	for range 2000 {
		if s.season() == want {
			return
		}
		s.fill()
		step := s.rtt() / 8
		if d := s.c.Deadline(); !d.IsZero() && d.Before(s.now.Add(step)) {
			step = max(0, d.Sub(s.now))
		}
		s.pass(step)
		s.c.Advance(s.now)
	}
	s.t.Fatalf("%v never came: %v", want, s.c)
}

// settled is a story in congestion avoidance after its initial slowdown, with a window of about n MSS and no queue.
func settled(t *testing.T, n int) *story {
	t.Helper()
	s := tellPP(t)
	for s.c.Window() < n*mss {
		s.round()
	}
	s.queue = 46 * ms
	s.until(avoidance)
	s.queue = 0
	s.until(frozen)
	s.until(avoidance)
	s.fill()
	return s
}

// "INIT_CWND and MIN_CWND SHOULD both be 2." (RFC 6817, section 2.5)
func TestPPBeginsAtTwo(t *testing.T) {
	s := tellPP(t)
	s.window(2, "INIT_CWND")
	if r := s.c.Rate(); r != 0 {
		t.Errorf("rate is %v before a round trip is known, want 0: not paced", r)
	}
}

// "GAIN = 1 / (min (16, CEIL (2*TARGET/base)))" (section 4.2)
func TestPPGain(t *testing.T) {
	for base, want := range map[time.Duration]float64{
		300 * ms: 1, 120 * ms: 1, 119 * ms: 2, 60 * ms: 2, 59 * ms: 3, 40 * ms: 3, 10 * ms: 12, 8 * ms: 15, 7 * ms: 16, ms / 10: 16,
	} {
		p := newLEDBATPP(Published())
		p.Acked(epoch, Ack{Bytes: mss, RTT: base})
		if got := 1 / p.gain(); math.Abs(got-want) > 1e-9 {
			t.Errorf("base %v: gain is 1/%v, want 1/%v", base, got, want)
		}
	}
	if got := newLEDBATPP(Published()).gain(); got != leastGain {
		t.Errorf("gain is %v before a round trip is known, want the least", got)
	}
}

// "increase the congestion window by that number multiplied by the dynamic GAIN value" (section 4.1)
func TestPPSlowStartGrowsByTheGain(t *testing.T) {
	s := tellPP(t)
	for range 8 {
		s.round()
	}
	for range 5 {
		s.fill()
		before, flying := s.c.Window(), s.flight
		s.pass(s.rtt())
		if got, want := s.c.Window()-before, flying/3; got < want-2 || got > want+2 {
			t.Fatalf("window grew by %d for %d acknowledged, want a third: %v", got, flying, s.c)
		}
	}
}

// "If the queuing delay is larger than 3/4ths of the target delay, exit slow start and immediately move to the congestion avoidance
// phase." (section 4.1)
func TestPPSlowStartEndsByDelay(t *testing.T) {
	s := tellPP(t)
	for range 8 {
		s.round()
	}
	s.queue = 45 * ms
	s.fill()
	s.pass(s.rtt())
	s.fill()
	s.pass(s.rtt())
	if s.season() != initial {
		t.Fatalf("slow start ended at three quarters of the target, not above: %v", s.c)
	}
	before := s.c.Window()
	s.queue = 46 * ms
	s.until(avoidance)
	if got := s.c.Window(); got < before {
		t.Errorf("window fell from %d to %d where slow start ended: %v", before, got, s.c)
	}
}

// "W += GAIN" below the target; above it "W += max( (GAIN - Constant * W * (delay/target - 1)), -W/2) )" in a round trip (section 4.3)
func TestPPWindowFollowsTheFormula(t *testing.T) {
	for _, queue := range []time.Duration{0, 30 * ms, 59 * ms, 60 * ms, 61 * ms, 66 * ms, 75 * ms, 120 * ms, 300 * ms} {
		s := settled(t, 60)
		p := s.c.(*ledbatpp)
		s.pass(s.rtt())
		const w = 60
		p.cwnd = w * mss
		s.fill()
		p.delay.filled = 0 // so that the queue is the next sample's alone
		over := math.Max(0, queue.Seconds()/(60*ms).Seconds()-1)
		want := math.Max(1.0/3-w*over, -w/2)
		s.queue = queue
		s.now = s.now.Add(s.rtt())
		s.hear(len(s.sent), false) // a whole window
		got := float64(s.c.Window())/mss - w
		if math.Abs(got-want) > 0.002*math.Abs(want)+0.001 {
			t.Errorf("queue %v: window of %d MSS changed by %.3f, want %.3f: %v", queue, w, got, want, s.c)
		}
	}
}

// "the initial slowdown begins 2 RTT after the initial slow start completes" (section 4.4)
func TestPPInitialSlowdown(t *testing.T) {
	s := tellPP(t)
	for range 12 {
		s.round()
	}
	s.queue = 46 * ms
	s.until(avoidance)
	ended := s.now
	s.until(frozen)
	if got, want := s.now.Sub(ended), 2*s.rtt(); got != want {
		t.Errorf("the slowdown came after %v, want %v", got, want)
	}
}

// "set SSTHRESH to the current version of the congestion window CWND, and then reduce CWND to 2 packets. Keep CWND frozen at 2 packets for
// 2 RTT. After 2 RTT, ramp up the congestion window according to the slow start algorithm, until the congestion window reaches SSTHRESH."
// (section 4.4)
func TestPPSlowdown(t *testing.T) {
	s := settled(t, 60)
	before := s.c.Window()
	s.until(frozen)
	begun := s.now
	window := s.c.(*ledbatpp).ssthresh
	if window < float64(before) {
		t.Errorf("ssthresh is %.0f, the window was at least %d: %v", window, before, s.c)
	}
	for s.season() == frozen {
		s.window(2, "frozen")
		s.fill()
		s.pass(5 * ms)
		s.c.Advance(s.now)
	}
	if got := s.now.Sub(begun); got != 2*s.rtt() {
		t.Errorf("frozen for %v, want two round trips of %v", got, s.rtt())
	}
	for s.season() == ramp {
		at := s.c.Window()
		s.round()
		if got := s.c.Window(); got > at*14/10 {
			t.Errorf("the ramp went from %d to %d in a round trip, the gain is 1/3: %v", at, got, s.c)
		}
	}
	if got := float64(s.c.Window()); math.Abs(got-window) > mss {
		t.Errorf("the ramp ended at %.0f, want %.0f: %v", got, window, s.c)
	}
}

// "Exit slow start on excessive delay SHOULD be applied only during the initial slow start." (section 4.1)
func TestPPRampDoesNotEndByDelay(t *testing.T) {
	s := settled(t, 60)
	s.until(ramp)
	s.queue = 55 * ms
	for range 5 {
		s.round()
	}
	if s.season() != ramp {
		t.Errorf("a delay of %v ended the ramp: %v", s.queue, s.c)
	}
}

// The next slowdown comes 9 times the duration of the last one after its end. (section 4.4)
func TestPPNextSlowdown(t *testing.T) {
	s := settled(t, 60)
	s.until(frozen)
	begun := s.now
	s.until(avoidance)
	lasted, ended := s.now.Sub(begun), s.now
	s.until(frozen)
	if got := s.now.Sub(ended); got != 9*lasted {
		t.Errorf("a slowdown of %v was followed by the next after %v, want nine times as long", lasted, got)
	}
}

// LEDBAT++ measures the round trip; one-way delays, and with them the clocks, have no say. (section 4.5)
func TestPPMeasuresRoundTrips(t *testing.T) {
	s := tellPP(t)
	s.c.Acked(s.now, Ack{Bytes: mss, OneWayDelay: -time.Hour, RTT: 40 * ms})
	for i := range 4 {
		s.now = s.now.Add(ms)
		s.c.Acked(s.now, Ack{OneWayDelay: time.Duration(i) * time.Hour, RTT: 65 * ms})
	}
	if base, queue := s.c.BaseDelay(), s.c.QueueDelay(); base != 40*ms || queue != 25*ms {
		t.Errorf("base %v, queue %v; want 40ms and 25ms", base, queue)
	}
	s.now = s.now.Add(ms)
	s.c.Acked(s.now, Ack{Bytes: 0, OneWayDelay: 5 * time.Hour}) // no round trip measured
	if got := s.c.QueueDelay(); got != 25*ms {
		t.Errorf("a feedback without a round trip made the queue %v", got)
	}
}

// "on data loss: # at most once per RTT: cwnd = min (cwnd, max (cwnd/2, MIN_CWND * MSS))" (RFC 6817, section 2.4.2)
func TestPPLossHalvesOnceARoundTrip(t *testing.T) {
	s := settled(t, 60)
	before := float64(s.c.Window()) / mss
	sent := s.now
	s.now = s.now.Add(s.rtt())
	for range 5 {
		s.lose(sent)
	}
	s.window(before/2, "five losses of one round trip are one event")
	s.now = s.now.Add(s.rtt())
	s.lose(s.now.Add(-ms))
	s.window(before/4, "what was sent after the halving is a new event")
}

// A mark counts as a loss, at most once a round trip. (RFC 3168, section 6.1.2)
func TestPPMarkHalvesOnceARoundTrip(t *testing.T) {
	s := settled(t, 60)
	before := float64(s.c.Window()) / mss
	s.now = s.now.Add(s.rtt())
	s.hear(1, true)
	s.window(before/2, "CE")
	s.now = s.now.Add(s.rtt() / 2)
	s.hear(1, true)
	s.window(before/2, "a second mark in the same round trip")
}

// A loss ends slow start, the initial one and the ramp; within the freeze it halves what the ramp returns to.
func TestPPLossEndsSlowStart(t *testing.T) {
	s := tellPP(t)
	for range 12 {
		s.round()
	}
	s.fill()
	s.loseOne()
	if s.season() != avoidance {
		t.Errorf("a loss did not end the initial slow start: %v", s.c)
	}
	s = settled(t, 60)
	s.until(frozen)
	s.fill()
	before := s.c.(*ledbatpp).ssthresh
	s.now = s.now.Add(ms)
	s.lose(s.now)
	s.window(2, "frozen")
	if got := s.c.(*ledbatpp).ssthresh; math.Abs(got-before/2) > 1 {
		t.Errorf("ssthresh is %.0f after a loss in the freeze, was %.0f: %v", got, before, s.c)
	}
	s.until(ramp)
	s.round()
	s.fill()
	s.loseOne()
	if s.season() != avoidance {
		t.Errorf("a loss did not end the ramp: %v", s.c)
	}
}

// "cwnd = 1 * MSS; CTO = 2 * CTO" (RFC 6817, section 2.4.2)
func TestPPTimeoutBeginsAnew(t *testing.T) {
	s := settled(t, 60)
	cto := s.c.CTO()
	s.timeOut()
	s.window(1, "after a timeout")
	if got := s.c.CTO(); got != 2*cto {
		t.Errorf("CTO is %v, want twice %v", got, cto)
	}
	s.round()
	if s.season() != initial || s.c.Window() < 2*mss || !s.c.Deadline().IsZero() {
		t.Errorf("after a timeout and an acknowledgement: %v", s.c)
	}
}

// A pause is a slowdown that costs nothing: the flow ramps up from two packets, and the next slowdown counts from here.
func TestPPPauseIsASlowdown(t *testing.T) {
	s := settled(t, 60)
	before := float64(s.c.Window()) / mss
	s.pass(s.rtt())
	s.now = s.now.Add(5 * time.Second)
	s.send(1)
	s.window(2, "after a pause")
	if s.season() != ramp {
		t.Fatalf("no ramp after a pause: %v", s.c)
	}
	s.until(avoidance)
	s.window(before, "after the ramp")
}

// "max_allowed_cwnd = flightsize + ALLOWED_INCREASE * MSS" (RFC 6817, section 2.4.2). A flow that does not use its window leaves the
// ramp, because the delay has no say there.
func TestPPApplicationLimitedFlowLeavesTheRamp(t *testing.T) {
	s := settled(t, 60)
	s.until(ramp)
	for range 40 {
		s.send(3)
		s.pass(s.rtt())
	}
	if s.season() != avoidance {
		t.Errorf("the ramp goes on: %v", s.c)
	}
	s.window(4, "three in flight and ALLOWED_INCREASE of 1")
}

// Losses that must be confirmed by delay cost nothing while no queue is seen, as with rfc6817.
func TestPPConfirmsLosses(t *testing.T) {
	for confirmed, most := range map[bool]float64{false: 0.7, true: 10} {
		s := settled(t, 60)
		s.c.(*ledbatpp).cfg.DelayConfirmedLoss = confirmed
		before := float64(s.c.Window())
		s.lossy(1, 40)
		if got := float64(s.c.Window()) / before; got > most || confirmed && got < 0.99 {
			t.Errorf("confirmed %v: the window is %.2f of what it was: %v", confirmed, got, s.c)
		}
	}
}

func TestPPStateInOneLine(t *testing.T) {
	s := tellPP(t)
	s.round()
	const want = "ledbatpp starting: window 2667 B (2.7 MSS), in flight 0 B, rtt 40ms, base 40ms of 1 slots, queue 0s, " +
		"target 60ms, gain 1/3, cto 1s, loss 0.0 % (0.0 % without queue)"
	if got := s.c.String(); got != want {
		t.Errorf("state is\n%s, want\n%s", got, want)
	}
	for s, want := range map[season]string{avoidance: "steering", frozen: "slowed down", ramp: "ramping up"} {
		if s.String() != want {
			t.Errorf("season %d prints %q", s, s)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range Names() {
		c, err := New(name, Default())
		if err != nil || !strings.HasPrefix(c.String(), name+" ") {
			t.Errorf("%s: %v, %v", name, c, err)
		}
		if _, err := New("x", Default()); !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}
