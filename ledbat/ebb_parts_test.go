// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// drifting enters a minute of delays of a clock that runs faster by so many ppm, with a queue forward if there is one.
func drifting(s *skew, ppm float64, queue func(d time.Duration) time.Duration) {
	r := rand.New(rand.NewPCG(1, 2))
	for d := time.Duration(0); d < time.Minute; d += 20 * ms {
		drift := time.Duration(ppm * float64(d) / 1e6)
		noise := func() time.Duration { return time.Duration(r.ExpFloat64() * float64(100*time.Microsecond)) }
		s.sample(at(d), 20*ms+drift+noise()+queue(d), 20*ms-drift+noise())
	}
}

func TestSkewIsFound(t *testing.T) {
	none := func(time.Duration) time.Duration { return 0 }
	for _, ppm := range []float64{-500, -100, -20, 0, 20, 100, 500} {
		var s skew
		drifting(&s, ppm, none)
		if got := s.slope * 1e6; got < ppm-2 || got > ppm+2 {
			t.Errorf("a clock that is faster by %v ppm is taken for %v", ppm, &s)
		}
		if got, want := s.corrected(at(2*time.Minute))-s.corrected(at(time.Minute)), time.Duration(ppm*60*1000); (got - want).Abs() > 200*time.Microsecond {
			t.Errorf("%v ppm: a minute is corrected by %v, want %v", ppm, got, want)
		}
	}
}

// "Clock drift: the antisymmetric half of the slopes of the forward and reverse minima, capped at 500 ppm": a queue that grows is not one, and
// what no clock does is not believed.
func TestSkewIsNotAQueue(t *testing.T) {
	var s skew
	drifting(&s, 0, func(d time.Duration) time.Duration { return d / 1000 })
	if s.slope*1e6 > 2 || s.slope*1e6 < -2 {
		t.Errorf("a queue that grows by 1000 ppm is taken for %v", &s)
	}
	s = skew{}
	drifting(&s, 3000, func(time.Duration) time.Duration { return 0 })
	if s.slope > maxSkew {
		t.Errorf("3000 ppm are believed: %v", &s)
	}
}

func TestSkewForgetsMinimaOfAnotherClock(t *testing.T) {
	var s skew
	drifting(&s, 100, func(time.Duration) time.Duration { return 0 })
	slope := s.slope
	s.stepped()
	s.sample(at(2*time.Minute), time.Hour, -time.Hour)
	s.sample(at(2*time.Minute+2*time.Second), time.Hour, -time.Hour)
	if s.used > 2 || slope == 0 {
		t.Errorf("after a step it still has %d slots", s.used)
	}
}

// watched enters a second of datagrams, one each 300 µs, with a delay above the base each.
func watched(w *watch, from time.Duration, extra func(i int) time.Duration) {
	r := reference{base: 20 * ms, rtt: 30 * ms, quiet: ms}
	for i := range 3300 {
		d := time.Duration(i) * 300 * time.Microsecond
		w.arrived(Arrival{Sent: at(from + d), Delay: 20*ms + extra(i), Bytes: 1400}, r)
	}
}

// On a quiet path the shortest filter sees a queue at once; on one with jitter a longer one is used, and the threshold is above the jitter.
func TestWatchTellsQueueFromJitter(t *testing.T) {
	var quiet watch
	watched(&quiet, 0, func(int) time.Duration { return 0 })
	if quiet.level != 0 || quiet.threshold != ms || quiet.queue != 0 {
		t.Errorf("without jitter: %v", &quiet)
	}
	watched(&quiet, time.Second, func(i int) time.Duration { return time.Duration(i) * 10 * time.Microsecond })
	if quiet.queue < 30*ms {
		t.Errorf("a queue of 33 ms is taken for %v", &quiet)
	}

	r := rand.New(rand.NewPCG(1, 2))
	var shaken watch
	held := time.Duration(0) // packets keep their order
	jitter := func(int) time.Duration {
		held = max(held-300*time.Microsecond, time.Duration(r.ExpFloat64()*float64(2*ms)))
		return held
	}
	above := 0
	for i := range 20 {
		watched(&shaken, time.Duration(i)*time.Second, jitter)
		if shaken.queue > shaken.threshold {
			above++
		}
	}
	if shaken.level == 0 || shaken.threshold <= ms || above > 2 {
		t.Errorf("with 2 ms of jitter, %d times in 20 a queue: %v", above, &shaken)
	}
	watched(&shaken, 30*time.Second, func(i int) time.Duration { return jitter(i) + 40*ms })
	if shaken.queue < shaken.threshold {
		t.Errorf("behind jitter a queue of 40 ms is not seen: %v", &shaken)
	}
}

// What the flow does on purpose is no noise.
func TestWatchDoesNotLearnFromItself(t *testing.T) {
	var w watch
	r := reference{base: 20 * ms, rtt: 30 * ms, quiet: ms, ours: true}
	for i := range 5000 {
		w.arrived(Arrival{Sent: at(time.Duration(i) * 300 * time.Microsecond), Delay: 20*ms + time.Duration(i%100)*100*time.Microsecond}, r)
	}
	if w.noise() != 0 || w.spread != 0 {
		t.Errorf("a queue of its own is taken for noise: %v", &w)
	}
}

// told is a pulse of three with these delays; the third left a step after the first two.
func told(delays ...time.Duration) pulse {
	p := pulse{count: 3, heard: 3, bytes: 1000, sent: [3]time.Time{at(0), at(0), at(ms)}}
	copy(p.delay[:], delays)
	return p
}

// The bottleneck takes 1 ms for a datagram.
func TestPulseTellsWhoCameBetween(t *testing.T) {
	for _, c := range []struct {
		what         string
		p            pulse
		gap, between time.Duration
	}{
		{"an idle path", told(20*ms, 21*ms, 21*ms), ms, 0},
		{"a datagram of somebody's between the second and the third", told(20*ms, 21*ms, 22*ms), ms, ms},
		{"behind a queue", told(35*ms, 36*ms, 36*ms), ms, 0},
		{"a slower bottleneck", told(20*ms, 22*ms, 23*ms), 2 * ms, ms},
	} {
		if got := c.p.gap(ms / 2); got != c.gap {
			t.Errorf("%s: the gap is %v, want %v", c.what, got, c.gap)
		}
		if got := c.p.between(ms); got != c.between {
			t.Errorf("%s: %v are somebody else's, want %v", c.what, got, c.between)
		}
	}
	lost := told(20*ms, unheard, 21*ms)
	if got := lost.gap(ms / 2); got >= 0 {
		t.Errorf("a pulse of which one was lost has a gap of %v", got)
	}
}

func TestPulsesAreTakenInOrder(t *testing.T) {
	var p pulses
	for i := range 3 {
		p.start(3, 1000)
		now := at(time.Duration(i) * 10 * ms)
		p.sent(now, 1000)
		p.sent(now, 1000)
		if p.left != 0 {
			t.Fatalf("%d bytes are left after two datagrams", p.left)
		}
		p.third(1000)
		p.sent(now.Add(ms), 1000)
	}
	p.arrived(Arrival{Sent: at(10 * ms), Delay: 20 * ms})
	if _, ok := p.take(at(30*ms), time.Second); ok {
		t.Fatal("the first pulse is taken though nothing of it has arrived")
	}
	for _, d := range []time.Duration{0, 0, ms} {
		p.arrived(Arrival{Sent: at(d), Delay: 20 * ms})
	}
	if s, ok := p.take(at(30*ms), time.Second); !ok || s.heard != 3 || !s.from.Equal(at(0)) {
		t.Fatalf("the first pulse is %+v, %v", s, ok)
	}
	if s, ok := p.take(at(5*time.Second), time.Second); !ok || s.heard != 1 {
		t.Fatalf("the second pulse is %+v, %v: the rest of it is lost", s, ok)
	}
}

// A long row of pairs that all arrive farther apart than they should means that the bottleneck has become slower. A pair that fits the old
// capacity in between means that others took their turns.
func TestSlowerTakesALongRow(t *testing.T) {
	p := told(20*ms, 23*ms, 24*ms)
	run := func(interrupted bool) (got float64) {
		var s slower
		for i := range 120 {
			gap := 3 * ms
			if interrupted && i%30 == 29 {
				gap = ms
			}
			if mu, ok := s.sample(at(time.Duration(i)*100*ms), &p, gap, 1e6); ok {
				got = mu
			}
		}
		return got
	}
	if got := run(false); got < 300e3 || got > 350e3 {
		t.Errorf("the capacity is taken for %.0f, want 333333", got)
	}
	if got := run(true); got != 0 {
		t.Errorf("beside others that take turns the capacity is taken for %.0f", got)
	}
}

// Behind a fair queue most pairs arrive as if the bottleneck were half as fast, and some, when nobody else was there, as it is. Jitter makes no
// two pairs alike, and what a host gathers comes at once. A hop that is late makes pairs alike, but none of them sooner.
func TestFasterBelievesWhatPairsAgreeOn(t *testing.T) {
	for _, c := range []struct {
		what string
		gap  func(i int) time.Duration
		want float64
	}{
		{"a third of the pairs finds nobody", func(i int) time.Duration { return ms * time.Duration(2-(i%3)/2) }, 1e6},
		{"all are a capacity apart that is known", func(int) time.Duration { return 2 * ms }, 0},
		{"jitter", func(i int) time.Duration { return ms/10 + time.Duration(i*i%41)*100*time.Microsecond }, 0},
		{"gathered", func(i int) time.Duration { return 2 * ms * time.Duration(i%2) }, 0},
		{"sent late", func(i int) time.Duration { return 2*ms - 1700*time.Microsecond*time.Duration(i%2) }, 0},
	} {
		var f faster
		got := 0.0
		for i := range 100 {
			gap := c.gap(i)
			first := 20 * ms
			if c.what == "sent late" {
				first += 2*ms - gap
			}
			p := told(first, first+gap, first+2*gap)
			if mu, ok := f.sample(&p, gap, 20*ms, 500e3); ok {
				got = mu
			}
		}
		if got != c.want {
			t.Errorf("%s: the capacity is taken for %.0f, want %.0f", c.what, got, c.want)
		}
	}
}

func TestStretchesJoin(t *testing.T) {
	var all, a, b stretch
	for i := range 20 {
		x := Arrival{Sent: at(time.Duration(i) * ms), Delay: 20*ms + time.Duration(i%7)*ms, Bytes: 1000}
		all.add(x, 0)
		if i < 8 {
			a.add(x, 0)
		} else {
			b.add(x, 0)
		}
	}
	j := join(a, b)
	if j.count != all.count || j.sentFor != all.sentFor || j.arrivals != all.arrivals || j.low != all.low || j.bytes != all.bytes {
		t.Errorf("joined %+v\nwant   %+v", j, all)
	}
}

// surveyed enters a dozen pulses, of which the i-th is later by extra(i), and says whether the path is found free.
func surveyed(extra func(i int) time.Duration, between time.Duration) bool {
	var s survey
	for i := range 20 {
		d := 60*ms + extra(i)
		p := told(d, d+ms, d+ms+between)
		if s.sample(at(time.Duration(i)*50*ms), &p, p.gap(ms/2), ms) {
			return true
		}
	}
	return false
}

// A longer route is found free. A queue is not: it goes up and down, or somebody comes between.
func TestSurveyTellsARouteFromAQueue(t *testing.T) {
	still := func(int) time.Duration { return 0 }
	if !surveyed(still, 0) {
		t.Error("pulses that nobody disturbs do not make a survey")
	}
	if surveyed(still, ms) {
		t.Error("a queue that is fed between the pulses' datagrams is taken for a route")
	}
	if surveyed(func(i int) time.Duration { return time.Duration(i%3) * 2 * ms }, 0) {
		t.Error("a queue that goes up and down is taken for a route")
	}
}

// Late hosts make gaps of any length, and a mean of those is no capacity.
func TestSurveyTellsTheCapacityWhereGapsAreAlike(t *testing.T) {
	for _, c := range []struct {
		gaps []time.Duration
		want bool
	}{
		{[]time.Duration{10 * ms, 11 * ms, 10 * ms, 11 * ms}, true},
		{[]time.Duration{10 * ms, 11 * ms, 10 * ms}, false},
		{[]time.Duration{ms, 24 * ms, 12 * ms, 20 * ms}, false},
	} {
		var s survey
		for i, gap := range c.gaps {
			p := pulse{count: 2, heard: 2, bytes: 1000, delay: [3]time.Duration{20 * ms, 20*ms + gap, unheard}}
			s.sample(at(time.Duration(i)*100*ms), &p, gap, 100*ms)
		}
		if s.pulses != len(c.gaps) || s.tells() != c.want {
			t.Errorf("%v: %d pulses agree, and tell the capacity: %v, want %v", c.gaps, s.pulses, s.tells(), c.want)
		}
	}
}

// A host that was late by 5 ms sends what it missed in a row, and goes on as before: the queue that this makes is its own, and it stands. What
// comes on top of it is others'.
func TestBacklogIsWhatWeMadeOurselves(t *testing.T) {
	const mu = 1e6
	var b backlog
	queue, last := time.Duration(0), time.Duration(0)
	send := func(d, others time.Duration) (left time.Duration) {
		queue = max(0, queue-(d-last)) + others
		last = d
		own := b.arrived(Arrival{Sent: at(d), Delay: 20*ms + queue, Bytes: 1000}, mu, queue)
		left = queue - own
		queue += ms // a datagram takes that long
		return left
	}
	for i := range 100 {
		d := time.Duration(i) * ms
		if i >= 50 && i < 55 {
			d = 55 * ms
		}
		if left := send(d, 0); left.Abs() > time.Microsecond {
			t.Fatalf("datagram %d: %v of the queue are taken for others'", i, left)
		}
	}
	if b.wait < 4*ms {
		t.Errorf("of a burst of five no more than %v is left", b.wait)
	}
	if left := send(100*ms, 3*ms); left < 2999*time.Microsecond {
		t.Errorf("of a queue of others of 3 ms %v is seen", left)
	}
}

// Who leaves late has not waited in the network.
func TestArrivalsLeaveLate(t *testing.T) {
	var s stretch
	for i := range 3 {
		s.add(Arrival{Sent: at(0), Late: time.Duration(i) * ms, Delay: 20 * ms, Bytes: 1000}, 0)
	}
	if s.sentFor != 2*ms || s.arrivals != 2*ms || s.low != 20*ms {
		t.Errorf("%+v", s)
	}
	s.add(Arrival{Sent: at(ms / 2), Delay: 35 * ms, Bytes: 1000}, 0)
	if s.sentFor != 2*ms {
		t.Errorf("one that was overtaken is the last: %+v", s)
	}
}

// The bottleneck stands still for 8 ms, once: half the rate is given up until that queue has drained, and the flow does not leave. When
// somebody has come, it does.
func TestEbbExcusesABottleneckThatStoodStill(t *testing.T) {
	l := draw(t)
	l.run(5 * time.Second)
	l.queue += 8 * ms
	l.run(60 * ms)
	l.in(cruising)
	if l.c.rate > 0.6*l.c.mu {
		t.Errorf("nothing was given up: %v", l.c)
	}
	l.run(300 * ms)
	l.in(cruising)
	if l.c.rate < 0.95*l.c.share() {
		t.Errorf("it has not come back: %v", l.c)
	}
	l.others = l.capacity
	l.run(200 * ms)
	l.in(yielding)
}

// A flow that has a sixteenth of its location's budget finds the capacity all the same, keeps to its part, and has a floor of it.
func TestEbbKeepsToALimit(t *testing.T) {
	l := draw(t)
	limit := l.capacity / 16
	l.c.Limit(l.now, limit)
	l.run(3 * time.Second)
	l.in(cruising)
	if l.c.mu < 0.9*l.capacity || l.c.mu > 1.1*l.capacity {
		t.Errorf("capacity %.0f is taken for %.0f: %v", l.capacity, l.c.mu, l.c)
	}
	if got := l.rate(5 * time.Second); got < 0.98*limit || got > 1.01*limit {
		t.Errorf("%.0f of %.0f B/s are used: %v", got, limit, l.c)
	}
	if want := l.c.Unlimited(); want < 0.9*l.capacity {
		t.Errorf("it asks for %.0f of %.0f B/s: %v", want, l.capacity, l.c)
	}
	l.others, l.queue = l.capacity, 40*ms
	l.run(time.Second)
	l.in(yielding)
	if got := l.rate(20 * time.Second); got > 0.05*limit {
		t.Errorf("beside others it sends %.0f of %.0f B/s: %v", got, limit, l.c)
	}
	l.c.Limit(l.now, math.Inf(1))
	l.others, l.queue = 0, 0
	l.run(10 * time.Second)
	if got := l.rate(time.Second); got < 0.95*l.capacity {
		t.Errorf("without a limit it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// One interruption in a turn was a hiccup: the flow looks who is there, and may be back at once. Several of them are somebody who waits, and gets
// the time to find the link free.
func TestATurnIsCededToWhoWaits(t *testing.T) {
	for _, c := range []struct {
		what string
		at   []time.Duration
		want time.Duration
	}{
		{"one", []time.Duration{9 * time.Second}, 0},
		{"as many as somebody who waits sends", []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second, 9 * time.Second}, cede},
	} {
		e := newEbb(Default())
		e.mu, e.phase, e.returned, e.rtt.smoothed = 2.5e6, cruising, at(0), 20*ms
		for _, d := range c.at {
			if e.phase != cruising || !e.bears(at(d), e.per(interruption)) {
				t.Fatalf("%s: not borne with after %v: %v", c.what, d, e)
			}
		}
		if e.phase != yielding || e.holdOff != c.want {
			t.Errorf("%s: %v, and holds off for %v; want %v", c.what, e.phase, e.holdOff, c.want)
		}
	}
}

// Transfers that come for a moment each: bursts of a sixth of the link on average. Between them there is room for somebody who steps aside when
// they come. Who stays has the link to himself at once, and when all have gone it is used again.
func TestEbbSharesALinkOfManyTransfers(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	burst := func() {
		l.others = 3 * l.capacity
		l.run(15 * ms)
		l.others = 0
		l.run(240 * ms)
	}
	for range 60 {
		burst()
	}
	var shared, queued int
	before := l.sent
	for range 100 {
		burst()
		if l.c.phase == sharing {
			shared++
		}
		if l.queue > ms { // when the next one comes
			queued++
		}
	}
	took := 100 * 255 * ms
	if got := float64(l.sent-before) / took.Seconds(); got < 0.25*l.capacity || shared < 60 || queued > 5 {
		t.Errorf("%.0f of %.0f B/s, %d of 100 times sharing, %d times still in the way: %v", got, l.capacity, shared, queued, l.c)
	}
	l.others = 1.02 * l.capacity
	l.run(2 * time.Second)
	l.in(yielding)
	if got := l.rate(5 * time.Second); got > 2*l.c.floor() {
		t.Errorf("%.0f B/s beside somebody who stays: %v", got, l.c)
	}
	l.others, l.queue = 0, 0
	l.run(20 * time.Second)
	l.in(cruising)
	if got := l.rate(time.Second); got < 0.95*l.capacity {
		t.Errorf("%.0f of %.0f B/s alone: %v", got, l.capacity, l.c)
	}
}

// Queues that come and go look like jitter to a watch. But two datagrams that leave together arrive as far apart as the bottleneck takes for one,
// each time: so it is others, and the next queue is noticed at once.
func TestPairsTellOthersFromJitter(t *testing.T) {
	l := draw(t)
	l.run(time.Second)
	for i := range l.c.watch.filters {
		l.c.watch.filters[i].noise = 10 * ms
	}
	l.c.watch.spread = 10 * ms
	l.run(100 * ms)
	if l.c.threshold() < 8*ms {
		t.Fatalf("the threshold is %v: %v", l.c.threshold(), l.c)
	}
	l.others = 1.02 * l.capacity
	l.run(8 * time.Second)
	l.in(yielding)
	if l.others = 0; !l.c.still() {
		t.Fatalf("pairs differ by %v: %v", l.c.yield.jitter, l.c)
	}
	l.queue = 0
	l.run(3 * time.Second)
	l.in(cruising)
	if l.c.threshold() > 2*l.c.quiet() {
		t.Errorf("the threshold is %v on a path without jitter: %v", l.c.threshold(), l.c)
	}
}

// On a link that is hardly ever free, the part shrinks; but it is not given up bit by bit, and is a rate at any time.
func TestASharedPartStaysARate(t *testing.T) {
	l := drivenAway(t)
	c := l.c
	c.shareLink(l.now)
	for i := range 5000 {
		c.now = l.now.Add(time.Duration(i) * ms)
		queue := 20 * ms
		if i%100 < 22 {
			queue = 0
		}
		if c.amongOthers(c.now, queue); c.phase == sharing && (c.Rate() < asideShare*c.floor()) {
			t.Fatalf("%.0f B/s after %d ms: %v", c.Rate(), i, c)
		}
	}
}
