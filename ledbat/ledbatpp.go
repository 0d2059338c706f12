// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"math"
	"time"
)

// The constants of draft-irtf-iccrg-ledbat-plus-plus-01 that are no field of Config.
const (
	// "GAIN = 1 / (min (16, CEIL (2*TARGET/base)))" (section 4.2)
	leastGain = 1.0 / 16
	// "W += max( (GAIN - Constant * W * (delay/target - 1)), -W/2) )" (section 4.3); the recommended Constant.
	decreaseConstant = 1.0
	// "If the queuing delay is larger than 3/4ths of the target delay, exit slow start and immediately move to the congestion
	// avoidance phase." (section 4.1)
	exitShare = 0.75
	// "reduce CWND to 2 packets. Keep CWND frozen at 2 packets for 2 RTT." (section 4.4)
	frozenCwnd = 2
	frozenRTTs = 2
	// The initial slowdown begins so many round trips after the end of the initial slow start. (section 4.4)
	initialRTTs = 2
	// The next slowdown begins 9 times the duration of the last one after its end, so that slowdowns cost at most a
	// tenth of the line. (section 4.4)
	slowdownRest = 9
)

// longestTrip is what a round trip is taken for at most. The estimator, made for stamps of 32 bits, would take hours for a wrap.
const longestTrip = time.Minute

// A season is where LEDBAT++ is in its course.
type season uint8

const (
	initial   season = iota // slow start, at the beginning and after a timeout: ends by delay, too
	avoidance               // congestion avoidance: around the target
	frozen                  // the first part of a slowdown: the queue empties, and shows the base delay
	ramp                    // the second part: slow start back to where the window was
)

func (s season) String() string {
	return [...]string{"starting", "steering", "slowed down", "ramping up"}[s]
}

// ledbatpp is LEDBAT++ as draft-irtf-iccrg-ledbat-plus-plus-01 writes it. What sets it apart from LEDBAT:
//
//   - It measures round trips (section 4.5): no clocks' offset, no skew; the price is that queues on the way back count.
//   - The gain is smaller where round trips are short, so that it is slower than a Reno flow of the same window.
//   - Above the target the window shrinks in proportion to itself, so that several flows come to equal shares.
//   - Slowdowns empty the queue from time to time, so that every flow gets to know the base delay, latecomers too.
//
// Losses can be confirmed by delay (Config.DelayConfirmedLoss), as an addition. Slow start is part of it: Config.SlowStart does
// not matter. What the draft leaves open:
//
//   - A timeout begins anew, with an initial slow start and its slowdown: the path may be another one.
//   - A pause of more than a timeout is taken for a slowdown, because queues of ours are empty after it; so the flow ramps up.
//   - A ramp ends before ssthresh is reached when a loss counts, or when the flow does not use the window: then it
//     must look at the delay again.
type ledbatpp struct {
	cfg  Config
	mss  float64
	cwnd float64 // bytes; at least minCwnd*mss, after a timeout 1 mss; at most cfg.MaxWindow

	season   season
	ssthresh float64   // bytes; where a ramp ends; means something from frozen to ramp
	slowed   time.Time // when the slowdown began; as ssthresh
	turns    time.Time // avoidance: when the next slowdown begins; frozen: when the ramp does; otherwise zero

	delay  Estimator     // of round trips
	queue  time.Duration // now
	trip   time.Duration // now: base and queue; 0: nothing measured
	rtt    roundTrip
	losses docket
	flight float64 // bytes
	peaked peak    // largest flight of the last round trip

	onProbe float64   // the window to go back to if the judge's trial finds it innocent
	used    time.Time // when the flow last sent or heard something
}

func newLEDBATPP(c Config) *ledbatpp {
	p := &ledbatpp{cfg: c, mss: float64(c.MSS)}
	p.cwnd = initCwnd * p.mss
	return p
}

// span is the round trip now, as far as known.
func (p *ledbatpp) span() time.Duration {
	if p.trip > 0 {
		return p.trip
	}
	return minCTO
}

// measured takes in a round trip. What the controller then goes by is the base and what queues add at present: the smoothed round
// trip would be late where a slowdown empties the queue, and the pace with it.
func (p *ledbatpp) measured(now time.Time, rtt time.Duration) {
	rtt = min(rtt, longestTrip)
	p.rtt.sample(rtt)
	// No round trip is given beside it: a step of a clock does not show in round trips.
	p.delay.Sample(now, rtt, 0)
	p.queue = p.delay.Queue(p.rtt.smoothed)
	p.trip = p.delay.Base() + p.queue
}

// gain is how many MSS the window grows in a round trip.
func (p *ledbatpp) gain() float64 {
	base := p.delay.Base()
	if base <= 0 {
		return leastGain
	}
	// "GAIN = 1 / (min (16, CEIL (2*TARGET/base)))" (section 4.2)
	return max(leastGain, 1/math.Ceil(2*p.cfg.Target.Seconds()/base.Seconds()))
}

func (p *ledbatpp) Sent(now time.Time, bytes int) {
	if p.flight == 0 && !p.used.IsZero() && now.Sub(p.used) >= p.rtt.timeout() {
		p.idled(now)
	}
	p.used = now
	p.flight += float64(bytes)
	p.peaked.add(now, p.span(), p.flight)
}

// idled forgets a window that nothing has confirmed for a timeout (RFC 5681, section 4.1).
func (p *ledbatpp) idled(now time.Time) {
	if p.season == initial {
		p.cwnd = min(p.cwnd, initCwnd*p.mss)
		return
	}
	if p.season == avoidance {
		p.ssthresh = p.cwnd
	}
	p.cwnd = min(p.cwnd, frozenCwnd*p.mss)
	p.season, p.slowed, p.turns = ramp, now, time.Time{}
}

func (p *ledbatpp) Acked(now time.Time, a Ack) {
	p.Advance(now)
	p.used = now
	if a.Bytes > 0 {
		p.rtt.backoff = 0
	}
	if a.RTT > 0 {
		p.measured(now, a.RTT)
	}
	if p.cfg.DelayConfirmedLoss {
		p.hold(now, a.Bytes)
	}
	if a.CE {
		// A mark is sent by a queue, so it needs no confirmation (RFC 3168, section 6.1.2: as to a single lost packet).
		p.congested(now, now.Add(-p.span()))
	}
	p.grow(now, float64(a.Bytes))
	p.flight = float64(a.InFlight)
	p.peaked.add(now, p.span(), p.flight)
}

// grow moves the window for what was acknowledged, by what the season wants.
func (p *ledbatpp) grow(now time.Time, acked float64) {
	flightsize := p.peaked.max()
	switch p.season {
	case initial:
		// "If the queuing delay is larger than 3/4ths of the target delay, exit slow start and immediately move to the congestion
		// avoidance phase." (section 4.1)
		if p.delay.Fresh(p.span()).Seconds() > exitShare*p.cfg.Target.Seconds() {
			p.avoid(now, initialRTTs*p.span())
			break
		}
		p.start(acked, flightsize)
	case frozen: // "Keep CWND frozen at 2 packets for 2 RTT." (section 4.4)
	case ramp:
		p.climb(now, acked, flightsize)
	case avoidance:
		p.steer(acked)
		// "max_allowed_cwnd = flightsize + ALLOWED_INCREASE * MSS" (RFC 6817, section 2.4.2)
		p.bound(flightsize + max(allowedIncrease*p.mss, p.cfg.AllowedShare*flightsize))
	}
	p.cwnd = max(p.cwnd, minCwnd*p.mss)
}

// start is slow start, by "that number multiplied by the dynamic GAIN value" (section 4.1), the number being what was acknowledged.
func (p *ledbatpp) start(acked, flightsize float64) {
	p.cwnd += float64(p.gain() * acked)
	p.bound(2 * flightsize)
}

// climb is the ramp: "ramp up the congestion window according to the slow start algorithm, until the congestion window reaches
// SSTHRESH" (section 4.4). The delay has no say: "Exit slow start on excessive delay SHOULD be applied only during the initial slow
// start." (section 4.1)
func (p *ledbatpp) climb(now time.Time, acked, flightsize float64) {
	want := p.cwnd + float64(p.gain()*acked)
	p.start(acked, flightsize)
	if p.cwnd >= p.ssthresh || p.cwnd < want {
		p.cwnd = min(p.cwnd, max(p.ssthresh, minCwnd*p.mss))
		p.avoid(now, slowdownRest*now.Sub(p.slowed))
	}
}

// avoid begins congestion avoidance, with a slowdown to come.
func (p *ledbatpp) avoid(now time.Time, rest time.Duration) {
	p.season = avoidance
	p.turns = now.Add(max(rest, initialRTTs*p.span()))
}

// steer is congestion avoidance.
func (p *ledbatpp) steer(acked float64) {
	change := p.gain() * p.mss
	if over := p.QueueDelay().Seconds()/p.cfg.Target.Seconds() - 1; over > 0 {
		// "W += max( (GAIN - Constant * W * (delay/target - 1)), -W/2) )" (section 4.3)
		change = max(change-float64(decreaseConstant*p.cwnd*over), -p.cwnd/2)
	} // else "W += GAIN"
	// This is for a round trip, and so for a whole window acknowledged.
	p.cwnd += float64(change * min(1, acked/p.cwnd))
}

// bound keeps the window between its floor and what the flow has shown to use.
func (p *ledbatpp) bound(allowed float64) {
	p.cwnd = min(max(min(p.cwnd, allowed), minCwnd*p.mss), float64(p.cfg.MaxWindow))
}

func (p *ledbatpp) Lost(now time.Time, bytes int, sentAt time.Time) {
	p.flight = max(0, p.flight-float64(bytes))
	if !p.cfg.DelayConfirmedLoss {
		p.congested(now, sentAt)
		return
	}
	// Judged with the feedback that is about to come, because it tells the delays around the loss.
	p.losses.accuse(bytes, sentAt)
}

// hold has the losses and the acknowledgements of a feedback judged.
func (p *ledbatpp) hold(now time.Time, acked int) {
	path := pathState{
		now: now, rtt: p.span(), queue: p.delay.Fresh(p.span()), noise: p.delay.Noise(), target: p.cfg.Target, mss: p.mss,
	}
	p.sentenced(now, now, p.losses.judge.acked(path, acked))
	if sentAt, lost := p.losses.summon(); lost > 0 {
		p.sentenced(now, sentAt, p.losses.judge.lost(path, lost))
	}
}

// sentenced does what the judge of losses says.
func (p *ledbatpp) sentenced(now, sentAt time.Time, s sentence) {
	switch s {
	case halve:
		p.congested(now, sentAt)
	case probe:
		p.onProbe = p.cwnd
		if p.season == frozen || p.season == ramp {
			p.onProbe = p.ssthresh
		}
		p.congested(now, now)
	case giveBack:
		if p.season == avoidance && p.cwnd < p.onProbe {
			p.season, p.slowed, p.turns, p.ssthresh = ramp, now, time.Time{}, p.onProbe
		}
	}
}

// congested reacts to a loss or a mark of something sent at sentAt.
func (p *ledbatpp) congested(now, sentAt time.Time) {
	// "on data loss: # at most once per RTT" (RFC 6817, section 2.4.2). What was sent before the last reaction could not know
	// of it.
	if p.losses.atoned(sentAt) {
		return
	}
	p.losses.reacted = now
	half := func(w float64) float64 { return min(w, max(w/2, minCwnd*p.mss)) }
	switch p.season {
	case initial:
		p.avoid(now, initialRTTs*p.span())
	case frozen:
		p.ssthresh = half(p.ssthresh) // the window is as small as it gets, but it was too large before
	case ramp:
		p.avoid(now, slowdownRest*now.Sub(p.slowed))
	case avoidance:
	}
	// "cwnd = min (cwnd, max (cwnd/2, MIN_CWND * MSS))"
	p.cwnd = half(p.cwnd)
}

func (p *ledbatpp) TimedOut(now time.Time) {
	// "cwnd = 1 * MSS; CTO = 2 * CTO" (RFC 6817, section 2.4.2)
	p.cwnd = p.mss
	p.rtt.backoff++
	p.flight = 0
	p.peaked = peak{}
	p.used = now
	p.losses.dismiss(now)
	p.season, p.turns, p.slowed, p.ssthresh = initial, time.Time{}, time.Time{}, 0
}

// Advance begins a slowdown or its ramp, when it is time.
func (p *ledbatpp) Advance(now time.Time) {
	if p.turns.IsZero() || now.Before(p.turns) {
		return
	}
	if p.season == frozen {
		p.season, p.turns = ramp, time.Time{}
		return
	}
	// "set SSTHRESH to the current version of the congestion window CWND, and then reduce CWND to 2 packets" (section 4.4)
	p.ssthresh = p.cwnd
	p.cwnd = min(p.cwnd, frozenCwnd*p.mss)
	p.season, p.slowed, p.turns = frozen, now, now.Add(frozenRTTs*p.span())
}

func (p *ledbatpp) Deadline() time.Time { return p.turns }

func (p *ledbatpp) Window() int { return int(p.cwnd) }

func (p *ledbatpp) Rate() float64 {
	if p.trip == 0 {
		return 0
	}
	return paceHeadroom * p.cwnd / p.trip.Seconds()
}

func (p *ledbatpp) CTO() time.Duration { return p.rtt.timeout() }

// QueueDelay is of both ways.
func (p *ledbatpp) QueueDelay() time.Duration { return p.queue }

// BaseDelay is of both ways, too.
func (p *ledbatpp) BaseDelay() time.Duration { return p.delay.Base() }

func (p *ledbatpp) String() string {
	return fmt.Sprintf("ledbatpp %v: window %.0f B (%.1f MSS), in flight %.0f B, rtt %v, %v, target %v, gain 1/%.0f, cto %v, %v",
		p.season, p.cwnd, p.cwnd/p.mss, p.flight, p.rtt.smoothed.Round(time.Microsecond), &p.delay, p.cfg.Target,
		1/p.gain(), p.CTO(), &p.losses.judge)
}
