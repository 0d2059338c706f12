// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"cmp"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

// A Story is how one world went that somebody made up.
type Story struct {
	Flows  []FlowStory
	Queue  sim.QueueStats
	Link   link.Stats // forward
	Course Course
}

// A FlowStory is how one flow fared, of ours or of the others.
type FlowStory struct {
	Name      string
	Ours      bool
	Goodput   float64 // bit/s, from its beginning to its end
	Lost      int     // datagrams of ours
	Timeouts  int     // ours
	Transfers []time.Duration
	Running   int            // transfers that have not ended
	Delays    traffic.Delays // of a call
	State     string         // of our controller
}

// Play runs a world with Also and Others from its start for some time, and nothing in it begins at random. Each Ours has passed Check, and
// the links' configurations their Validate.
func (s Setup) Play(seed uint64, length time.Duration) Story {
	s.Forward.Seed, s.Reverse.Seed = 2*seed, 2*seed+1
	w := sim.NewWorld()
	p := w.Path(s.Forward, s.Reverse)
	whole := &world{Setup: s, path: p, length: length}
	var names []FlowStory
	var spans []Span
	for _, o := range s.Also {
		flows := o.add(w, p, 0)
		whole.ours = append(whole.ours, flows...)
		for i := range flows {
			names = append(names, FlowStory{Name: o.Controller, Ours: true})
			spans = append(spans, Span{o.Starts[i], o.Stop})
		}
	}
	for i, t := range s.Others {
		flows := t.add(w, p, s.Forward.Rate, seed*100+uint64(i))
		whole.others = append(whole.others, flows...)
		for n := range flows {
			names = append(names, FlowStory{Name: t.name()})
			spans = append(spans, Span{t.Start + time.Duration(n)*flowsApart, t.Stop})
		}
	}
	w.Run(length)
	return whole.tell(names, spans)
}

// tell measures flows in the order in which they were added.
func (w *world) tell(flows []FlowStory, spans []Span) Story {
	for i := range flows {
		from, to := spans[i].From, min(cmp.Or(spans[i].To, w.length), w.length)
		f := &flows[i]
		if i < len(w.ours) {
			b := w.ours[i]
			f.Goodput, f.Lost, f.Timeouts, f.State = b.Goodput(from, to), b.Lost(), b.Timeouts(), b.String()
			continue
		}
		o := w.others[i-len(w.ours)]
		f.Goodput = o.Goodput(from, to)
		if o.call != nil {
			f.Delays = o.call.Delays(from, to)
		}
		if o.transfers != nil {
			f.Transfers = traffic.Times(o.transfers(), from, to)
			f.Running = o.running()
		}
	}
	return Story{Flows: flows, Queue: w.path.QueueBetween(0, w.length), Link: w.path.Forward[0].Stats(), Course: w.course("run")}
}
