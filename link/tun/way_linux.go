// SPDX-License-Identifier: Apache-2.0

package tun

import (
	"time"

	"github.com/ebbproject/ebb/link"
)

// maxInside bounds the memory of a link, in bytes of buffers, of which each packet has one.
const maxInside = 64 << 20

// A way is one direction: from a device through a link to the other device.
type way struct {
	link     *link.Link[*packet]
	from, to *device
	room     int // bytes of a buffer
	free     []*packet
	stats    Direction // what the link does not count
}

// read takes at most a batch of packets from the device and answers how many there were.
func (w *way) read(clock func() time.Time) (n int, err error) {
	for n = range batch {
		p := w.packet()
		size, ok, err := w.from.read(p.buffer)
		if !ok {
			w.release(p)
			return n, err
		}
		p.data = p.buffer[:size]
		if !w.enter(clock(), p) {
			w.release(p)
		}
	}
	return batch, nil
}

// enter gives a packet to the link, and answers whether the link keeps it.
func (w *way) enter(now time.Time, p *packet) bool {
	if (w.link.Stats().Inside.Packets+1)*int64(w.room) > maxInside {
		w.stats.Full++
		return false
	}
	return w.link.Send(now, link.Datagram[*packet]{Size: len(p.data), Flow: flowOf(p.data), ECN: ecnOf(p.data), Payload: p}) == link.Queued
}

// take is the next packet that has passed by due, as the link wants it seen.
func (w *way) take(due time.Time) (*packet, bool) {
	d, ok := w.link.Take(due)
	if ok && d.ECN == link.CE {
		mark(d.Payload.data)
	}
	return d.Payload, ok
}

// deliver writes what has passed by due, and answers how many packets there were.
func (w *way) deliver(due time.Time, clock func() time.Time) (n int) {
	for ; ; n++ {
		when := w.link.Deadline()
		p, ok := w.take(due)
		if !ok {
			return n
		}
		if late := clock().Sub(when); late > LateBy {
			w.stats.Late++
			w.stats.Latest = max(w.stats.Latest, late)
		}
		if w.to.write(p.data) != nil {
			w.stats.Unsent++
		}
		w.release(p)
	}
}

// queue is its state for a Sample.
func (w *way) queue(now time.Time) Queue {
	delay := w.link.QueueDelay(now) // first: it may drop what a blackout meets
	s := w.link.Stats()
	return Queue{Delay: delay, Left: s.Delivered, Dropped: s.Dropped, Late: w.stats.Late}
}

func (w *way) direction() Direction {
	d := w.stats
	d.Link = w.link.Stats()
	return d
}

// packet is an empty one.
func (w *way) packet() *packet {
	if end := len(w.free) - 1; end >= 0 {
		p := w.free[end]
		w.free = w.free[:end]
		return p
	}
	return &packet{buffer: make([]byte, w.room)}
}

func (w *way) release(p *packet) {
	p.data = nil
	w.free = append(w.free, p)
}
