// SPDX-License-Identifier: Apache-2.0

package link

import "time"

// This file is the bottleneck of a link with a buffer. What happens at it happens at the times
// that serve is told of, in order, whenever that is: decisions depend on the times in
// the packets and not on when anybody asked.

// serve does everything that happens at the bottleneck until a time, included.
func (l *Link[T]) serve(until int64) {
	b := l.buffer
	for {
		switch {
		case b.special <= until && b.special <= b.next:
			l.specialEvent(until)
		case b.next > until:
			return
		case l.trace != nil:
			l.useOpportunity()
		default:
			at := b.next
			l.depart(at)
			l.begin(at, l.neck.free)
		}
	}
}

// specialEvent is what is due at b.special.
func (l *Link[T]) specialEvent(until int64) {
	b := l.buffer
	switch at := b.special; {
	case at == l.outages.after(b.flushed):
		l.flush(at)
	case at == l.calendar.next:
		step := l.calendar.turn()
		l.changeRate(at, wholeRate(step.Rate))
		l.changeDelay(step.Delay)
	case b.pie != nil:
		b.pie.tick(l.latency(at))
		if b.next == idle && b.pie.atRest() {
			b.pie.skip(until)
		}
	}
	l.plan()
}

// plan finds the time of the next special event.
func (l *Link[T]) plan() {
	b := l.buffer
	b.special = min(l.outages.after(b.flushed), l.calendar.next)
	if b.pie != nil {
		b.special = min(b.special, b.pie.next)
	}
}

// begin serves the next packet, whose first bit leaves at the given time: from is the same
// time, before it was rounded.
func (l *Link[T]) begin(at, from int64) {
	b := l.buffer
	if !l.pick(at) {
		b.next = idle
		return
	}
	b.next = l.neck.carry(from, b.wire(b.serving))
}

// pick takes the next packet out of the buffer.
func (l *Link[T]) pick(at int64) bool {
	b := l.buffer
	b.serving = b.choose(at)
	if b.serving == none {
		if b.red != nil {
			b.red.emptied(at)
		}
		return false
	}
	l.stats.waited(max(0, at-b.slots[b.serving].leave))
	return true
}

// depart sends the packet that has been served on its way.
func (l *Link[T]) depart(at int64) {
	b := l.buffer
	p := &b.slots[b.serving].packet
	p.leave = at
	l.propagate(p, at+l.delay+p.arrive)
	b.release(b.serving)
	b.serving = none
}

// useOpportunity carries what fits into an opportunity of the trace, of as many packets as
// that is. Mahimahi: what is left of it when the buffer is empty is lost, and a packet that does
// not fit goes on with the next one.
func (l *Link[T]) useOpportunity() {
	b := l.buffer
	at := b.next
	for room := int64(Opportunity); ; {
		if b.serving == none {
			if room == 0 || !l.pick(at) {
				break
			}
			b.left = b.wire(b.serving)
		}
		carried := min(room, b.left)
		room -= carried
		if b.left -= carried; b.left > 0 {
			break
		}
		l.depart(at)
	}
	b.chance++
	b.next = idle
	switch {
	case b.serving != none || b.count > 0:
		b.next = l.trace.time(b.chance)
	case b.red != nil:
		b.red.emptied(at)
	}
}

// admit takes a packet that came at t into the buffer, if there is room and the queue
// manager agrees.
func (l *Link[T]) admit(t int64, p *packet[T], draw uint64) Verdict {
	b := l.buffer
	busy := b.next != idle
	if v := l.judge(t, p, draw); v != Queued {
		l.stats.drop(v, int(p.size))
		return v
	}
	b.enter(p)
	l.stats.Inside.add(int(p.size))
	if busy {
		if b.fair != nil && !l.fits(t, 0) {
			b.relieve()
			if b.dropped == p.number {
				return DroppedBuffer
			}
		}
		return Queued
	}
	if l.trace != nil {
		// An opportunity that is over is over, though the packet came before it.
		b.chance = max(b.chance, l.trace.after(t))
		b.next = l.trace.time(b.chance)
		return Queued
	}
	l.begin(max(t, roundUp(l.neck.free, l.neck.part)), t)
	return Queued
}

// judge decides on a packet at the entrance of the buffer.
func (l *Link[T]) judge(t int64, p *packet[T], draw uint64) Verdict {
	b := l.buffer
	if b.next != idle && b.fair == nil && !l.fits(t, int64(p.size)+b.overhead) {
		return DroppedBuffer
	}
	v := aqmPass
	switch {
	case b.pie != nil:
		v = b.pie.enters(draw, b.bytes, l.latency(t))
	case b.red != nil:
		v = b.red.enters(t, draw, b.bytes)
	}
	if v == aqmDrop || v == aqmMark && !markCE(&p.ecn, b.stats) {
		return DroppedAQM
	}
	return Queued
}

// fits is whether so many bytes more have room in a buffer that is not idle.
func (l *Link[T]) fits(t, more int64) bool {
	if l.trace == nil {
		return l.neck.rate == 0 || l.neck.after(t, l.buffer.bytes+more)-t <= l.neck.room
	}
	b := l.buffer
	bytes := b.left + b.bytes + more
	if l.neck.bufferBytes > 0 && bytes > l.neck.bufferBytes {
		return false
	}
	// The last bit leaves with the last opportunity that the bytes need.
	last := b.chance + max(0, bytes-1)/Opportunity
	return l.neck.bufferTime == 0 || l.trace.time(last)-t <= l.neck.bufferTime
}

// queued is how long a packet that came now would wait if the buffer were first in, first out.
func (l *Link[T]) queued(t int64) int64 {
	b := l.buffer
	if l.trace == nil {
		return max(0, l.neck.after(t, b.bytes)-t)
	}
	chance := b.chance
	if b.next == idle {
		chance = max(chance, l.trace.after(t))
	}
	return max(0, l.trace.time(chance+(b.left+b.bytes)/Opportunity)-t)
}

// latency is the queue delay that PIE sees: none when nothing waits.
func (l *Link[T]) latency(t int64) int64 {
	if l.buffer.next == idle {
		return 0
	}
	return l.queued(t)
}

// flush loses what is in the buffer.
func (l *Link[T]) flush(at int64) {
	l.neck.flush(at)
	l.buffer.flush(at)
	if l.buffer.red != nil {
		l.buffer.red.emptied(at)
	}
}

// changeRate sets the rate at a time until which everything has been served.
func (l *Link[T]) changeRate(at, rate int64) {
	b := l.buffer
	l.neck.change(at, rate)
	if b.serving != none && l.trace == nil {
		b.next = roundUp(l.neck.free, l.neck.part)
	}
	if b.red != nil && l.trace == nil {
		b.red.setRate(rate)
	}
}

func (l *Link[T]) changeDelay(delay time.Duration) {
	l.delay = int64(delay)
	l.notBefore = 0
	l.detour = l.stats.Sent.Packets
}

// soonest is a time before which nothing in the buffer arrives; idle: nothing will.
func (l *Link[T]) soonest() int64 {
	b := l.buffer
	if b.next == idle {
		return idle
	}
	// A step may bring a shorter way or a higher rate.
	return min(b.next+l.delay, l.calendar.next)
}
