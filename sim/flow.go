// SPDX-License-Identifier: Apache-2.0

package sim

import "time"

// A Sample is what is known of a flow at one moment.
type Sample struct {
	View
	Delivered int64 // bytes of use that have arrived
}

// A Flow is a machine that sends and one that receives, at the two ends of a path.
type Flow struct {
	Trace []Sample // one every SampleEvery

	sender, receiver Machine
	viewer           Viewer
	counter          Counter
}

// Add adds a flow to a path. Where the sender is a Viewer and the receiver a Counter, its trace has what they show.
func (w *World) Add(p *Path, sender, receiver Machine) *Flow {
	f := &Flow{sender: sender, receiver: receiver}
	f.viewer, _ = sender.(Viewer)
	f.counter, _ = receiver.(Counter)
	n := int32(len(w.flows))
	s := &end{machine: sender, route: p.Forward, flow: n, number: 2 * n, armed: never}
	r := &end{machine: receiver, route: p.Reverse, flow: n, number: 2*n + 1, back: true, armed: never, peer: s}
	s.peer = r
	w.flows, w.ends = append(w.flows, f), append(w.ends, s, r)
	for _, e := range []*end{s, r} {
		if d := int64(e.machine.Deadline()); d < never {
			e.armed = max(d, int64(w.now))
			w.events.push(e.armed, alarm, e.number)
		}
	}
	return f
}

func (f *Flow) sample() {
	var s Sample
	if f.viewer != nil {
		s.View = f.viewer.View()
	}
	if f.counter != nil {
		s.Delivered = f.counter.Delivered()
	}
	f.Trace = append(f.Trace, s)
}

// Goodput is what arrived of a flow between two moments, in bit/s.
func (f *Flow) Goodput(from, to time.Duration) float64 {
	return float64(f.DeliveredBy(to)-f.DeliveredBy(from)) * 8 / (to - from).Seconds()
}

// DeliveredBy is how many bytes had arrived at a moment.
func (f *Flow) DeliveredBy(at time.Duration) int64 {
	if len(f.Trace) == 0 {
		return 0
	}
	return f.Trace[min(int(at/SampleEvery), len(f.Trace)-1)].Delivered
}

// Rates is a flow's goodput over time in Mbit/s, each value that of the last 100 ms.
func (f *Flow) Rates() []float64 {
	const back = 10
	v := make([]float64, len(f.Trace))
	for i := range v {
		from := max(0, i-back)
		v[i] = float64(f.Trace[i].Delivered-f.Trace[from].Delivered) * 8 / 1e6 / (back * SampleEvery.Seconds())
	}
	return v
}

// Windows is a flow's window over time in kilobytes (1000 bytes).
func (f *Flow) Windows() []float64 {
	v := make([]float64, len(f.Trace))
	for i, s := range f.Trace {
		v[i] = float64(s.Window) / 1000
	}
	return v
}
