// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"math"
	"time"
)

// ebb is a scavenger that knows the capacity of its bottleneck.
type ebb struct {
	cfg Config
	mss float64

	delay     Estimator
	rtt       roundTrip
	skew      skew
	raw, back time.Duration // last delays, as unwrapped
	watch     watch         // the queue
	judge     lossJudge
	accused   int

	phase   phase
	stepped time.Time // when the rate last grew
	mu      float64   // capacity in bytes a second; 0: not known
	rate    float64   // bytes a second that are to arrive, while not yielding
	foreign float64   // bytes a second of others' that were there at the last cut

	cutAt time.Time
	clean time.Time // since when there is no queue
	cuts  int       // without 6 clean round trips between
	own   time.Duration

	lift     train // tries whether the capacity is larger
	excess   float64
	liftFrom time.Time
	liftTo   time.Time

	train          train
	trainAt        time.Time
	interval       time.Duration
	good           int
	busy           float64 // share of the capacity that others use, as trains have found lately
	holdOff        time.Duration
	mayReturn      time.Time
	returned       time.Time
	onProbe        float64
	round          int
	agree, doubt   int
	over           int // stretches in a row with a queue
	alarms, yields int
	dice           uint64
	boost          float64
	grow_          time.Duration
	lossy_         bool // the last alarm was a loss
	creep          float64

	flight float64
	now    time.Time
}

type phase uint8

const (
	starting  phase = iota
	cruising        // at what is left of the capacity
	yielding        // at the floor
	returning       // on the way up
)

func (p phase) String() string {
	return [...]string{"starting", "cruising", "yielding", "returning"}[p]
}

const (
	share      = 0.99 // of the capacity
	floorShare = 0.005
	floorLeast = 2000.0 // bytes a second
	liftEvery  = time.Second
	minExcess  = 0.02
	maxExcess  = 0.25
)

func newEbb(c Config) *ebb {
	return &ebb{train: train{left: 6 * c.MSS, pending: true}, creep: 0.02, cfg: c, mss: float64(c.MSS), interval: trainEvery}
}

func (e *ebb) span() time.Duration {
	if e.rtt.smoothed == 0 {
		return 100 * time.Millisecond
	}
	return e.rtt.smoothed
}

// baseRTT is the round trip without queue.
func (e *ebb) baseRTT() time.Duration { return max(e.span()-e.watch.queue, time.Millisecond/4) }

// quiet is the queue delay up to which nobody is there, were there no noise.
func (e *ebb) quiet() time.Duration {
	t := max(time.Millisecond, min(8*time.Millisecond, e.baseRTT()/32))
	if e.mu > 0 {
		t = max(t, time.Duration(1.2*e.mss/e.mu*float64(time.Second)))
	}
	return t
}

const maxThreshold = 25 * time.Millisecond

func (e *ebb) threshold() time.Duration { return e.watch.threshold }

func (e *ebb) Sent(now time.Time, bytes int) {
	e.now = now
	e.flight += float64(bytes)
	e.train.sent(now, bytes)
}

func (e *ebb) Acked(now time.Time, a Ack) {
	e.now = now
	e.rtt.sample(a.RTT)
	if a.Bytes > 0 {
		e.rtt.backoff = 0
	}
	if a.Backward {
		e.back = unwrap(e.back, a.Reverse)
		e.raw = unwrap(e.raw, a.OneWayDelay)
		if by := e.skew.sample(now, e.raw, e.back); by != 0 {
			e.delay.tilt(now, by)
		}
	}
	drift := e.skew.corrected(now)
	if e.delay.Sample(now, a.OneWayDelay-drift, a.RTT) != 0 {
		e.skew.stepped()
	}
	e.flight = float64(a.InFlight)
	e.judged(now, a.Bytes)
	base := e.delay.Base()
	for _, r := range a.Arrivals {
		r.Delay = unwrap(e.delay.last, r.Delay-drift)
		if e.train.arrived(r) {
			continue
		}
		e.lift.arrived(r)
		if s, ok := e.watch.arrived(r, base, e.baseRTT(), e.quiet(), now.Before(e.liftTo.Add(e.span()+e.liftTo.Sub(e.liftFrom)))); ok {
			if e.mu > 0 {
				e.own = min(max(0, e.own+time.Duration(float64(s.sentFor)*(s.sending()/e.mu-1))), max(0, e.watch.queue)+e.threshold()/2)
			}
			e.observed(now)
		}
	}
	if a.CE {
		e.alarm(now, true)
	}
	if s, ok := e.train.result(now, e.span()); ok {
		e.trained(now, s)
	}
	if s, ok := e.lift.result(now, e.span()); ok {
		e.lifted(now, s)
	}
	e.grow(now)
}

// observed looks at the queue after each stretch.
func (e *ebb) observed(now time.Time) {
	q, t := e.watch.queue, e.threshold()
	switch e.phase {
	case cruising, returning:
		if q-e.own > t {
			// The noisier the path, the longer a queue must stay to be believed.
			if e.over++; e.over >= 1<<e.watch.level {
				e.alarm(now, false)
			}
			break
		}
		e.over = 0
		if q-e.own > t/2 {
			e.clean = now
		}
	}
}

func (e *ebb) enter(now time.Time, p phase) {
	e.phase = p
	e.lift = train{}
	e.liftTo = time.Time{}
	switch p {
	case yielding:
		e.yields++
		if now.Sub(e.returned) > 5*time.Second {
			e.holdOff = 0
		} else {
			e.holdOff = min(max(100*time.Millisecond, 2*e.holdOff), 8*time.Second)
		}
		if e.lossy_ {
			e.holdOff = min(max(4*time.Second, 2*e.holdOff), 16*time.Second)
		}
		e.mayReturn = now.Add(e.holdOff)
		e.busy = 0.2
		e.interval = trainEvery
		e.good = 0
		e.train = train{}
		e.trainAt = now.Add(2 * e.span())
	case cruising:
		e.liftFrom = now
		e.clean = now
		e.boost = 1
	case returning:
		e.cuts = 0
		e.own = 0
		e.watch.forget()
	}
}

// alarm is called when somebody else is there.
func (e *ebb) alarm(now time.Time, hard bool) {
	if e.phase == yielding || e.phase == starting {
		return
	}
	if now.Sub(e.cutAt) < e.span()+5*time.Millisecond {
		return
	}
	q, t := e.watch.queue, e.threshold()
	if Debug != nil {
		Debug("%.3f alarm hard %v %v", float64(now.UnixNano())/1e9, hard, e)
	}
	e.lossy_ = hard
	if now.Sub(e.cutAt) < 5*time.Second {
		e.creep = max(e.creep/2, 0.003)
	} else {
		e.creep = 0.02
	}
	e.cuts++
	e.cutAt, e.clean = now, now
	e.alarms++
	l := e.watch.lately(max(e.baseRTT()/2, 10*e.watch.filters[0].noise))
	s, r := l.sending(), l.arriving()
	if r > 0 && s > 0 {
		e.foreign = max(0, s*(e.mu/r-1))
	}
	if e.foreign < 0.05*e.mu && !hard {
		e.mu -= e.foreign / 2
	}
	drain := e.mu * float64(q-t/2) / float64(max(4*e.span(), 100*time.Millisecond))
	x := min(share*e.mu-e.foreign-drain, 0.9*e.rate)
	if hard || q > 2*t || e.foreign > 0.1*e.mu {
		x = min(x, e.rate/2)
	}
	e.rate = x
	e.own = 0
	if e.phase == returning || e.cuts >= 3 || x < 0.1*e.mu || q > 3*t {
		e.enter(now, yielding)
		return
	}
	e.lift, e.liftTo = train{}, time.Time{}
	e.liftFrom = now
}

// begun looks at a train of the start. The first one leaves as fast as it can, and arrives at the capacity. The next ones, each twice as
// long, leave at what the one before arrived with: when nothing holds them up, the link is free.
func (e *ebb) begun(now time.Time, s stretch) {
	S, R := s.sending(), s.arriving()
	e.round++
	n := 6 << e.round
	defer func() {
		if e.phase == starting {
			e.train.start(now, n, int(e.mss))
		}
	}()
	if e.round == 1 || R == 0 {
		e.mu = R
		return
	}
	switch near := R / min(S, 2*e.mu); {
	case near > 0.95:
		e.agree += 2
	case near > 0.8:
		e.agree, e.doubt = e.agree+1, 0
	default:
		e.doubt, e.agree = e.doubt+1, 0
	}
	e.mu = R
	switch {
	case e.agree >= 2, s.sentFor > e.baseRTT():
		e.enter(now, returning)
		e.returned = now
		e.rate = 0.5 * e.mu
	case e.doubt >= 3:
		e.enter(now, yielding)
	}
}

func (e *ebb) trained(now time.Time, s stretch) {
	if e.phase == starting {
		e.begun(now, s)
	}
	if e.phase != yielding {
		return
	}
	q, t := s.low-e.delay.Base()-e.watch.filters[0].offset(), e.threshold()
	S, R := s.sending(), s.arriving()
	// Were the link full of others', a train would arrive in twice the time.
	seen := s.sentFor > e.watch.filters[0].noise
	if seen && R > 0 {
		e.busy += (max(0, min(2, S/R-1)) - e.busy) / 4
	} else {
		e.busy -= e.busy / 4
	}
	limit := 0.15
	if e.holdOff > 0 {
		limit = 0.05
	}
	if q < t/2 && e.busy < limit && !now.Before(e.mayReturn) {
		e.good++
		e.interval = trainEvery
	} else {
		e.good = 0
		e.interval = min(e.interval*5/4, trainSeldom)
	}
	if e.good >= 3 {
		e.enter(now, returning)
		e.returned = now
		e.rate = 0.5 * e.mu
	}
}

// lifted looks at what became of the datagrams that left a little faster than the capacity.
func (e *ebb) lifted(now time.Time, s stretch) {
	S, d := s.sending(), s.sentFor.Seconds()
	if e.phase != cruising || S < e.mu || d == 0 || e.lift.counts[0] < 3 || e.lift.counts[1] < 3 {
		e.boost = 1
		return
	}
	// Delay grows from nothing at the beginning to all of it at the end, so the minima of the halves differ by half.
	grew := 2 * max(0, e.lift.lows[1]-e.lift.lows[0]).Seconds()
	expected := (S/e.mu - 1) * d
	switch {
	case grew > expected*2/3: // the link is full
		m := S / (1 + grew/d)
		e.mu += (m - e.mu) / 2
		e.rate = min(e.rate, share*e.mu)
		e.boost = 1
	case grew < expected/4: // there is more
		e.mu += (max(e.mu, S) - e.mu) * min(1, e.boost/2)
		e.boost = min(2*e.boost, 16)
		e.liftFrom = now.Add(-time.Hour)
	default:
		e.boost = 1
		e.liftFrom = now.Add(-time.Hour)
	}
}

// grow lets the rate grow as time passes.
func (e *ebb) grow(now time.Time) {
	dt := now.Sub(e.stepped).Seconds()
	e.stepped = now
	rtt := e.span().Seconds()
	q, t := e.watch.queue, e.threshold()
	switch e.phase {
	case returning:
		e.rate += 0.25 * e.mu * dt / rtt
		if e.rate > share*e.mu {
			e.rate = share * e.mu
			e.enter(now, cruising)
		}
	case cruising:
		if q < t/2 && now.Sub(e.cutAt) > e.span() {
			if e.rate < share*e.mu {
				e.rate = min(e.rate+e.creep*e.mu*dt/rtt, share*e.mu)
			}
			if now.Sub(e.clean) > 6*e.span() {
				e.cuts = 0
			}
		}
		if !e.lift.pending && now.Sub(e.liftFrom) > max(liftEvery, 10*e.span()) && e.rate >= share*e.mu && q < t/2 {
			e.startLift(now)
		}
	}
}

// startLift sends a little more than the capacity for a moment. How much, and for how long, depends on what must be seen above the noise.
func (e *ebb) startLift(now time.Time) {
	stretch := max(e.baseRTT()/4, 5*time.Millisecond)
	var d, grow time.Duration
	for f := range filters {
		d = max(e.span(), 20*time.Millisecond, 2*stretch<<f, time.Duration(10*e.mss/e.mu*float64(time.Second)))
		grow = max(e.quiet()/2, 4*e.watch.filters[f].noise)
		if grow.Seconds() <= 0.06*d.Seconds() {
			break
		}
	}
	e.excess = min(max(e.boost*grow.Seconds()/d.Seconds(), minExcess), maxExcess)
	e.liftFrom, e.liftTo = now, now.Add(d)
	e.grow_ = grow
	e.lift = train{from: now, until: now.Add(d), pending: true, timed: true}
}

func (e *ebb) Lost(now time.Time, bytes int, sentAt time.Time) {
	e.flight = max(0, e.flight-float64(bytes))
	if !e.cutAt.IsZero() && !sentAt.After(e.cutAt) {
		return
	}
	e.accused += bytes
}

func (e *ebb) judged(now time.Time, acked int) {
	t := e.threshold()
	p := pathState{now: now, rtt: e.span(), queue: max(0, e.delay.Fresh(e.span())-e.own), noise: max(e.delay.Noise(), t/4), target: 4 * t, mss: e.mss}
	s := e.judge.acked(p, acked)
	if e.accused > 0 {
		if t := e.judge.lost(p, e.accused); t != nothing {
			s = t
		}
	}
	e.accused = 0
	switch s {
	case halve:
		e.alarm(now, true)
	case probe:
		e.onProbe = e.rate
		e.rate /= 2
		e.cutAt = now
	case giveBack:
		if e.phase == cruising {
			e.rate = max(e.rate, e.onProbe)
		}
	}
}

func (e *ebb) TimedOut(now time.Time) {
	e.rtt.backoff++
	e.flight = 0
	e.enter(now, starting)
	e.round, e.agree, e.doubt = 0, 0, 0
	e.train.start(now, 2, int(e.mss))
	e.watch.forget()
}

func (e *ebb) floor() float64 { return max(floorShare*e.mu, floorLeast) }

func (e *ebb) Advance(now time.Time) {
	e.now = now
	if e.phase == yielding && !now.Before(e.trainAt) {
		n := int(math.Max(2, math.Min(8, e.floor()*e.interval.Seconds()/e.mss)))
		e.train.start(now, n, int(e.mss))
		wait := max(e.interval, 3*e.span(), time.Duration(float64(n)*e.mss/e.floor()*float64(time.Second)))
		// At random, so that it does not fall into the same gap of a window again and again.
		e.dice = e.dice*6364136223846793005 + 1442695040888963407
		e.trainAt = now.Add(wait*3/4 + time.Duration(float64(wait)/2*float64(e.dice>>40)/(1<<24)))
	}
}

func (e *ebb) Deadline() time.Time {
	if e.phase == yielding {
		return e.trainAt
	}
	return time.Time{}
}

func (e *ebb) Window() int {
	switch e.phase {
	case starting, yielding:
		return int(e.flight) + e.train.left
	}
	return int(max(4*e.mss, 1.5*e.rate*(e.span().Seconds()+0.02)))
}

// lossy is the share of datagrams that the line loses by itself.
func (e *ebb) lossy() float64 { return min(0.8*e.judge.idle.rate(), 0.3) }

func (e *ebb) Rate() float64 {
	switch {
	case e.phase == yielding && e.train.left > 0:
		return e.mu
	case e.phase == yielding:
		return e.floor() / 4
	case e.phase == cruising && e.now.Before(e.liftTo):
		return (1 + e.excess) * e.mu / (1 - e.lossy())
	case e.phase == cruising && e.boost == 1 && e.now.Before(e.liftTo.Add(e.liftTo.Sub(e.liftFrom))):
		return (share - e.excess) * e.rate / (1 - e.lossy()) // what the lift has added goes away
	case e.phase == starting:
		return e.mu
	}
	return e.rate / (1 - e.lossy())
}

func (e *ebb) CTO() time.Duration { return e.rtt.timeout() }

func (e *ebb) QueueDelay() time.Duration { return max(0, e.watch.queue) }

func (e *ebb) BaseDelay() time.Duration { return e.delay.Base() }

func (e *ebb) String() string {
	return fmt.Sprintf("ebb %v: alarms %d yields %d rate %.0f B/s of %.0f, foreign %.0f, %v, own %v, cuts %d, good trains %d, rtt %v, %v, %v, %v",
		e.phase, e.alarms, e.yields, e.Rate(), e.mu, e.foreign, &e.watch, e.own, e.cuts, e.good, e.rtt.smoothed.Round(time.Microsecond), &e.delay, &e.skew, &e.judge)
}

var Debug func(string, ...any)
