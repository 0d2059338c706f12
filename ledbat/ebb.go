// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"math"
	"time"
)

// ebb is a scavenger that knows the capacity of its bottleneck. It learns the capacity and sends at a little less, so that it builds no
// queue; then any queue is somebody else's, and it leaves.
//
//	starting    trains of datagrams find the capacity                                     ebb_start.go
//	cruising    at what the others leave of 99 % of the capacity, looking at the queue    ebb_cruise.go
//	            and now and then trying whether there is more                             ebb_lift.go
//	yielding    0.75 % of the capacity, as pulses that look whether they left             ebb_yield.go
//	sharing     a part of the link, where others come and go all the time                 ebb_share.go
//	returning   on the way up
//
// What it sends at in each of them is in ebb_rate.go, and of what size datagrams are in ebb_size.go.
//
// Rates are counted as they arrive: what a bad line loses on the way to the bottleneck is sent in addition.
type ebb struct {
	cfg    Config
	mss    float64   // of the datagrams in use, in bytes
	fullAt time.Time // when a full one arrived last,
	parts  int       // and how many smaller ones have since

	// the path
	delay    Estimator
	skew     skew
	raw      time.Duration // last delays there and back, as unwrapped
	back     time.Duration
	rtt      roundTrip
	least    time.Duration // smallest round trip
	aged     peak          // how long after they were sent arrivals were heard of lately
	watch    watch         // the queue
	docket   docket
	verified verifier
	flight   float64 // bytes

	phase phase
	mu    float64 // capacity in bytes a second; 0: not known
	rate  float64 // bytes a second that are to arrive while cruising, returning or sharing
	limit float64 // bytes a second that the flow is held to; infinite: it is not
	grown time.Time
	now   time.Time
	used  time.Time // when something was last sent or heard

	start starter
	cruise
	excuse excuse
	lift   lift
	yield
	shared shared
}

type phase uint8

const (
	starting  phase = iota
	cruising        // at what is left of the capacity
	yielding        // at the floor
	returning       // on the way up
	sharing         // at a part of the link, among others that come and go
)

func (p phase) String() string {
	return [...]string{"starting", "cruising", "yielding", "returning", "sharing"}[p]
}

const (
	fullShare  = 0.99   // of the capacity is what we take when nobody else is there: what is left drains a queue
	slowShare  = 0.07   // less where a datagram takes 50 ms: others wait for each of ours, and for two if one of them waits
	floorShare = 0.0075 // of the capacity is the floor,
	floorLeast = 2000.0 // and not less than that: 16 kbit/s
	mostLossy  = 0.3    // a line that loses more than that gets no more for it
	idleAfter  = time.Second
	agedFor    = 500 * time.Millisecond
)

func newEbb(c Config) *ebb {
	e := &ebb{cfg: c, mss: float64(c.MSS), limit: math.Inf(1)}
	e.climb, e.creep = climbShy, creepMost
	e.start.train.begin(firstTrain, c.MSS)
	return e
}

// span is the round trip, as far as known.
func (e *ebb) span() time.Duration {
	if e.rtt.smoothed == 0 {
		return 100 * time.Millisecond
	}
	return e.rtt.smoothed
}

// patience is how long trains and pulses are waited for: longer than what was heard of late, as of members of a group that wait for one another.
func (e *ebb) patience() patience {
	if e.rtt.smoothed == 0 {
		return patience{2 * maxCTO, 2 * maxCTO} // longer than any; a timeout ends the waiting
	}
	rest := max(2*e.rtt.smoothed, time.Duration(e.aged.max())+e.rtt.smoothed/2) + time.Nanosecond
	return patience{rest, max(rest, e.rtt.timeout())}
}

// empty is the round trip without our bottleneck's queue.
func (e *ebb) empty() time.Duration {
	return max(e.span()-e.watch.queue-e.own.wait, time.Millisecond/4)
}

// per is how long the bottleneck takes for that many datagrams.
func (e *ebb) per(datagrams float64) time.Duration {
	if e.mu == 0 {
		return 0
	}
	return time.Duration(datagrams * e.mss / e.mu * float64(time.Second))
}

// quiet is the queue delay that counts as none on a path without jitter: one that a single datagram of somebody's makes.
func (e *ebb) quiet() time.Duration {
	return max(time.Millisecond, min(8*time.Millisecond, e.empty()/32), e.per(1.2))
}

// share is the capacity less what is left to drain a queue.
func (e *ebb) share() float64 {
	return (fullShare - slowShare*min(1, e.per(1).Seconds()/0.050)) * e.mu
}

// threshold is the queue delay above which somebody is there.
func (e *ebb) threshold() time.Duration { return max(e.watch.threshold, e.quiet()) }

func (e *ebb) enter(now time.Time, p phase) {
	was := e.phase
	e.phase = p
	e.lift.stop(now)
	switch p {
	case yielding:
		if was != sharing {
			e.shared.again = false
		}
		if was != sharing || e.lossyLeave {
			e.stayAway(now)
		}
		e.leave(now)
	case cruising:
		e.clean = now
		if e.start.bounded {
			e.lift.boost, e.lift.next = boostMost, now
		}
	case returning:
		e.returned = now
		e.cuts = 0
		e.watch.forget()
		e.docket.judge.queues = peak{} // trains and pulses make a queue of their own
	}
}

func (e *ebb) Sent(now time.Time, bytes int) {
	if e.flight == 0 && !e.used.IsZero() && now.Sub(e.used) > idleAfter && e.phase != starting && e.phase != yielding {
		// Nobody has looked at the path for a while.
		e.enter(now, yielding)
		e.mayReturn, e.pulseAt = now, now
	}
	e.now, e.used = now, now
	e.flight += float64(bytes)
	e.verified.sent(bytes)
	if float64(bytes) < PartShare*float64(e.cfg.MSS) {
		return
	}
	if e.small(bytes) { // of a path that has just become narrow: it tells nothing yet, and is paid for all the same
		e.start.train.left = max(0, e.start.train.left-bytes)
		e.pulses.left = max(0, e.pulses.left-bytes)
		return
	}
	e.start.train.sent(now, bytes)
	e.pulses.sent(now, bytes)
}

func (e *ebb) Acked(now time.Time, a Ack) {
	e.now, e.used = now, now
	e.rtt.sample(a.RTT)
	if a.RTT > 0 && (e.least == 0 || a.RTT < e.least) {
		e.least = a.RTT
	}
	if a.Bytes > 0 {
		e.rtt.backoff = 0
	}
	e.flight = float64(a.InFlight)
	drift := e.clocks(now, a)
	base := e.delay.Base()
	for _, r := range a.Arrivals {
		r.Delay = unwrap(e.delay.last, r.Delay-drift)
		e.arrived(now, r, base)
	}
	e.judge(now, a.Bytes)
	if a.CE {
		// A mark is sent by a queue, and we make none (RFC 3168, section 6.1.2: as to a single lost packet).
		e.alarm(now, true)
	}
	e.look(now)
	e.verify(now, a.Bytes)
	e.grow(now)
}

// clocks takes the drift of the clocks out of the delays, and returns how much of a delay it is.
func (e *ebb) clocks(now time.Time, a Ack) (drift time.Duration) {
	known := false
	for _, r := range a.Arrivals {
		if !e.small(r.Bytes) && (!known || Smaller(r.Delay, a.OneWayDelay) == r.Delay) {
			a.OneWayDelay, known = r.Delay, true
		}
	}
	if !known {
		return e.skew.corrected(now)
	}
	if a.Backward {
		e.back, e.raw = unwrap(e.back, a.Reverse), unwrap(e.raw, a.OneWayDelay)
		if by := e.skew.sample(now, e.raw, e.back); by != 0 {
			e.delay.tilt(now, by)
		}
	}
	drift = e.skew.corrected(now)
	if e.delay.Sample(now, a.OneWayDelay-drift, a.evidence()) != 0 {
		e.skew.stepped()
	}
	return drift
}

// arrived gives one datagram's arrival to who waits for it.
func (e *ebb) arrived(now time.Time, a Arrival, base time.Duration) {
	small := e.small(a.Bytes)
	e.sized(now, a.Bytes)
	e.aged.add(now, max(agedFor, 4*e.span()), float64(min(now.Sub(a.Sent), maxCTO)))
	switch {
	case e.phase == starting:
		e.start.train.arrived(a, small)
		if !small {
			e.start.heard = now
		}
	case e.phase == yielding:
		if !small {
			e.pulses.arrived(a)
		}
	case small:
		e.lift.arrived(a, true)
		e.own.bytes += float64(a.Bytes)
		e.watch.current.beside(a.Bytes)
	default:
		e.lift.arrived(a, false)
		ours := e.still() && now.Sub(e.excuse.seen) < absentFor || now.Before(e.lift.until.Add(e.span()+e.lift.lasts()))
		own := e.own.arrived(a, e.mu, a.Delay-base)
		_, ok := e.watch.arrived(a, reference{base: base, rtt: e.empty(), quiet: e.quiet(), own: own, ours: ours})
		if e.phase == sharing {
			e.amongOthers(now, a.Delay-base-own)
		} else if ok {
			e.observed(now)
		}
	}
}

// look draws the conclusions from what has arrived.
func (e *ebb) look(now time.Time) {
	switch e.phase {
	case starting:
		if s, ok := e.start.train.result(now, e.patience()); ok {
			e.begun(now, s)
		}
	case yielding:
		for e.phase == yielding {
			p, ok := e.pulses.take(now, e.patience().rest+20*time.Millisecond)
			if !ok {
				return
			}
			e.pulsed(now, &p)
		}
	case cruising:
		if s, ok := e.lift.result(now, e.span()); ok {
			e.lifted(now, s)
		}
	}
}

func (e *ebb) Lost(_ time.Time, bytes int, sentAt time.Time) {
	e.flight = max(0, e.flight-float64(bytes))
	e.docket.accuse(bytes, sentAt)
}

// judge has the losses and acknowledgements of a feedback judged.
func (e *ebb) judge(now time.Time, acked int) {
	t := e.threshold()
	p := pathState{
		now: now, rtt: e.span(), queue: max(0, e.delay.Fresh(e.span())-e.own.wait), noise: max(e.delay.Noise(), t/4), target: 4 * t, mss: e.mss,
	}
	s := e.docket.judge.acked(p, acked)
	if _, bytes := e.docket.summon(); bytes > 0 {
		if r := e.docket.judge.lost(p, bytes); r != nothing {
			s = r
		}
	}
	switch s {
	case halve:
		e.alarm(now, true)
	case probe:
		e.onTrial = e.rate
		e.rate /= 2
		e.docket.reacted = now
	case giveBack:
		if e.phase == cruising {
			e.rate = max(e.rate, e.onTrial)
		}
	}
}

func (e *ebb) TimedOut(now time.Time) {
	e.rtt.backoff++
	e.flight = 0
	e.used = now
	e.docket.reacted = now
	e.watch.forget()
	if e.phase == starting || e.mu == 0 {
		e.phase = starting
		e.start = starter{}
		e.start.train.begin(2, int(e.mss))
		return
	}
	if e.phase == sharing {
		e.rate /= 2
		e.stayAway(now)
		e.unshare(now, yielding)
		return
	}
	e.enter(now, yielding)
}

func (e *ebb) Advance(now time.Time) {
	e.now = now
	e.look(now)
	if e.phase != yielding {
		return
	}
	if !e.thirdAt.IsZero() && !now.Before(e.thirdAt) {
		e.thirdAt = time.Time{}
		e.pulses.third(int(e.mss))
	}
	if !now.Before(e.pulseAt) {
		e.pulse(now)
	}
}

func (e *ebb) Deadline() time.Time {
	switch {
	case e.phase == starting:
		return e.start.train.overdue(e.patience())
	case e.phase != yielding:
		return time.Time{}
	case !e.thirdAt.IsZero() && e.thirdAt.Before(e.pulseAt):
		return e.thirdAt
	}
	return e.pulseAt
}

func (e *ebb) CTO() time.Duration { return e.rtt.timeout() }

func (e *ebb) QueueDelay() time.Duration { return max(0, e.watch.queue+e.own.wait) }

func (e *ebb) BaseDelay() time.Duration { return e.delay.Base() }

func (e *ebb) String() string {
	return fmt.Sprintf("ebb %v: %.0f of %.0f B/s, others %.0f, own %v, %v, %v, %v, rtt %v, %v, %v, %v",
		e.phase, e.Rate(), e.mu, e.foreign, e.own.wait.Round(time.Microsecond), &e.watch, &e.lift, &e.yield,
		e.rtt.smoothed.Round(time.Microsecond), &e.delay, &e.skew, &e.docket.judge)
}
