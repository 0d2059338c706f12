// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"math"
	"strings"
	"testing"
	"time"
)

// line is a fluid bottleneck for stories: what is sent waits behind what others have sent, and arrives.
type line struct {
	t        *testing.T
	c        *ebb
	now      time.Time
	capacity float64 // bytes a second
	base     time.Duration
	others   float64       // bytes a second of somebody else's
	queue    time.Duration // of the bottleneck
	loseAt   func(n int) bool
	lie      func(*Ack)
	pacer    Pacer
	size     int     // of the datagrams, in bytes
	silent   bool    // the application has nothing to send
	deaf     bool    // the host is busy: what comes back waits
	chatter  float64 // bytes a second of small datagrams beside the data
	chatted  float64 // of them that have been sent
	inFlight int
	flying   []flyer
	sent     int64
	n        int
}

type flyer struct {
	sent, arrives time.Time
	size          int
	lost          bool
}

func draw(t *testing.T) *line {
	c := Default()
	ctl := newEbb(c)
	return &line{t: t, c: ctl, now: epoch, capacity: 2e6, base: 15 * ms, size: c.MSS}
}

// run lets time pass in steps of 100 µs.
func (l *line) run(d time.Duration) {
	const step = 100 * time.Microsecond
	for end := l.now.Add(d); l.now.Before(end); l.now = l.now.Add(step) {
		drained := step - time.Duration(l.others/l.capacity*float64(step))
		l.queue = max(0, l.queue-drained)
		if !l.deaf {
			l.hear()
		}
		l.chat(step)
		if at := l.c.Deadline(); !at.IsZero() && !at.After(l.now) {
			l.c.Advance(l.now)
		}
		l.send()
	}
}

func (l *line) send() {
	size := l.size
	for !l.silent && l.c.Window() > 0 && (l.inFlight == 0 || l.inFlight+size <= l.c.Window()) {
		l.pacer.SetRate(l.c.Rate())
		if !l.pacer.CanSend(l.now, size) {
			return
		}
		l.leave(size)
	}
}

func (l *line) leave(size int) {
	l.pacer.Sent(l.now, size)
	l.c.Sent(l.now, size)
	l.queue += time.Duration(float64(size) / l.capacity * float64(time.Second))
	l.flying = append(l.flying, flyer{l.now, l.now.Add(l.base + l.queue), size, l.loseAt != nil && l.loseAt(l.n)})
	l.inFlight += size
	l.sent += int64(size)
	l.n++
}

// chat sends a small datagram whenever one is due; it waits for nobody, and the pace pays.
func (l *line) chat(d time.Duration) {
	const size = 200
	for l.chatted += l.chatter * d.Seconds(); l.chatted >= size; l.chatted -= size {
		l.leave(size)
	}
}

// hear reports what has arrived and come back.
func (l *line) hear() {
	a := Ack{Backward: true, Reverse: l.base}
	for len(l.flying) > 0 && !l.flying[0].arrives.Add(l.base).After(l.now) {
		f := l.flying[0]
		l.flying = l.flying[1:]
		l.inFlight -= f.size
		if f.lost {
			l.c.Lost(l.now, f.size, f.sent)
			continue
		}
		a.Bytes += f.size
		a.RTT = l.now.Sub(f.sent)
		d := f.arrives.Sub(f.sent)
		a.Arrivals = append(a.Arrivals, Arrival{Sent: f.sent, Delay: d, Bytes: f.size})
		if len(a.Arrivals) == 1 || d < a.OneWayDelay {
			a.OneWayDelay = d
		}
	}
	if a.Bytes > 0 {
		a.InFlight = l.inFlight
		if l.lie != nil {
			l.lie(&a)
		}
		l.c.Acked(l.now, a)
	}
}

// rate is what is sent in the next d, in bytes a second.
func (l *line) rate(d time.Duration) float64 {
	before := l.sent
	l.run(d)
	return float64(l.sent-before) / d.Seconds()
}

// drivenAway is a line on which somebody has come to stay, and the flow is at its floor.
func drivenAway(t *testing.T) *line {
	l := draw(t)
	l.run(3 * time.Second)
	l.others = 1.02 * l.capacity
	l.run(3 * time.Second)
	l.in(yielding)
	return l
}

func (l *line) in(p phase) {
	l.t.Helper()
	if l.c.phase != p {
		l.t.Fatalf("it is not %v: %v", p, l.c)
	}
}

// Two trains find the capacity, a few round trips later the link is full, and no queue stands.
func TestEbbFindsTheCapacity(t *testing.T) {
	for _, capacity := range []float64{50e3, 500e3, 5e6, 50e6} {
		l := draw(t)
		l.capacity = capacity
		l.run(3 * time.Second)
		l.in(cruising)
		if l.c.mu < 0.98*capacity || l.c.mu > 1.02*capacity {
			t.Errorf("capacity %.0f is taken for %.0f: %v", capacity, l.c.mu, l.c)
		}
		least := 0.97 * capacity
		if capacity < 100e3 {
			least = 0.92 * capacity // a datagram takes long here, and others wait for each
		}
		if got := l.rate(5 * time.Second); got < least || got > capacity {
			t.Errorf("%.0f of %.0f B/s are used: %v", got, capacity, l.c)
		}
		if l.queue > 10*ms+l.c.per(1.5) {
			t.Errorf("a queue of %v stands: %v", l.queue, l.c)
		}
	}
}

// The sender's host is busy while it starts, or the group holds reports back until all members have told: each train is heard of long after it has
// arrived. That tells little of the capacity, and the receiver's stamps tell it.
func TestEbbFindsTheCapacityThoughItHearsLate(t *testing.T) {
	for _, every := range []time.Duration{30 * ms, 70 * ms, 130 * ms} {
		l := draw(t)
		l.silent = true
		l.leave(200) // a greeting tells the round trip
		l.run(100 * ms)
		l.silent = false
		for l.now.Sub(epoch) < 700*ms {
			l.deaf = true
			l.run(every)
			l.deaf = false
			l.run(time.Millisecond)
		}
		l.run(500 * ms)
		if got := l.rate(time.Second); got < 0.9*l.capacity {
			t.Errorf("heard every %v, %.0f of %.0f B/s are used: %v", every, got, l.capacity, l.c)
		}
	}
}

// At first the application has a datagram now and then. How fast those leave is not how fast the path is.
func TestEbbWaitsForSomethingToSendBeforeItBelievesTrains(t *testing.T) {
	for _, every := range []time.Duration{10 * ms, 100 * ms, time.Second} {
		l := draw(t)
		for range 80 {
			l.silent = true
			l.run(every)
			l.leave(l.c.cfg.MSS)
		}
		l.silent = false
		l.run(2 * time.Second)
		if got := l.rate(time.Second); got < 0.9*l.capacity {
			t.Errorf("after a datagram each %v, %.0f of %.0f B/s are used: %v", every, got, l.capacity, l.c)
		}
	}
}

// Others come: it is at the floor before half a second is over, and back soon after they have left.
// The first train went to hosts whose clocks hide how far apart it arrived, and then the application has a datagram now and then: what that train
// said must not make a queue, which would be taken for others'.
func TestEbbDoesNotStartAtWhatOneTrainSaid(t *testing.T) {
	for _, hidden := range []float64{0.5, 0.7, 0.9} {
		l := draw(t)
		l.lie = func(a *Ack) {
			if l.c.start.trains > 0 {
				return
			}
			for i := range a.Arrivals {
				a.Arrivals[i].Delay -= time.Duration(hidden * float64(a.Arrivals[i].Delay-l.base))
			}
		}
		l.run(20 * ms)
		l.silent = true
		for range 150 {
			l.run(20 * ms)
			l.leave(l.c.cfg.MSS)
		}
		l.silent = false
		longest := time.Duration(0)
		for range 200 {
			l.run(10 * ms)
			longest = max(longest, l.queue)
		}
		if used := l.rate(time.Second) / l.capacity; used < 0.9 || longest > 20*ms {
			t.Errorf("with %.0f %% of the delay hidden, %.2f of the capacity is used, after a queue of %v: %v", 100*hidden, used, longest, l.c)
		}
	}
}

func TestEbbLeavesAndComesBack(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.others = l.capacity
	l.run(500 * ms)
	l.in(yielding)
	if got := l.rate(20 * time.Second); got > 0.02*l.capacity {
		t.Errorf("beside others it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
	l.others, l.queue = 0, 0
	l.run(time.Second)
	if got := l.rate(200 * ms); got < 0.8*l.capacity {
		t.Errorf("a second after they have left it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// Who comes to a full link stays at the floor, and does not take what others leave between their datagrams for the capacity.
func TestEbbArrivesAtAFullLink(t *testing.T) {
	l := draw(t)
	l.others, l.queue = l.capacity, 40*ms
	if got := l.rate(10 * time.Second); got > 0.03*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// A mark is sent by a queue, and it makes none.
func TestEbbAnswersAMark(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	before := l.c.rate
	l.lie = func(a *Ack) { a.CE = true }
	l.run(50 * ms)
	if l.c.phase == cruising && l.c.rate > before/2 {
		t.Errorf("a mark left %.0f of %.0f B/s: %v", l.c.rate, before, l.c)
	}
}

// Random losses cost what is lost.
func TestEbbTellsRandomLossFromCongestion(t *testing.T) {
	l := draw(t)
	l.loseAt = func(n int) bool { return n%20 == 7 }
	l.run(5 * time.Second)
	if got := l.rate(5*time.Second) * 0.95; got < 0.85*l.capacity {
		t.Errorf("with 5 %% of loss %.0f of %.0f B/s arrive: %v", got, l.capacity, l.c)
	}
}

// A peer that reports no delay, or delays of its own making, does not make us send more than a tenth above what arrives.
func TestEbbIsNotLiedTo(t *testing.T) {
	for name, lie := range map[string]func(*Ack){
		"no delay": func(a *Ack) {
			a.OneWayDelay = 15 * ms
			for i := range a.Arrivals {
				a.Arrivals[i].Delay = 15 * ms
			}
		},
		"ever less delay": func(a *Ack) {
			a.OneWayDelay = -time.Hour
			for i := range a.Arrivals {
				a.Arrivals[i].Delay = -time.Duration(a.Arrivals[i].Sent.Sub(epoch) / 10)
			}
		},
		"all at once": func(a *Ack) {
			for i := range a.Arrivals {
				a.Arrivals[i].Delay = a.Arrivals[0].Delay - a.Arrivals[i].Sent.Sub(a.Arrivals[0].Sent)
			}
		},
		"no arrivals": func(a *Ack) { a.Arrivals = nil },
	} {
		t.Run(name, func(t *testing.T) {
			l := draw(t)
			l.lie = lie
			l.run(5 * time.Second)
			for range 20 {
				if got := l.rate(time.Second); got > 1.1*l.capacity {
					t.Fatalf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
				}
			}
		})
	}
}

// A peer that leaves out half of what it should report gets less, not more.
func TestEbbGivesNothingForSkippedFeedback(t *testing.T) {
	l := draw(t)
	n := 0
	l.lie = func(a *Ack) {
		if n++; n%2 == 0 {
			a.Arrivals = nil
		}
	}
	l.run(5 * time.Second)
	if got := l.rate(5 * time.Second); got > 1.05*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// After a blackout it asks before it takes.
func TestEbbComesBackAfterATimeout(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.flying, l.inFlight, l.queue = nil, 0, 0
	l.c.TimedOut(l.now)
	l.in(yielding)
	l.run(1500 * ms)
	if got := l.rate(200 * ms); got < 0.8*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// The members of a group wait for one another's reports, so that pulses are heard of long after a round trip. They were not lost.
func TestEbbComesBackThoughItHearsLate(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.lie = func(a *Ack) { a.RTT = 31 * ms } // which leaves out how long the report waited
	l.flying, l.inFlight, l.queue = nil, 0, 0
	l.c.TimedOut(l.now)
	for range 10 {
		l.deaf = true
		l.run(200 * ms)
		l.deaf = false
		l.run(ms)
	}
	if got := l.rate(500 * ms); got < 0.8*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// Where the path becomes narrow, packets go in parts. Those are what the floor is counted in, and what looks whether others have left.
func TestEbbKeepsToItsFloorInParts(t *testing.T) {
	l := drivenAway(t)
	l.size = l.c.cfg.MSS/2 + 20
	if got := l.rate(10 * time.Second); got > 2*l.c.floor() {
		t.Errorf("%.0f B/s at a floor of %.0f: %v", got, l.c.floor(), l.c)
	}
	l.others, l.queue = 0, 0
	l.run(5 * time.Second)
	if got := l.rate(time.Second); got < .95*l.capacity {
		t.Errorf("back at %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
	l.size = l.c.cfg.MSS
	if got := l.rate(5 * time.Second); got < .95*l.capacity {
		t.Errorf("wide again at %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// Nobody has looked at the path while the application had nothing to send.
func TestEbbLooksAgainAfterAPause(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.silent = true
	l.run(5 * time.Second)
	l.silent = false
	l.run(ms)
	l.in(yielding)
	l.run(time.Second)
	l.in(cruising)
}

// The bottleneck becomes faster: it is found out by sending a little more now and then.
func TestEbbFollowsTheCapacityUp(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.capacity *= 4
	l.run(8 * time.Second)
	if got := l.rate(2 * time.Second); got < 0.9*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// Beside data there are requests and other small talk, which the pace pays for. A lift is no smaller for them.
func TestEbbFollowsTheCapacityUpBesideSmallDatagrams(t *testing.T) {
	l := draw(t)
	l.capacity = 200e3
	l.chatter = 20e3
	l.run(3 * time.Second)
	l.capacity = 2e6
	l.run(8 * time.Second)
	if got := l.rate(2 * time.Second); got < 0.9*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// And slower: what looks like others' at first is found to be the link itself.
func TestEbbFollowsTheCapacityDown(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.capacity /= 3
	l.run(30 * time.Second)
	if got := l.rate(2 * time.Second); got < 0.9*l.capacity || got > 1.01*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

// A longer route looks like others' queue at first, and is believed in seconds.
func TestEbbFollowsALongerRoute(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	l.base += 30 * ms
	l.run(3 * time.Second)
	if got := l.rate(2 * time.Second); got < 0.9*l.capacity {
		t.Errorf("it sends %.0f of %.0f B/s: %v", got, l.capacity, l.c)
	}
}

func TestEbbTellsItsStateInOneLine(t *testing.T) {
	l := draw(t)
	l.run(3 * time.Second)
	for _, word := range []string{"ebb cruising", "queue", "others", "hold-off", "skew", "rtt", "loss"} {
		if s := l.c.String(); !strings.Contains(s, word) || strings.Contains(s, "\n") {
			t.Errorf("no %q in %s", word, s)
		}
	}
	if l.c.QueueDelay() < 0 || l.c.BaseDelay() != 15*ms+l.c.per(1) || math.IsNaN(l.c.Rate()) {
		t.Errorf("queue %v, base %v, rate %v", l.c.QueueDelay(), l.c.BaseDelay(), l.c.Rate())
	}
}
