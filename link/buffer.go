// SPDX-License-Identifier: Apache-2.0

package link

import "math"

// A buffer holds the packets that wait in front of the bottleneck, for the links whose
// future cannot be computed at the entrance: those with a queue manager, a trace, a
// schedule or a radio. Until a packet leaves, its times mean: leave, when it
// came; arrive, its jitter.
type buffer[T any] struct {
	overhead int64
	slots    []slot[T]
	free     int32 // first of the slots that hold nothing

	bytes   int64 // that wait, on the wire
	count   int   // packets that wait
	fifo    list
	current *list // the queue that a codel looks at
	serving int32 // the slot of the packet that is leaving; none: nothing is
	left    int64 // bytes of it that no opportunity has carried yet; with a trace

	// The next completion of a service, or opportunity to serve: MaxInt64 when idle.
	next    int64
	chance  int64 // number of that opportunity
	flushed int64 // when a blackout last emptied the buffer
	special int64 // when a blackout begins, a step or an update is due: before anything at next

	codel *codel
	pie   *pie
	red   *red
	fair  *fair

	dropped int64 // number of the packet last dropped for lack of room
	stats   *Stats
}

const (
	none = int32(-1)
	idle = int64(math.MaxInt64)
)

// A slot is a packet and the slot of the one behind it.
type slot[T any] struct {
	packet[T]
	next int32
}

// A list is a queue of slots.
type list struct {
	head, tail int32
	packets    int32
	bytes      int64
}

var emptyList = list{head: none, tail: none}

func newBuffer[T any](c Config, stats *Stats) *buffer[T] {
	if c.AQM == nil && c.Trace == nil && len(c.Schedule.Steps) == 0 && c.WiFi.Interval == 0 && c.LTE.Interval == 0 {
		return nil
	}
	b := &buffer[T]{overhead: int64(c.Overhead), free: none, fifo: emptyList, serving: none, next: idle, flushed: -1, stats: stats}
	switch a := c.AQM.(type) {
	case CoDel:
		d := newCoDel(a, c.MTU)
		b.codel = &d
	case PIE:
		b.pie = newPIE(a)
	case RED:
		rate := wholeRate(c.Rate)
		if c.Trace != nil {
			rate = wholeRate(c.Trace.Rate())
		}
		b.red = newRED(a, rate)
	case FQCoDel:
		b.fair = newFair(a, c)
	}
	return b
}

// keep puts a packet into a slot.
func (b *buffer[T]) keep(p *packet[T]) int32 {
	i := b.free
	if i == none {
		b.slots = append(b.slots, slot[T]{})
		i = int32(len(b.slots) - 1)
	} else {
		b.free = b.slots[i].next
	}
	b.slots[i] = slot[T]{packet: *p, next: none}
	return i
}

// release empties a slot; it lets go of the payload.
func (b *buffer[T]) release(i int32) {
	b.slots[i] = slot[T]{next: b.free}
	b.free = i
}

func (b *buffer[T]) wire(i int32) int64 { return int64(b.slots[i].size) + b.overhead }

// join puts a slot at the end of a queue.
func (b *buffer[T]) join(q *list, i int32) {
	if q.tail == none {
		q.head = i
	} else {
		b.slots[q.tail].next = i
	}
	q.tail = i
	q.packets++
	q.bytes += b.wire(i)
	b.bytes += b.wire(i)
	b.count++
}

// take removes the first slot of a queue that is not empty.
func (b *buffer[T]) take(q *list) int32 {
	i := q.head
	q.head = b.slots[i].next
	if q.head == none {
		q.tail = none
	}
	q.packets--
	q.bytes -= b.wire(i)
	b.bytes -= b.wire(i)
	b.count--
	b.slots[i].next = none
	return i
}

// discard drops the first packet of a queue.
func (b *buffer[T]) discard(q *list, v Verdict) {
	i := b.take(q)
	size := int(b.slots[i].size)
	if v == DroppedBuffer {
		b.dropped = b.slots[i].number
	}
	b.stats.Inside.remove(size)
	b.stats.drop(v, size)
	b.release(i)
}

// enter puts a packet in its queue.
func (b *buffer[T]) enter(p *packet[T]) {
	i := b.keep(p)
	if b.fair != nil {
		f := b.fair.index(p.flow)
		b.join(&b.fair.flows[f].list, i)
		b.fair.woken(f)
		return
	}
	b.join(&b.fifo, i)
}

// next packet to leave at now; none: nothing waits any more.
func (b *buffer[T]) choose(now int64) int32 {
	if b.fair != nil {
		return b.chooseFair(now)
	}
	if b.codel != nil {
		b.current = &b.fifo
		b.codel.choose(now, b)
	}
	if b.fifo.packets == 0 {
		return none
	}
	return b.take(&b.fifo)
}

// head, drop and mark are what a codel asks of the current queue.
func (b *buffer[T]) head(now int64) (sojourn, behind int64, ok bool) {
	i := b.current.head
	if i == none {
		return 0, 0, false
	}
	return now - b.slots[i].leave, b.current.bytes - b.wire(i), true
}

func (b *buffer[T]) drop(int64) { b.discard(b.current, DroppedAQM) }

func (b *buffer[T]) mark() bool { return markCE(&b.slots[b.current.head].packet.ecn, b.stats) }

// markCE sets CE where the transport understands it.
//
// RFC 3168, section 5: "Routers treat the ECT(0) and ECT(1) codepoints as equivalent."
func markCE(e *ECN, s *Stats) bool {
	switch *e {
	case NotECT:
		return false
	case ECT0, ECT1:
		*e = CE
		s.Marked++
	}
	return true
}

// flush drops everything that waits or is leaving.
func (b *buffer[T]) flush(at int64) {
	if b.serving != none {
		size := int(b.slots[b.serving].size)
		b.stats.Inside.remove(size)
		b.stats.drop(DroppedBlackout, size)
		b.release(b.serving)
		b.serving = none
	}
	for b.fifo.packets > 0 {
		b.discard(&b.fifo, DroppedBlackout)
	}
	if b.fair != nil {
		for i := range b.fair.flows {
			for b.fair.flows[i].packets > 0 {
				b.discard(&b.fair.flows[i].list, DroppedBlackout)
			}
		}
	}
	b.left, b.next, b.flushed = 0, idle, at
}
