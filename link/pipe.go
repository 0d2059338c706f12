// SPDX-License-Identifier: Apache-2.0

package link

import (
	"cmp"
	"slices"
)

// A packet inside the link. Times are nanoseconds since the start of the link.
type packet[T any] struct {
	leave   int64 // its last bit is out of the bottleneck
	arrive  int64 // it can be taken
	number  int64 // order of sending; decides between packets that arrive together
	size    int32 // as given to Send
	flow    uint32
	ecn     ECN
	late    bool // by the reordering delay: those behind it overtake it
	payload T
}

func (p *packet[T]) before(q *packet[T]) bool {
	return p.arrive < q.arrive || p.arrive == q.arrive && p.number < q.number
}

// A pipe holds packets in order of arrival: those that arrive in the order in which
// they were sent in a ring, those that are overtaken, or overtake, in a heap.
// Both grow to what the link needs and are then used again and again.
type pipe[T any] struct {
	ring   []packet[T] // its length is a power of two
	head   int         // index of the oldest
	count  int         // packets in the ring
	newest int64       // arrival of the newest in the ring
	heap   []packet[T]
	spare  []packet[T] // for revise
}

func (p *pipe[T]) len() int { return p.count + len(p.heap) }

// at is the i-th oldest packet of the ring.
func (p *pipe[T]) at(i int) *packet[T] { return &p.ring[(p.head+i)&(len(p.ring)-1)] }

// push takes a packet in. A late one in the ring would send all that overtake it
// to the heap, so it goes there itself.
func (p *pipe[T]) push(q *packet[T]) {
	if q.late || p.count > 0 && q.arrive < p.newest {
		p.heap = append(p.heap, *q)
		p.up(len(p.heap) - 1)
		return
	}
	if p.count == len(p.ring) {
		p.grow()
	}
	p.newest = q.arrive
	p.count++
	*p.at(p.count - 1) = *q
}

func (p *pipe[T]) grow() {
	ring := make([]packet[T], max(16, 2*len(p.ring)))
	for i := range p.count {
		ring[i] = *p.at(i)
	}
	p.ring, p.head = ring, 0
}

// first is the packet that arrives next, nil if there is none.
func (p *pipe[T]) first() *packet[T] {
	switch {
	case len(p.heap) == 0 && p.count == 0:
		return nil
	case p.count == 0, len(p.heap) > 0 && p.heap[0].before(p.at(0)):
		return &p.heap[0]
	}
	return p.at(0)
}

// pop removes what first showed.
func (p *pipe[T]) pop() {
	if len(p.heap) > 0 && (p.count == 0 || p.heap[0].before(p.at(0))) {
		p.popHeap()
		return
	}
	p.popRing()
}

func (p *pipe[T]) popRing() {
	var nothing T
	p.at(0).payload = nothing // lets go of it
	p.head = (p.head + 1) & (len(p.ring) - 1)
	p.count--
}

func (p *pipe[T]) popHeap() {
	end := len(p.heap) - 1
	p.heap[0] = p.heap[end]
	p.heap[end] = packet[T]{}
	p.heap = p.heap[:end]
	p.down(0)
}

func (p *pipe[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !p.heap[i].before(&p.heap[parent]) {
			return
		}
		p.heap[i], p.heap[parent] = p.heap[parent], p.heap[i]
		i = parent
	}
}

func (p *pipe[T]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(p.heap) {
			return
		}
		if right := child + 1; right < len(p.heap) && p.heap[right].before(&p.heap[child]) {
			child = right
		}
		if !p.heap[child].before(&p.heap[i]) {
			return
		}
		p.heap[i], p.heap[child] = p.heap[child], p.heap[i]
		i = child
	}
}

// revise shows every packet, in the order of sending, to change, which may alter its
// times or answer false to remove it.
func (p *pipe[T]) revise(change func(*packet[T]) bool) {
	all := p.spare[:0]
	for p.count > 0 {
		all = append(all, *p.at(0))
		p.popRing()
	}
	all = append(all, p.heap...)
	clear(p.heap)
	p.heap = p.heap[:0]
	slices.SortFunc(all, func(a, b packet[T]) int { return cmp.Compare(a.number, b.number) })
	for i := range all {
		if change(&all[i]) {
			p.push(&all[i])
		}
	}
	clear(all)
	p.spare = all
}
