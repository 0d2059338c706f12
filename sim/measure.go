// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"time"
)

// Goodput is what arrived of a flow between two moments, in bit/s.
func (f *Flow) Goodput(from, to time.Duration) float64 {
	return float64(f.delivered(to)-f.delivered(from)) * 8 / (to - from).Seconds()
}

// delivered is how many bytes had arrived at a moment.
func (f *Flow) delivered(at time.Duration) int64 {
	if len(f.Trace) == 0 {
		return 0
	}
	return f.Trace[min(int(at/SampleEvery), len(f.Trace)-1)].Delivered
}

// QueueStats are the mean and a quantile of a path's forward queue.
type QueueStats struct {
	Mean, Median, P95, Max time.Duration
}

// QueueBetween measures the forward queue between two moments.
func (p *Path) QueueBetween(from, to time.Duration) QueueStats {
	s := slices.Clone(p.Queue[from/SampleEvery : min(int(to/SampleEvery), len(p.Queue))])
	if len(s) == 0 {
		return QueueStats{}
	}
	slices.Sort(s)
	var sum time.Duration
	for _, d := range s {
		sum += d
	}
	at := func(q float64) time.Duration { return s[min(int(q*float64(len(s))), len(s)-1)] }
	return QueueStats{Mean: sum / time.Duration(len(s)), Median: at(0.5), P95: at(0.95), Max: s[len(s)-1]}
}
