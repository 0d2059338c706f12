// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/link"
)

// SampleEvery is the distance of the samples that the traces hold.
const SampleEvery = 10 * time.Millisecond

const never = int64(Never)

// A World is links, flows and a clock.
type World struct {
	now     time.Duration
	clock   time.Time // the same as a time
	events  heap
	links   []*Link
	ends    []*end // the sender of flow i is number 2i, its receiver 2i+1
	flows   []*Flow
	crews   []*crew
	script  []func(now time.Time)
	packets pool
	frames  []*[]byte // for use again
	moved   int64     // packets that came out of a link
}

// An end is a machine and what the world needs to run it.
type end struct {
	machine Machine
	route   []*Link // of what it sends
	peer    *end
	flow    int32
	number  int32
	back    bool // it sends from receiver to sender
	crew    *crew
	armed   int64
}

// NewWorld is an empty world at time zero.
func NewWorld() *World {
	w := &World{}
	w.clock = w.Clock(0)
	w.events.push(0, sampling, 0)
	return w
}

// Clock is what the world's clock shows when it has run for d. It begins with the epoch, so that nanoseconds since are UnixNano.
func (w *World) Clock(d time.Duration) time.Time { return time.Unix(0, int64(d)).UTC() }

// Events is how many events have happened, and how many packets have come out of a link.
func (w *World) Events() (events, packets int64) { return w.events.popped, w.moved }

// At has do called when the world has run for d.
func (w *World) At(d time.Duration, do func(now time.Time)) {
	w.events.push(int64(d), scripted, int32(len(w.script)))
	w.script = append(w.script, do)
}

// Run lets the world run until it has run for d in all.
func (w *World) Run(d time.Duration) {
	w.room(d)
	for e, ok := w.events.pop(int64(d)); ok; e, ok = w.events.pop(int64(d)) {
		if w.now != time.Duration(e.at) {
			w.set(time.Duration(e.at))
		}
		switch e.kind {
		case arrival:
			w.arrive(w.links[e.object], e.at)
		case alarm:
			w.ring(w.ends[e.object], e.at)
		case scripted:
			w.script[e.object](w.clock)
			for _, l := range w.links { // the script may have changed any of them
				w.armLink(l, deadline(l))
			}
			for _, c := range w.crews {
				w.rouse(c)
			}
		case sampling:
			w.sample()
			w.events.push(e.at+int64(SampleEvery), sampling, 0)
		}
	}
	w.set(d)
}

func (w *World) set(now time.Duration) { w.now, w.clock = now, w.Clock(now) }

// room makes room for the samples until d, so that nothing is allocated on the way.
func (w *World) room(d time.Duration) {
	more := int(max(0, d-w.now)/SampleEvery) + 1
	for _, l := range w.links {
		l.Queue = slices.Grow(l.Queue, more)
	}
	for _, f := range w.flows {
		f.Trace = slices.Grow(f.Trace, more)
	}
}

// arrive takes out of a link what has arrived.
func (w *World) arrive(l *Link, at int64) {
	if l.armed != at {
		return // stale: the link's deadline came earlier meanwhile
	}
	l.armed = never
	for {
		d, ok := l.Take(w.clock)
		if ok {
			w.moved++
			d.Payload.ECN = d.ECN
			w.forward(d.Payload)
		}
		if next := deadline(l); !ok || next > at {
			w.armLink(l, next)
			return
		}
	}
}

// deadline is when a link wants to be asked again.
func deadline(l *Link) int64 {
	d := l.Deadline()
	if d.IsZero() {
		return never
	}
	return d.UnixNano()
}

// armLink makes sure that there is an event for what the link does next.
func (w *World) armLink(l *Link, next int64) {
	if next < l.armed {
		l.armed = max(next, int64(w.now))
		w.events.push(l.armed, arrival, l.number)
	}
}

// forward gives a packet to the next link of its route, or to the machine at the end of it.
func (w *World) forward(p *Packet) {
	from := w.ends[2*p.Flow]
	if p.Back {
		from = from.peer
	}
	p.hop++
	if int(p.hop) < len(from.route) {
		w.enter(from.route[p.hop], p)
		return
	}
	to := from.peer
	to.machine.Deliver(w.now, p)
	w.packets.free(p)
	w.settle(to)
}

func (w *World) enter(l *Link, p *Packet) {
	d := link.Datagram[*Packet]{Size: int(p.Size), Flow: uint32(p.Flow) ^ p.Connection<<16, ECN: p.ECN, Payload: p}
	if l.Send(w.clock, d) != link.Queued {
		if p.Frame != nil {
			w.frames = append(w.frames, p.Frame)
		}
		w.packets.free(p)
		return
	}
	w.armLink(l, deadline(l))
}

// ring lets a machine act at its deadline.
func (w *World) ring(e *end, at int64) {
	if e.armed != at {
		return
	}
	e.armed = never
	if e.machine.Deadline() <= w.now {
		e.machine.Advance(w.now)
	}
	w.settle(e)
}

// settle has a machine send what it wants sent, and whom it let send.
func (w *World) settle(e *end) {
	w.drain(e)
	if e.crew != nil {
		w.rouse(e.crew)
	}
}

// drain sends what a machine wants sent, and finds when it wants to be called again.
func (w *World) drain(e *end) {
	for {
		p := w.packets.fresh()
		if !e.machine.Take(w.now, p) {
			w.packets.free(p)
			break
		}
		p.Flow, p.Back = e.flow, e.back
		w.enter(e.route[0], p)
	}
	// An event that comes too early finds the deadline not yet there, and is entered again: cheaper than to take it out.
	if d := int64(e.machine.Deadline()); d < e.armed {
		e.armed = max(d, int64(w.now))
		w.events.push(e.armed, alarm, e.number)
	}
}

func (w *World) sample() {
	for _, l := range w.links {
		l.Queue = append(l.Queue, l.QueueDelay(w.clock))
	}
	for _, f := range w.flows {
		f.sample()
	}
}
