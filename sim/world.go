// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/link"
)

// SampleEvery is the distance of the samples that the traces hold.
const SampleEvery = 10 * time.Millisecond

// A World is paths, flows and a clock.
type World struct {
	start   time.Time
	now     time.Time
	paths   []*Path
	flows   []*Flow
	script  []change
	sampled time.Time // when the next sample is due
	spare   []*feedback
}

type change struct {
	at time.Time
	do func(now time.Time)
}

// A Path is the two links between the ends of its flows.
type Path struct {
	Forward *link.Link[packet]
	Reverse *link.Link[packet]
	// Queue is the true delay of the forward queue, a sample every SampleEvery.
	Queue []time.Duration
}

// packet is what a link carries: a datagram of a flow, or its feedback.
type packet struct {
	flow     *Flow
	sequence uint64
	sent     uint32    // send stamp in microseconds of the sender's clock
	report   *feedback // nil in a datagram
}

// NewWorld is an empty world at time zero.
func NewWorld() *World {
	epoch := time.Unix(0, 0).UTC()
	return &World{start: epoch, now: epoch, sampled: epoch}
}

// Path adds a path. Its links' random streams are those of the configurations' seeds.
func (w *World) Path(forward, reverse link.Config) *Path {
	p := &Path{Forward: link.New[packet](w.start, forward), Reverse: link.New[packet](w.start, reverse)}
	w.paths = append(w.paths, p)
	return p
}

// At has do called when the world has run for d.
func (w *World) At(d time.Duration, do func(now time.Time)) {
	w.script = append(w.script, change{at: w.start.Add(d), do: do})
	slices.SortStableFunc(w.script, func(a, b change) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
}

// Run lets the world run until it has run for d in all.
func (w *World) Run(d time.Duration) {
	end := w.start.Add(d)
	for {
		next := w.next()
		if next.After(end) {
			w.now = end
			return
		}
		w.now = next
		w.step()
	}
}

// next is the earliest deadline.
func (w *World) next() time.Time {
	next := w.sampled
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	if len(w.script) > 0 {
		sooner(w.script[0].at)
	}
	for _, p := range w.paths {
		sooner(p.Forward.Deadline())
		sooner(p.Reverse.Deadline())
	}
	for _, f := range w.flows {
		sooner(f.deadline)
	}
	return next
}

func (w *World) step() {
	for len(w.script) > 0 && !w.script[0].at.After(w.now) {
		w.script[0].do(w.now)
		w.script = w.script[1:]
	}
	for _, p := range w.paths {
		w.arrive(p.Forward)
		w.arrive(p.Reverse)
	}
	for _, f := range w.flows {
		if !f.deadline.IsZero() && !f.deadline.After(w.now) {
			f.advance()
		}
	}
	if !w.sampled.After(w.now) {
		w.sample()
		w.sampled = w.sampled.Add(SampleEvery)
	}
}

func (w *World) arrive(l *link.Link[packet]) {
	for {
		d, ok := l.Take(w.now)
		if !ok {
			return
		}
		p := d.Payload
		if p.report == nil {
			p.flow.arrived(p)
			continue
		}
		p.flow.reported(p.report)
		w.spare = append(w.spare, p.report)
	}
}

func (w *World) sample() {
	for _, p := range w.paths {
		p.Queue = append(p.Queue, p.Forward.QueueDelay(w.now))
	}
	for _, f := range w.flows {
		f.Trace = append(f.Trace, Sample{
			Window:    f.ctl.Window(),
			Delivered: f.receiver.delivered,
			Believed:  f.ctl.QueueDelay(),
		})
	}
}

// since is how long the world has run.
func (w *World) since() time.Duration { return w.now.Sub(w.start) }
