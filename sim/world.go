// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/ebbproject/ebb/link"
)

// SampleEvery is the distance of the samples that the traces hold.
const SampleEvery = 10 * time.Millisecond

const never = int64(Never)

// A World is links, flows and a clock.
type World struct {
	start  time.Time
	now    time.Duration
	events heap
	links  []*Link
	ends   []*end // the sender of flow i is number 2i, its receiver 2i+1
	flows  []*Flow
	crews  []*crew
	script []func(now time.Time)
	frames []*[]byte // for use again
	in     Packet    // the one that is arriving
	out    Packet    // the one that is being sent
	moved  int64     // packets that came out of a link
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
	w := &World{start: time.Unix(0, 0).UTC()}
	w.events.push(0, sampling, 0)
	return w
}

// Clock is what the world's clock shows when it has run for d.
func (w *World) Clock(d time.Duration) time.Time { return w.start.Add(d) }

// Events is how many events have happened, and how many packets have come out of a link.
func (w *World) Events() (events, packets int64) { return w.events.popped, w.moved }

// At has do called when the world has run for d.
func (w *World) At(d time.Duration, do func(now time.Time)) {
	w.events.push(int64(d), scripted, int32(len(w.script)))
	w.script = append(w.script, do)
}

// Run lets the world run until it has run for d in all.
func (w *World) Run(d time.Duration) {
	for len(w.events.events) > 0 && w.events.events[0].at <= int64(d) {
		e := w.events.pop()
		w.now = time.Duration(e.at)
		switch e.kind {
		case arrival:
			w.arrive(w.links[e.object], e.at)
		case alarm:
			w.ring(w.ends[e.object], e.at)
		case scripted:
			w.script[e.object](w.Clock(w.now))
			for _, l := range w.links { // the script may have changed any of them
				w.armLink(l)
			}
			for _, c := range w.crews {
				w.rouse(c)
			}
		case sampling:
			w.sample()
			w.events.push(e.at+int64(SampleEvery), sampling, 0)
		}
	}
	w.now = d
}

// arrive takes out of a link what has arrived.
func (w *World) arrive(l *Link, at int64) {
	if l.armed != at {
		return // stale: the link's deadline came earlier meanwhile
	}
	l.armed = never
	now := w.Clock(w.now)
	for {
		d, ok := l.Take(now)
		if !ok {
			break
		}
		w.in = d.Payload
		w.in.ECN = d.ECN
		w.moved++
		w.forward(&w.in)
	}
	w.armLink(l)
}

// armLink makes sure that there is an event for what the link does next.
func (w *World) armLink(l *Link) {
	d := l.Deadline()
	if d.IsZero() {
		return
	}
	if at := int64(d.Sub(w.start)); at < l.armed {
		l.armed = max(at, int64(w.now))
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
	w.settle(to)
}

func (w *World) enter(l *Link, p *Packet) {
	d := link.Datagram[Packet]{Size: int(p.Size), Flow: uint32(p.Flow), ECN: p.ECN, Payload: *p}
	if l.Send(w.Clock(w.now), d) != link.Queued && p.Frame != nil {
		w.frames = append(w.frames, p.Frame)
	}
	w.armLink(l)
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
		p := &w.out
		*p = Packet{}
		if !e.machine.Take(w.now, p) {
			break
		}
		p.Flow, p.Back, p.hop = e.flow, e.back, 0
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
		l.Queue = append(l.Queue, l.QueueDelay(w.Clock(w.now)))
	}
	for _, f := range w.flows {
		f.sample()
	}
}

// frame is an empty byte string, of those that were used before if there is one.
func (w *World) frame() *[]byte {
	if n := len(w.frames); n > 0 {
		b := w.frames[n-1]
		w.frames = w.frames[:n-1]
		*b = (*b)[:0]
		return b
	}
	b := make([]byte, 0, 128)
	return &b
}
