// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"math"
	"math/rand/v2"
	"time"
)

// The constants of BBR v1 (draft-cardwell-iccrg-bbr-congestion-control-00, section 4; tcp_bbr.c of Linux 4.20).
const (
	bbrHigh      = 2.885 // gain that doubles the rate each round: 2/ln 2
	bbrMargin    = 0.99  // of the pace: Linux stays 1 % below
	bbrRounds    = 10    // of the bandwidth filter
	bbrMinWindow = 4     // packets
	bbrPairs     = 100   // packets a second, 1.2 Mbit/s: from here on Linux sends two at once at least
	bbrMinRTT    = 10 * time.Second
	bbrProbeRTT  = 200 * time.Millisecond
	bbrPhases    = 8
)

var bbrGains = [bbrPhases]float64{1.25, 0.75, 1, 1, 1, 1, 1, 1}

type bbrMode uint8

const (
	bbrStartup bbrMode = iota
	bbrDrain
	bbrProbeBW
	bbrProbingRTT
)

// bbr is BBR version 1, without the long-term sampling for policers and without a reaction to ECN.
type bbr struct {
	random    rand.PCG
	mode      bbrMode
	bandwidth windowed // packets a second, over rounds
	rounds    int64
	roundEnd  uint64
	newRound  bool
	minRTT    time.Duration
	minAt     time.Duration
	gain      float64 // of the pace
	wide      float64 // gain of the window
	pace      float64 // packets a second
	cwnd      float64
	prior     float64 // window before recovery or ProbeRTT

	fullAt    float64 // bandwidth that counts as the same, if there is no quarter more
	fullCount int
	full      bool // the pipe is
	phase     int
	phaseAt   time.Duration

	probeEnd   time.Duration // of ProbeRTT; 0: the window is still in flight
	probeRound bool          // a round trip of ProbeRTT is over
	restarted  bool          // from idle

	recovering bool
	conserve   bool   // the first round of recovery: send what was delivered
	timeout    bool   // the same after an RTO
	recoverTo  uint64 // what had been sent by then, in segments: recovery ends when all of it has arrived
}

func (b *bbr) restart(seed uint64) {
	*b = bbr{gain: bbrHigh, wide: bbrHigh, cwnd: initialWindow}
	b.random = stream(seed, forPhases)
	b.pace = bbrHigh * initialWindow / 0.001
}

func (b *bbr) window() float64 { return b.cwnd }
func (b *bbr) rate() float64   { return b.pace }
func (b *bbr) prr() bool       { return false }

func (b *bbr) acked(s *Sender, a *ack) {
	if b.minRTT == 0 {
		b.pace = bbrHigh * b.cwnd / seconds(a.rtt)
	}
	b.measure(s, a)
	b.cycle(a)
	b.fill(a)
	b.drain(s, a.now)
	b.probeRTT(s, a)
	b.setPace()
	b.setWindow(s, a)
}

// measure updates the model of the path (section 4.1).
func (b *bbr) measure(s *Sender, a *ack) {
	b.newRound = false
	if a.delivered >= b.roundEnd {
		b.roundEnd, b.newRound, b.conserve = s.delivered, true, false
		b.rounds++
	}
	if a.rate > 0 && (!a.idle || a.rate >= b.bandwidth.largest()) {
		b.bandwidth.add(b.rounds, bbrRounds, a.rate)
	}
}

// inflight is the window that a gain stands for (section 4.2.3.2), with Linux' allowance for what waits in the hosts.
func (b *bbr) inflight(gain float64) float64 {
	if b.minRTT == 0 {
		return initialWindow
	}
	burst := min(max(int(b.pace/1000), 1), 43) // packets in a millisecond, 64 kB at most
	if b.pace >= bbrPairs {
		burst = max(burst, 2)
	}
	w := int(math.Ceil(gain*b.bandwidth.largest()*seconds(b.minRTT))) + 3*burst
	w += w % 2
	if b.mode == bbrProbeBW && b.phase == 0 {
		w += 2
	}
	return float64(w)
}

// cycle goes to the next phase of ProbeBW when this one has done what it is for (section 4.3.4).
func (b *bbr) cycle(a *ack) {
	if b.mode != bbrProbeBW {
		return
	}
	next := a.now-b.phaseAt > b.minRTT
	switch {
	case b.gain > 1:
		next = next && (a.lost > 0 || float64(a.flight) >= b.inflight(b.gain))
	case b.gain < 1:
		next = next || float64(a.flight) <= b.inflight(1)
	}
	if next {
		b.phase = (b.phase + 1) % bbrPhases
		b.phaseAt, b.gain = a.now, bbrGains[b.phase]
	}
}

// fill finds whether the pipe is full: three rounds without a quarter more (section 4.3.2.2).
func (b *bbr) fill(a *ack) {
	if b.full || !b.newRound || a.idle {
		return
	}
	if bw := b.bandwidth.largest(); bw >= float64(1.25*b.fullAt) {
		b.fullAt, b.fullCount = bw, 0
		return
	}
	b.fullCount++
	b.full = b.fullCount >= 3
}

// drain empties the queue that Startup has made (section 4.3.3).
func (b *bbr) drain(s *Sender, now time.Duration) {
	if b.mode == bbrStartup && b.full {
		b.mode, b.gain, b.wide = bbrDrain, 1/bbrHigh, bbrHigh
	}
	if b.mode == bbrDrain && float64(s.flight) <= b.inflight(1) {
		b.probeBW(now)
	}
}

// probeBW begins with any phase but that of 0.75.
func (b *bbr) probeBW(now time.Duration) {
	b.mode, b.wide, b.phaseAt = bbrProbeBW, 2, now
	b.phase = (bbrPhases - int(b.random.Uint64()%(bbrPhases-1))) % bbrPhases
	b.gain = bbrGains[b.phase]
}

// probeRTT keeps the round trip without a queue fresh (section 4.3.5).
func (b *bbr) probeRTT(s *Sender, a *ack) {
	expired := b.minRTT > 0 && a.now > b.minAt+bbrMinRTT
	// Not <=, as the draft has it: a round trip that is the same to the nanosecond would put off ProbeRTT for ever. Linux has < since 5.10
	// ("tcp: only postpone PROBE_RTT if RTT is < current min_rtt estimate").
	if b.minRTT == 0 || a.rtt < b.minRTT || expired {
		b.minRTT, b.minAt = a.rtt, a.now
	}
	if expired && !b.restarted && b.mode != bbrProbingRTT {
		b.save()
		b.mode, b.gain, b.wide, b.probeEnd = bbrProbingRTT, 1, 1, 0
	}
	b.restarted = false
	if b.mode != bbrProbingRTT {
		return
	}
	s.idleUntil = s.delivered + uint64(s.flight) + 1 // the rate now is not the path's
	if b.probeEnd == 0 {
		if s.flight <= bbrMinWindow {
			b.probeEnd, b.probeRound, b.roundEnd = a.now+bbrProbeRTT, false, s.delivered
		}
		return
	}
	b.probeRound = b.probeRound || b.newRound
	if !b.probeRound || a.now <= b.probeEnd {
		return
	}
	b.minAt = a.now
	b.cwnd = max(b.cwnd, b.prior)
	if b.full {
		b.probeBW(a.now)
	} else {
		b.mode, b.gain, b.wide = bbrStartup, bbrHigh, bbrHigh
	}
}

func (b *bbr) setPace() {
	rate := b.gain * b.bandwidth.largest() * bbrMargin
	if b.full || rate > b.pace {
		b.pace = max(rate, 1)
	}
}

// setWindow follows section 4.2.3.
func (b *bbr) setWindow(s *Sender, a *ack) {
	if !b.recover(s, a) {
		target := b.inflight(b.wide)
		if b.full {
			b.cwnd = min(b.cwnd+float64(a.acked), target)
		} else if b.cwnd < target || s.delivered < initialWindow {
			b.cwnd += float64(a.acked)
		}
		b.cwnd = max(b.cwnd, bbrMinWindow)
	}
	if b.mode == bbrProbingRTT {
		b.cwnd = min(b.cwnd, bbrMinWindow)
	}
}

// recover conserves packets in the first round of recovery, and restores the window after the last (section 4.2.3.4).
func (b *bbr) recover(s *Sender, a *ack) bool {
	if a.lost > 0 {
		b.cwnd = max(b.cwnd-float64(a.lost), 1)
	}
	if (b.recovering || b.timeout) && s.cum >= b.recoverTo {
		b.recovering, b.timeout, b.conserve = false, false, false
		b.cwnd = max(b.cwnd, b.prior)
	}
	if b.conserve {
		b.cwnd = max(b.cwnd, float64(s.flight+a.acked))
		return true
	}
	return false
}

func (b *bbr) save() {
	if !b.recovering && !b.timeout && b.mode != bbrProbingRTT {
		b.prior = b.cwnd
	} else {
		b.prior = max(b.prior, b.cwnd)
	}
}

// congested begins recovery. What is lost meanwhile is part of it.
func (b *bbr) congested(s *Sender, _ time.Duration) {
	if s.a.lost == 0 || b.recovering || b.timeout {
		return // a mark, or nothing new
	}
	b.save()
	b.recovering, b.conserve, b.recoverTo = true, true, s.seq
	b.roundEnd = s.delivered
	b.cwnd = max(float64(s.flight+s.a.acked), 1)
}

func (b *bbr) timedOut(s *Sender, _ time.Duration) {
	b.save()
	b.recovering, b.conserve = false, false
	b.timeout, b.recoverTo = true, s.seq
	b.fullAt, b.cwnd = 0, 1
}

// idled goes on at the bandwidth that is known (section 4.3.4.4).
func (b *bbr) idled(s *Sender, _, _ time.Duration) {
	if s.idleUntil == 0 {
		return
	}
	b.restarted = true
	if b.mode == bbrProbeBW {
		b.pace = max(b.bandwidth.largest()*bbrMargin, 1)
	}
}
