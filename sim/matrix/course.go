// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"time"

	"github.com/ebbproject/ebb/sim"
)

// A Course is how one world went: a value every sim.SampleEvery.
type Course struct {
	World   string    // "beside", "solo" or "alone"
	Ours    []float64 // goodput, Mbit/s, each over the last 100 ms
	Others  []float64
	Queue   []float64 // ms
	Windows []float64 // ours, kilobytes of 1000
	Top     float64   // rate of the link, Mbit/s
}

// courses are those of the worlds that were run.
func (r *runs) courses() []Course {
	var all []Course
	for _, w := range []struct {
		name string
		*world
	}{{"beside", r.b}, {"solo", r.c}, {"alone", r.a}} {
		if w.world != nil {
			all = append(all, w.course(w.name))
		}
	}
	return all
}

func (w *world) course(name string) Course {
	top := w.Forward.Rate
	if w.Weather.High > 0 {
		top = w.Weather.High
	}
	c := Course{World: name, Queue: w.path.Queues(), Top: top / 1e6}
	for _, f := range w.ours {
		c.Ours, c.Windows = plus(c.Ours, f.Rates()), plus(c.Windows, f.Windows())
	}
	for _, f := range w.others {
		c.Others = plus(c.Others, f.Rates())
	}
	return c
}

func plus(a, b []float64) []float64 {
	if a == nil {
		return b
	}
	for i := range a {
		a[i] += b[i]
	}
	return a
}

// Plot draws a course as text: o is ours, x the others'.
func (c Course) Plot() string {
	var rates []sim.Series
	if c.Others != nil {
		rates = append(rates, sim.Series{Mark: 'x', Values: c.Others})
	}
	if c.Ours != nil {
		rates = append(rates, sim.Series{Mark: 'o', Values: c.Ours})
	}
	out := sim.Plot("goodput, Mbit/s: o ours, x others", c.Top*1.1, rates...)
	out += sim.Plot("queue, ms", round(1.1*highest(c.Queue)), sim.Series{Mark: '*', Values: c.Queue})
	if c.Windows != nil {
		out += sim.Plot("our window, kB", round(1.1*highest(c.Windows)), sim.Series{Mark: 'o', Values: c.Windows})
	}
	return out
}

// highest value of a column of a plot, and not of a moment.
func highest(v []float64) float64 {
	const column = 100
	most := 0.0
	for i := 0; i+column <= len(v); i += column {
		sum := 0.0
		for _, x := range v[i : i+column] {
			sum += x / column
		}
		most = max(most, sum)
	}
	return most
}

// round gives the top of a plot: 8, 16, 40, 80, 160 and so on, so that its rows have round labels.
func round(v float64) float64 {
	for top := 0.8; ; top *= 10 {
		for _, by := range []float64{1, 2, 5} {
			if v <= top*by {
				return top * by
			}
		}
	}
}

// Length is how long it lasted.
func (c Course) Length() time.Duration { return time.Duration(len(c.Queue)) * sim.SampleEvery }
