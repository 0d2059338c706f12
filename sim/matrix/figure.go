// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

const (
	startUp = 5 * time.Second        // what q95_ms leaves out
	window  = 100 * time.Millisecond // over which a rate is one
	full    = 0.8                    // of the link: back
)

// shares are the figures that are shares, and shown in per cent.
var shares = []string{"ptr", "u", "ptr_change", "first_second", "share", "loss", "u_rest", "after_kill", "ptr_p10"}

// A Figure is one thing to be measured. of answers NaN where there is nothing to measure.
type Figure struct {
	Name string
	of   func(r *runs) float64
}

// runs are the worlds of a scenario with one controller and seed. They are run when first asked for.
type runs struct {
	*Scenario
	controller           string
	seed                 uint64
	a, b, c, undisturbed *world
}

func (r *runs) alone() *world {
	if r.a == nil {
		r.a = r.play(r.controller, who{we: true}, r.seed, r.Alone.To)
	}
	return r.a
}

func (r *runs) beside() *world {
	if r.b == nil {
		r.b = r.play(r.controller, who{we: true, others: true}, r.seed, r.end())
	}
	return r.b
}

func (r *runs) solo() *world {
	if r.c == nil {
		r.c = r.play("", who{others: true}, r.seed, r.end())
	}
	return r.c
}

// calm is beside with clocks that are right and hosts that do not pause.
func (r *runs) calm() *world {
	if r.undisturbed == nil {
		s := r.Setup
		s.Ours.Clock, s.Ours.Pauses = sim.Clock{}, nil
		r.undisturbed = s.play(r.controller, who{we: true, others: true}, r.seed, r.end())
	}
	return r.undisturbed
}

// measure takes every figure of the scenario. Those with nothing to measure are left out.
func (r *runs) measure() map[string]float64 {
	all := []Figure{}
	if r.Beside != (Span{}) {
		all = append(all, Figure{"ptr", func(r *runs) float64 { return r.ptr(r.beside()) }})
	}
	if r.Leaves > 0 {
		all = append(all, Figure{"t_r_s", (*runs).comesBack})
	}
	if r.Alone != (Span{}) {
		all = append(all, Figure{"u", (*runs).use}, Figure{"q95_ms", (*runs).queue})
	}
	out := map[string]float64{}
	for _, f := range append(all, r.Asks...) {
		if v := f.of(r); !math.IsNaN(v) {
			out[f.Name] = v
		}
	}
	return out
}

// got is what the primary delivered, in bytes.
func (w *world) got(from, to time.Duration) float64 {
	sum := int64(0)
	for _, f := range w.others {
		sum += f.DeliveredBy(to) - f.DeliveredBy(from)
	}
	return float64(sum)
}

// goodput is ours, in bit/s.
func (w *world) goodput(from, to time.Duration) float64 {
	sum := 0.0
	for _, f := range w.ours {
		sum += f.Goodput(from, to)
	}
	return sum
}

// use is our goodput as a share of what the link can carry.
func (w *world) use(from, to time.Duration) float64 {
	return w.goodput(from, to) / 8 * (to - from).Seconds() / w.capacity(from, to)
}

// since is when both are there: a primary that arrives does so a little later than its scenario says.
func (r *runs) since() time.Duration {
	if r.Others[0].Start >= r.Beside.From {
		return r.Beside.From + r.solo().late
	}
	return r.Beside.From
}

func (r *runs) ptr(beside *world) float64 {
	from := r.since()
	return beside.got(from, r.Beside.To) / r.solo().got(from, r.Beside.To)
}

func (r *runs) use() float64 { return r.alone().use(r.Alone.From, r.Alone.To) }

func (r *runs) queue() float64 {
	return milliseconds(r.alone().path.QueueBetween(startUp, r.Alone.To).P95)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func (r *runs) comesBack() float64 {
	w := r.beside()
	for at := r.Leaves; at+window <= w.length; at += sim.SampleEvery {
		if w.use(at, at+window) >= full {
			return (at - r.Leaves).Seconds()
		}
	}
	return (w.length - r.Leaves).Seconds()
}

// firstSecond is for a primary that arrives.
var firstSecond = Figure{"first_second", func(r *runs) float64 {
	from := r.since()
	return r.beside().got(from, from+time.Second) / r.solo().got(from, from+time.Second)
}}

// share is ours of the link beside the primary.
var share = Figure{"share", func(r *runs) float64 {
	return r.beside().use(r.since(), r.Beside.To)
}}

// afterwards is our goodput from some time after the primary has left.
func afterwards(wait time.Duration) Figure {
	return Figure{"back_mbit", func(r *runs) float64 {
		return r.beside().goodput(r.Leaves+wait, r.beside().length) / 1e6
	}}
}

var goodput = Figure{"goodput_mbit", func(r *runs) float64 { return r.alone().goodput(r.Alone.From, r.Alone.To) / 1e6 }}

// jain is Jain's index of fairness among our flows.
var jain = Figure{"jain", func(r *runs) float64 {
	var sum, squares float64
	for _, f := range r.alone().ours {
		x := f.Goodput(r.Alone.From, r.Alone.To)
		sum += x
		squares += float64(x * x)
	}
	return sum * sum / (squares * float64(len(r.alone().ours)))
}}

// loss is the share of what enters the link after 5 s and does not come out.
var loss = Figure{"loss", func(r *runs) float64 {
	a, b := r.alone().early, r.alone().path.Forward[0].Stats()
	return float64(b.Dropped.Packets-a.Dropped.Packets) / float64(b.Sent.Packets-a.Sent.Packets)
}}

// reaches is after what time our goodput over a second is so many Mbit/s.
func reaches(mbit float64) Figure {
	return Figure{"reach_s", func(r *runs) float64 {
		w := r.alone()
		for at := time.Duration(0); at+time.Second <= w.length; at += sim.SampleEvery {
			if w.goodput(at, at+time.Second) >= mbit*1e6 {
				return at.Seconds()
			}
		}
		return w.length.Seconds()
	}}
}

// done is when so many bytes have arrived.
func done(bytes int64) Figure {
	return Figure{"done_s", func(r *runs) float64 {
		w := r.alone()
		at := time.Duration(0)
		for ; at < w.length; at += sim.SampleEvery {
			if w.ours[0].DeliveredBy(at) >= bytes {
				break
			}
		}
		return at.Seconds()
	}}
}

// unchanged is by how much ptr differs from what it is when clocks are right and hosts do not pause.
var unchanged = Figure{"ptr_change", func(r *runs) float64 { return r.ptr(r.beside()) - r.ptr(r.calm()) }}

// afterKill is the third second after the coordinator's death as a share of what was before.
var afterKill = Figure{"after_kill", func(r *runs) float64 {
	w, kill := r.alone(), r.Ours.Site.Kill
	return w.goodput(kill+2*time.Second, kill+3*time.Second) / w.goodput(kill-5*time.Second, kill)
}}

// completion compares the times of the primary's transfers.
var completion = Figure{"completion_pct", func(r *runs) float64 {
	var sums [2]float64
	span := Span{r.since(), r.Beside.To}
	solo, beside := r.solo().times(span), r.beside().times(span)
	short := r.Others[0].Kind == Short
	for short && len(beside) < len(solo) { // did not end: as long as that, at least
		beside = append(beside, r.end()-r.Beside.To)
	}
	for i, all := range [][]time.Duration{beside, solo} {
		for _, d := range all {
			sums[i] += d.Seconds() / float64(len(all))
		}
	}
	return (sums[0]/sums[1] - 1) * 100
}}

func (w *world) times(s Span) []time.Duration {
	var all []time.Duration
	for _, f := range w.others {
		if f.transfers != nil {
			all = append(all, traffic.Times(f.transfers(), s.From, s.To)...)
		}
	}
	return all
}

// callDelay compares the delays of calls.
var callDelay = Figure{"call_p99_ms", func(r *runs) float64 {
	sum, n := 0.0, 0
	for i, f := range r.beside().others {
		if f.call == nil {
			continue
		}
		from := r.since()
		sum += milliseconds(f.call.Delays(from, r.Beside.To).P99 - r.solo().others[i].call.Delays(from, r.Beside.To).P99)
		n++
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}}

// callLoss is the share of calls' packets that are lost beside us, or late by more than the run.
var callLoss = Figure{"call_lost_pct", func(r *runs) float64 {
	sent, lost := 0, 0
	for _, f := range r.beside().others {
		if f.call != nil {
			d := f.call.Delays(r.since(), r.Beside.To)
			sent, lost = sent+d.Sent, lost+d.Lost
		}
	}
	return 100 * float64(lost) / float64(max(1, sent))
}}

// useOfRest is our goodput beside the primary as a share of what the primary, solo, leaves.
var useOfRest = Figure{"u_rest", func(r *runs) float64 {
	from, to := r.since(), r.Beside.To
	taken := 0.0
	for _, f := range r.solo().others {
		bytes := float64(f.DeliveredBy(to) - f.DeliveredBy(from))
		if f.call != nil {
			taken += bytes * 200 / 160
		} else {
			taken += bytes * 1500 / traffic.Payload
		}
	}
	w := r.beside()
	rest := w.capacity(from, to) - taken*mss/(mss+headers)
	return w.goodput(from, to) / 8 * (to - from).Seconds() / rest
}}

// stepsBack is the longest time after a change of the route until no second has less than 80 % of the link any more, of 10 s that are
// looked at.
var stepsBack = Figure{"back_s", func(r *runs) float64 {
	w := r.alone()
	const look = 10 * time.Second
	worst := time.Duration(0)
	for _, at := range w.changes() {
		for t := look; t >= 0 && t > worst; t -= window {
			if at+t+time.Second <= w.length && w.use(at+t, at+t+time.Second) < full {
				worst = t + window
			}
		}
	}
	return worst.Seconds()
}}

// changes are the moments at which the forward link changes.
func (w *world) changes() []time.Duration {
	var all []time.Duration
	s := w.Forward.Schedule
	for base := time.Duration(0); len(s.Steps) > 0; base += s.Period {
		for _, step := range s.Steps {
			if base+step.At > 0 && base+step.At < w.length {
				all = append(all, base+step.At)
			}
		}
		if s.Period == 0 || base+s.Period >= w.length {
			break
		}
	}
	return all
}

// drift is by how much the queue of the last sixth of the run exceeds that of the first.
var drift = Figure{"q95_drift_ms", func(r *runs) float64 {
	w := r.alone()
	part := w.length / 6
	first, last := w.path.QueueBetween(startUp, part).P95, w.path.QueueBetween(w.length-part, w.length).P95
	return milliseconds(last - first)
}}

// median of what is not empty. Of an even number it is the mean of the two in the middle.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
