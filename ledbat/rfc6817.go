// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"math"
	"time"
)

// The constants of RFC 6817, section 2.5, that are no field of Config.
const (
	// "TARGET MUST be 100 milliseconds or less"
	maxTarget = 100 * time.Millisecond
	// "GAIN MUST be set to 1 or less. A GAIN of 1 limits the maximum cwnd ramp-up to the same rate as TCP Reno in Congestion
	// Avoidance."
	gain = 1.0
	// "INIT_CWND and MIN_CWND SHOULD both be 2." In MSS.
	initCwnd = 2
	minCwnd  = 2
	// "ALLOWED_INCREASE SHOULD be 1, and it MUST be greater than 0." In MSS.
	allowedIncrease = 1
)

// How much faster than window/round trip datagrams may leave, so that the window, not the pacer, decides: feedback comes in
// clumps of a quarter of a round trip, and room that opened must be filled before the next clump. In slow start it makes
// the window grow 1.9 times a round trip instead of 2, and smoothly: at twice window/round trip each round trip would begin
// with a burst, whose queue would end slow start too early.
const paceHeadroom = 1.25

// rfc6817 is LEDBAT as RFC 6817 writes it, with two optional additions: slow start (Config.SlowStart) and losses that
// must be confirmed by delay (Config.DelayConfirmedLoss).
//
// Slow start is a window below ssthresh, which is infinite at the start and after a timeout. The RFC leaves the start open as
// long as it is no faster than TCP's, and this one is TCP's (RFC 5681, section 3.1), ended by the delay target as well as
// by loss.
type rfc6817 struct {
	cfg  Config
	mss  float64
	cwnd float64 // bytes; at least minCwnd*mss, after a timeout 1 mss; at most cfg.MaxWindow

	ssthresh float64 // below it the window doubles each round trip; 0 while steering

	delay  Estimator
	rtt    roundTrip
	losses docket
	flight float64 // bytes
	peaked peak    // largest flight of the last round trip
	usedUp float64 // the same, as it was when a pause began

	onProbe float64   // the window to go back to if the judge's trial finds it innocent
	used    time.Time // when the flow last sent or heard something
}

func newRFC6817(c Config) *rfc6817 {
	r := &rfc6817{cfg: c, mss: float64(c.MSS)}
	// "on initialization: cwnd = INIT_CWND * MSS" (section 2.4.2)
	r.cwnd = initCwnd * r.mss
	r.restart()
	return r
}

// restart lets the window double again, if the flow may do that at all.
func (r *rfc6817) restart() {
	if r.cfg.SlowStart {
		r.ssthresh = math.Inf(1)
	}
}

func (r *rfc6817) starting() bool { return r.cwnd < r.ssthresh }

// span is the round trip, as far as known.
func (r *rfc6817) span() time.Duration {
	if r.rtt.smoothed == 0 {
		return minCTO
	}
	return r.rtt.smoothed
}

func (r *rfc6817) Sent(now time.Time, bytes int) {
	if r.flight == 0 && !r.used.IsZero() && now.Sub(r.used) >= r.rtt.timeout() {
		r.idled()
	}
	r.used = now
	r.flight += float64(bytes)
	r.peaked.add(now, r.span(), r.flight)
}

// idled forgets a window that nothing has confirmed for a timeout, as TCP does (RFC 5681, section 4.1), so that a
// flow does not fall into the network with what was right minutes ago. It is back within a few round trips, because the window
// doubles up to three quarters of what it was (RFC 7661, section 4.3).
func (r *rfc6817) idled() {
	was := r.cwnd
	r.cwnd = min(r.cwnd, initCwnd*r.mss)
	r.remember(was)
}

// remember lets slow start go back to where the window was, when it shrank for want of data and not for congestion.
func (r *rfc6817) remember(cwnd float64) {
	if r.cfg.SlowStart {
		r.ssthresh = max(r.ssthresh, 0.75*cwnd)
	}
}

func (r *rfc6817) Acked(now time.Time, a Ack) {
	r.used = now
	r.rtt.sample(a.RTT)
	if a.Bytes > 0 {
		r.rtt.backoff = 0
	}
	r.delay.Sample(now, a.OneWayDelay, a.evidence())
	if r.cfg.DelayConfirmedLoss {
		r.hold(now, a.Bytes)
	}
	if a.CE {
		// A mark is sent by a queue, so it needs no confirmation (RFC 3168, section 6.1.2: as to a single lost packet).
		r.congested(now, now.Add(-r.span()))
	}
	// "An ALLOWED_INCREASE of 1 allows and limits the cwnd increase based on flightsize in the previous RTT" (section 2.5): so the
	// largest flight of the last round trip is taken. The one just before this feedback would be too small, because a paced
	// sender has not yet refilled what the feedback before it made room for.
	flightsize := r.peaked.max()
	if r.starting() {
		r.double(now, float64(a.Bytes))
		r.bound(2 * flightsize)
	} else {
		r.steer(float64(a.Bytes))
		// "max_allowed_cwnd = flightsize + ALLOWED_INCREASE * MSS" (section 2.4.2). "An ALLOWED_INCREASE greater than 1 MAY be used when
		// interactions between LEDBAT and the framing protocol provide a clear reason for doing so." (section 2.5)
		r.bound(flightsize + max(allowedIncrease*r.mss, r.cfg.AllowedShare*flightsize))
	}
	r.flight = float64(a.InFlight) // "flightsize = flightsize - bytes_newly_acked"
	r.peaked.add(now, r.span(), r.flight)
}

// path is what the loss judge wants to know of the path.
func (r *rfc6817) path(now time.Time) pathState {
	return pathState{
		now: now, rtt: r.span(), queue: r.delay.Fresh(r.span()), noise: r.delay.Noise(), target: r.cfg.Target, mss: r.mss,
	}
}

// steer moves the window towards the target.
func (r *rfc6817) steer(acked float64) {
	// "queuing_delay = FILTER(current_delays) - MIN(base_delays)"
	// "off_target = (TARGET - queuing_delay) / TARGET"
	// "cwnd += GAIN * off_target * bytes_newly_acked * MSS / cwnd" (section 2.4.2)
	target := r.cfg.Target.Seconds()
	offTarget := (target - r.QueueDelay().Seconds()) / target
	r.cwnd += float64(gain * offTarget * acked * r.mss / r.cwnd)
}

// double is slow start: "During slow start, a TCP increments cwnd by at most SMSS bytes for each ACK received that cumulatively
// acknowledges new data" (RFC 5681, section 3.1), here by what was acknowledged. It ends at three quarters of the target.
func (r *rfc6817) double(now time.Time, acked float64) {
	if q, end := r.delay.Fresh(r.span()), r.cfg.Target*3/4; q < end {
		// Slower the nearer the end, because what is measured is a round trip old.
		acked *= 1 - q.Seconds()/end.Seconds()
		r.cwnd = min(r.cwnd+acked, r.ssthresh)
		return
	}
	// What was measured was sent a round trip ago, and the window has doubled in that round trip: take that back.
	r.cwnd /= 2
	r.ssthresh = 0
	r.losses.reacted = now // losses of the overshoot are this event's
}

// bound keeps the window between its floor and what the flow has shown to use.
func (r *rfc6817) bound(allowed float64) {
	// "cwnd = min(cwnd, max_allowed_cwnd)" (section 2.4.2)
	if r.cwnd > allowed {
		r.remember(r.cwnd)
		r.cwnd = allowed
	}
	// "cwnd = max(cwnd, MIN_CWND * MSS)"
	r.cwnd = max(r.cwnd, minCwnd*r.mss)
	r.cwnd = min(r.cwnd, float64(r.cfg.MaxWindow))
	if !r.starting() {
		r.ssthresh = 0 // reached: from here on a smaller window is the controller's will
	}
}

func (r *rfc6817) Lost(now time.Time, bytes int, sentAt time.Time) {
	r.flight = max(0, r.flight-float64(bytes))
	if !r.cfg.DelayConfirmedLoss {
		r.congested(now, sentAt)
		return
	}
	// Judged with the feedback that is about to come, because it tells the delays around the loss.
	r.losses.accuse(bytes, sentAt)
}

// hold has the losses and the acknowledgements of a feedback judged.
func (r *rfc6817) hold(now time.Time, acked int) {
	p := r.path(now)
	r.sentenced(now, now, r.losses.judge.acked(p, acked))
	if sentAt, lost := r.losses.summon(); lost > 0 {
		r.sentenced(now, sentAt, r.losses.judge.lost(p, lost))
	}
}

// sentenced does what the judge of losses says.
func (r *rfc6817) sentenced(now, sentAt time.Time, s sentence) {
	switch s {
	case halve:
		r.congested(now, sentAt)
	case probe:
		r.onProbe = max(r.cwnd, min(r.ssthresh, float64(r.cfg.MaxWindow)))
		r.congested(now, now)
	case giveBack:
		r.ssthresh = max(r.ssthresh, r.onProbe)
	}
}

// congested reacts to a loss or a mark of something sent at sentAt.
func (r *rfc6817) congested(now, sentAt time.Time) {
	// "on data loss: # at most once per RTT" (section 2.4.2). What was sent before the last reaction could not know of it.
	if r.losses.atoned(sentAt) {
		return
	}
	r.losses.reacted = now
	// "cwnd = min (cwnd, max (cwnd/2, MIN_CWND * MSS))"
	r.cwnd = min(r.cwnd, max(r.cwnd/2, minCwnd*r.mss))
	r.ssthresh = 0
}

func (r *rfc6817) TimedOut(now time.Time) {
	// "if no ACKs are received within a CTO: # extreme congestion, or significant RTT change. # set cwnd to 1MSS and
	// backoff the congestion timer. cwnd = 1 * MSS; CTO = 2 * CTO" (section 2.4.2)
	r.cwnd = r.mss
	r.rtt.backoff++
	r.flight = 0
	r.peaked = peak{}
	r.used = now
	r.losses.dismiss(now)
	r.restart()
}

// Advance does nothing: this controller acts on reports only.
func (r *rfc6817) Advance(time.Time) {}

func (r *rfc6817) Deadline() time.Time { return time.Time{} }

func (r *rfc6817) Window() int { return int(r.cwnd) }

func (r *rfc6817) Rate() float64 {
	if r.rtt.smoothed == 0 {
		return 0
	}
	return paceHeadroom * r.cwnd / r.rtt.smoothed.Seconds()
}

func (r *rfc6817) CTO() time.Duration { return r.rtt.timeout() }

func (r *rfc6817) QueueDelay() time.Duration { return r.delay.Queue(r.span()) }

func (r *rfc6817) BaseDelay() time.Duration { return r.delay.Base() }

func (r *rfc6817) String() string {
	phase := "steering"
	if r.starting() {
		phase = "starting"
	}
	return fmt.Sprintf("rfc6817 %s: window %.0f B (%.1f MSS), in flight %.0f B, rtt %v, %v, target %v, cto %v, %v",
		phase, r.cwnd, r.cwnd/r.mss, r.flight, r.rtt.smoothed.Round(time.Microsecond), &r.delay, r.cfg.Target, r.CTO(), &r.losses.judge)
}
