// SPDX-License-Identifier: Apache-2.0

package board

import (
	"math"
	"time"
)

const (
	// Step is the grain of a trace, and steps how many it has.
	Step  = 2 * time.Second
	steps = 300
	// rateOver is how many settled steps a rate of now is the mean of.
	rateOver = 3
)

// trace is a ring of steps. The step of a time is its number since 1970, and lies at that number modulo steps.
type trace struct {
	last  int64 // number of the newest step
	lan   [steps]float32
	wan   [steps]float32 // bytes that came from beyond the location
	queue [steps]float32 // milliseconds; negative: nobody sent
}

func stepOf(t time.Time) int64 { return t.UnixNano() / int64(Step) }

// reach makes the ring end at a step.
func (x *trace) reach(to int64) {
	if to <= x.last {
		return
	}
	for i := max(x.last+1, to-steps+1); i <= to; i++ {
		x.lan[i%steps], x.wan[i%steps], x.queue[i%steps] = 0, 0, -1
	}
	x.last = to
}

// moved spreads bytes evenly over the time in which they came.
func (x *trace) moved(from, to time.Time, lan, wan int64) {
	last := stepOf(to)
	first := max(min(stepOf(from), last), last-steps+1)
	x.reach(last)
	span := to.Sub(from)
	for i := first; i <= last; i++ {
		share := 1 / float64(last-first+1)
		if span > 0 && stepOf(from) == first {
			begin, end := time.Unix(0, i*int64(Step)), time.Unix(0, (i+1)*int64(Step))
			if begin.Before(from) {
				begin = from
			}
			if end.After(to) {
				end = to
			}
			share = float64(end.Sub(begin)) / float64(span)
		}
		x.lan[i%steps] += float32(float64(lan) * share)
		x.wan[i%steps] += float32(float64(wan) * share)
	}
}

// stood notes the queue that stood on the way here.
func (x *trace) stood(from, to time.Time, queue float64) {
	last := stepOf(to)
	x.reach(last)
	for i := max(min(stepOf(from)+1, last), last-steps+1); i <= last; i++ {
		x.queue[i%steps] = max(x.queue[i%steps], float32(queue))
	}
}

// rates is what comes in now, in bits a second, and the queue in milliseconds; negative: nobody sends.
func (x *trace) rates(settled int64) (lan, wan, queue float64) {
	queue = -1
	if x == nil {
		return
	}
	for i := settled - rateOver + 1; i <= settled; i++ {
		if i > x.last || i <= x.last-steps {
			continue
		}
		lan += float64(x.lan[i%steps])
		wan += float64(x.wan[i%steps])
		queue = max(queue, float64(x.queue[i%steps]))
	}
	per := 8 / (rateOver * Step.Seconds())
	return math.Round(lan * per), math.Round(wan * per), queue
}

// History is a trace as a chart wants it: columns of equal length, oldest first.
type History struct {
	Step  float64    `json:"step_seconds"`
	Times []int64    `json:"times"`               // seconds since 1970, of the begin of each step
	LAN   []float64  `json:"lan_bits_per_second"` // that came from hosts of the location
	WAN   []float64  `json:"wan_bits_per_second"` // from beyond it
	Queue []*float64 `json:"queue_delay_ms"`      // on the way into it; null: nobody sent
}

// history is what has settled.
func (x *trace) history(settled int64) History {
	h := History{Step: Step.Seconds(), Times: []int64{}, LAN: []float64{}, WAN: []float64{}, Queue: []*float64{}}
	for i := settled - steps + rateOver + 4; i <= settled; i++ {
		var lan, wan float64
		var queue *float64
		if x != nil && i <= x.last && i > x.last-steps {
			lan, wan = bits(x.lan[i%steps]), bits(x.wan[i%steps])
			if q := float64(x.queue[i%steps]); q >= 0 {
				q = math.Round(q*100) / 100
				queue = &q
			}
		}
		h.Times = append(h.Times, i*int64(Step/time.Second))
		h.LAN, h.WAN, h.Queue = append(h.LAN, lan), append(h.WAN, wan), append(h.Queue, queue)
	}
	return h
}

func bits(bytes float32) float64 { return math.Round(float64(bytes) * 8 / Step.Seconds()) }
