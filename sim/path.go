// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/link"
)

// A Link is a link of a world. It may be part of several paths.
type Link struct {
	*link.Link[*Packet]
	// Queue is how long a packet would have had to wait in front of it, a sample every SampleEvery.
	Queue []time.Duration

	number int32
	armed  int64 // when its event is due; never: it has none
}

// Link adds a link.
func (w *World) Link(c link.Config) *Link {
	l := &Link{Link: link.New[*Packet](w.Clock(0), c), number: int32(len(w.links)), armed: never}
	w.links = append(w.links, l)
	return l
}

// A Path is what lies between the two ends of a flow: links in a row, forward and back.
type Path struct {
	Forward, Reverse []*Link
}

// Path is a path of one new link forward and one back.
func (w *World) Path(forward, reverse link.Config) *Path {
	return &Path{Forward: []*Link{w.Link(forward)}, Reverse: []*Link{w.Link(reverse)}}
}

// Queues is the queue of all links forward over time, in milliseconds.
func (p *Path) Queues() []float64 {
	v := make([]float64, len(p.Forward[0].Queue))
	for _, l := range p.Forward {
		for i, d := range l.Queue {
			v[i] += d.Seconds() * 1000
		}
	}
	return v
}

// QueueStats are the mean and quantiles of a path's forward queue.
type QueueStats struct {
	Mean, Median, P95, Max time.Duration
}

// QueueBetween measures the forward queue between two moments.
func (p *Path) QueueBetween(from, to time.Duration) QueueStats {
	all := p.Queues()
	s := slices.Clone(all[min(int(from/SampleEvery), len(all)):min(int(to/SampleEvery), len(all))])
	if len(s) == 0 {
		return QueueStats{}
	}
	slices.Sort(s)
	sum := 0.0
	for _, ms := range s {
		sum += ms
	}
	duration := func(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
	at := func(q float64) time.Duration { return duration(s[min(int(q*float64(len(s))), len(s)-1)]) }
	return QueueStats{Mean: duration(sum / float64(len(s))), Median: at(0.5), P95: at(0.95), Max: duration(s[len(s)-1])}
}
