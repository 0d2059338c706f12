// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"time"
)

// A Link carries packets of type T in one direction. Use New.
//
// The calling protocol: Send what goes in; call Take until it answers false, and
// again at Deadline, which every call may move, and where it may answer false again. Time never runs backwards: a
// call with an earlier now than the one before counts as made at the same time.
// Take alone is free of that, because it changes nothing at the entrance: who
// learns late of a packet may still Send it at the time when it came.
type Link[T any] struct {
	start time.Time
	// Without a monotonic clock's reading in start, as in virtual time, differences are those of
	// UnixNano, which are cheaper than Sub.
	virtual   bool
	startNano int64
	now       int64 // latest seen at the entrance, ns since start
	taken     int64 // latest seen at the exit; for String
	// What Deadline answered, and the same in ns: it is asked more often than it changes.
	deadline time.Time
	due      int64

	mtu, overhead int
	delay, late   int64 // ns
	ordered       bool  // jitter keeps the order
	// With ordered jitter, nothing sent later over the same route arrives before
	// this. The route is that of the packets after number detour, see SetDelay.
	notBefore, detour int64

	neck     bottleneck
	outages  outages
	chance   chance
	policer  policer
	radio    radio
	calendar calendar
	trace    *Trace     // nil: the bottleneck has a rate
	buffer   *buffer[T] // nil: the neck alone tells when a packet leaves
	inside   pipe[T]
	stats    Stats
}

// New returns an idle link. It panics if c.Validate finds fault: whoever takes
// a Config from a user validates it first.
func New[T any](start time.Time, c Config) *Link[T] {
	mustBeValid(c)
	l := &Link[T]{
		start:    start,
		deadline: start,
		virtual:  start == start.Round(0),
		mtu:      c.MTU,
		overhead: c.Overhead,
		delay:    int64(c.Delay),
		late:     int64(c.ReorderDelay),
		ordered:  c.Jitter > 0 && !c.JitterReorders,
		neck:     newBottleneck(c),
		outages:  newOutages(c),
		chance:   newChance(c),
		policer:  newPolicer(c.Policer),
		radio:    newRadio(c),
		calendar: newCalendar(c.Schedule),
		trace:    c.Trace,
	}
	l.startNano = start.UnixNano()
	if l.buffer = newBuffer[T](c, &l.stats); l.buffer != nil {
		l.plan()
	}
	return l
}

func mustBeValid(c Config) {
	if err := c.Validate(); err != nil {
		panic(err)
	}
}

// Send gives the link a datagram of 0 to MaxSize less the Overhead bytes, at now.
// Everything but Queued is the end of it.
func (l *Link[T]) Send(now time.Time, d Datagram[T]) Verdict {
	size := d.Size
	wire := size + l.overhead
	if size < 0 || wire > MaxSize {
		panic(fmt.Sprintf("link: a packet of %d bytes was sent; the limits are 0 and MaxSize less the Overhead", size))
	}
	t := l.advance(now)
	l.stats.Sent.add(size)
	f := l.chance.next()
	v := l.enter(t, wire, f)
	if v != Queued {
		l.stats.drop(v, size)
		return v
	}
	p := packet[T]{number: l.stats.Sent.Packets,
		size: int32(size), flow: d.Flow, ecn: d.ECN, late: f.late, payload: d.Payload}
	if l.buffer != nil {
		p.leave, p.arrive = t, f.jitter
		return l.admit(t, &p, f.draw)
	}
	wait := l.neck.wait(t)
	if p.leave, v = l.cross(t, int64(wire)); v != Queued {
		l.stats.drop(v, size)
		return v
	}
	l.stats.waited(wait)
	l.stats.Inside.add(size)
	l.propagate(&p, p.leave+l.delay+f.jitter)
	return Queued
}

// enter decides on a packet in front of the buffer.
func (l *Link[T]) enter(t int64, wire int, f fate) Verdict {
	switch {
	case l.mtu > 0 && wire > l.mtu:
		return DroppedTooBig
	case l.outages.next <= t:
		return DroppedBlackout
	case l.policer.rate > 0 && !l.policer.conforms(t, int64(wire)):
		return DroppedPolicer
	case f.burst:
		return DroppedBurst
	case f.lost:
		return DroppedLoss
	}
	return Queued
}

// propagate sends a packet that reaches the end of the wire at the given time over the rest of
// its way.
func (l *Link[T]) propagate(p *packet[T], arrive int64) {
	p.arrive = arrive
	l.keepOrder(p)
	if l.radio.interval > 0 {
		p.arrive = l.radio.deliver(p.arrive)
	}
	if p.late {
		p.arrive += l.late
	}
	l.inside.push(p)
}

// cross computes, for a link without a buffer of its own, when the last bit of a packet
// leaves the bottleneck.
func (l *Link[T]) cross(t, wire int64) (leave int64, v Verdict) {
	leave, ok := l.neck.offer(t, wire)
	switch {
	case !ok:
		return 0, DroppedBuffer
	case l.outages.next <= leave:
		// It takes its place in the buffer, until the blackout empties that.
		return 0, DroppedBlackout
	}
	return leave, Queued
}

// advance moves the link's clock and passes the blackouts that begin or end by then.
func (l *Link[T]) advance(now time.Time) int64 {
	l.now = max(l.now, l.since(now))
	if l.buffer != nil {
		l.now = max(l.now, l.buffer.flushed)
		l.serve(l.now)
	}
	for l.outages.next <= l.now {
		if l.buffer == nil {
			l.neck.flush(l.outages.next)
		}
		if !l.outages.pass(l.now) {
			break
		}
	}
	return l.now
}

// since is how long the link has run at now, in ns.
func (l *Link[T]) since(now time.Time) int64 {
	if l.virtual {
		return now.UnixNano() - l.startNano
	}
	return int64(now.Sub(l.start))
}

// Deadline is when to call Take again: nothing arrives before. Zero: nothing is inside.
func (l *Link[T]) Deadline() time.Time {
	at := idle
	if p := l.inside.first(); p != nil {
		at = p.arrive
	}
	if l.buffer != nil {
		at = min(at, l.soonest())
	}
	if at == idle {
		return time.Time{}
	}
	if at != l.due {
		l.due, l.deadline = at, l.start.Add(time.Duration(at))
	}
	return l.deadline
}

// Take removes and returns the next datagram that has arrived by now, if there is
// one. Its ECN may have become CE.
func (l *Link[T]) Take(now time.Time) (d Datagram[T], ok bool) {
	l.taken = l.since(now)
	if l.buffer != nil {
		l.serve(l.taken)
	}
	p := l.inside.first()
	if p == nil || p.arrive > l.taken {
		return d, false
	}
	d = Datagram[T]{Size: int(p.size), Flow: p.flow, ECN: p.ecn, Payload: p.payload}
	l.inside.pop()
	l.stats.Inside.remove(d.Size)
	l.stats.Delivered.add(d.Size)
	return d, true
}

// QueueDelay is how long a packet sent now would wait before its first bit leaves, with an
// [FQCoDel] if all flows were one; with a [Trace] an idle link has it wait for an opportunity.
func (l *Link[T]) QueueDelay(now time.Time) time.Duration {
	return time.Duration(l.wait(l.advance(now)))
}

func (l *Link[T]) wait(t int64) int64 {
	if l.buffer != nil {
		return l.queued(t)
	}
	return l.neck.wait(t)
}

// SetRate changes the rate to bit/s, within the limits of [Config.Rate]; what
// waits in the buffer leaves at the new rate. A link with a [Trace] has no rate to set: it panics.
func (l *Link[T]) SetRate(now time.Time, rate float64) {
	mustBeValid(Config{Rate: rate, Trace: l.trace})
	t := l.advance(now)
	if l.buffer != nil {
		l.changeRate(t, wholeRate(rate))
		return
	}
	from, to := l.neck.rate, wholeRate(rate)
	l.neck.change(t, to)
	// Rounded up, the last one must not leave behind who comes next.
	end := l.neck.wait(t)
	l.requeue(t, func(ns int64) int64 { return min(end, roundUp(retime(ns, 0, from, to))) })
}

// SetDelay changes the propagation delay of packets sent from now on, within the
// limits of [Config.Delay]; where a buffer of its own holds them (see the package), of those that
// leave it from now on. Over a shorter way they overtake those that are on the longer one.
func (l *Link[T]) SetDelay(now time.Time, delay time.Duration) {
	mustBeValid(Config{Delay: delay})
	l.advance(now)
	l.changeDelay(delay)
}

// Cut begins a blackout of length d at now; it loses what is in the buffer. One
// that is under way or to come is lengthened if they overlap.
func (l *Link[T]) Cut(now time.Time, d time.Duration) {
	if d <= 0 {
		return
	}
	t := l.advance(now)
	l.outages.add(span{t, t + min(int64(d), maxTime)})
	if l.buffer != nil {
		l.flush(t)
		l.plan()
		return
	}
	l.neck.flush(t)
	l.requeue(t, func(ns int64) int64 { return ns })
}

// requeue corrects the packets that are still in the buffer: after is given how many
// nanoseconds after t a packet was to leave, and answers how many it takes now.
func (l *Link[T]) requeue(t int64, after func(ns int64) int64) {
	l.notBefore = 0
	l.inside.revise(func(p *packet[T]) bool {
		if p.leave > t {
			behind := p.arrive - p.leave
			p.leave = t + after(p.leave-t)
			p.arrive = p.leave + behind
		}
		if p.leave > t && l.outages.next <= p.leave {
			l.stats.Inside.remove(int(p.size))
			l.stats.drop(DroppedBlackout, int(p.size))
			return false
		}
		if p.number > l.detour && !p.late {
			l.keepOrder(p)
		}
		return true
	})
}

// keepOrder holds back a packet that its jitter lets overtake the one before it.
func (l *Link[T]) keepOrder(p *packet[T]) {
	if l.ordered {
		p.arrive = max(p.arrive, l.notBefore)
		l.notBefore = p.arrive
	}
}

// Stats returns the counters.
func (l *Link[T]) Stats() Stats { return l.stats }

// String is the state in one line, as of the last call that gave the time.
func (l *Link[T]) String() string {
	rate := "no limit"
	if l.trace != nil {
		rate = fmt.Sprintf("%v Mbit/s by a trace", float64(int64(l.trace.Rate()))/1e6)
	} else if l.neck.rate > 0 {
		rate = fmt.Sprintf("%v Mbit/s", float64(l.neck.rate)/1e6)
	}
	now, state := max(l.now, l.taken), "up"
	if l.outages.dark(now) {
		state = "dark"
	}
	return fmt.Sprintf("link %s after %v: %s, %v away, queue %v; %v", state, time.Duration(now), rate,
		time.Duration(l.delay), time.Duration(l.wait(now)), l.stats)
}
