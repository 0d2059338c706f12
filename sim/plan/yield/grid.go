// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// What is measured. The first of rates, round trips and loads are the least.
var (
	rates  = [...]float64{1e6, 4e6, 16e6, 64e6}
	rtts   = [...]time.Duration{10 * time.Millisecond, 40 * time.Millisecond, 160 * time.Millisecond, 600 * time.Millisecond}
	loads  = [...]float64{0, .05, .15, .4, .7, .9}
	coarse = [...]int{0, 2, 4} // of the loads, those at which what is not usual is measured

	buffers = [...]time.Duration{25 * time.Millisecond, usualBuffer, 400 * time.Millisecond}
	losses  = [...]float64{0, .001, .01, .03}
	queues  = [...]string{"", "codel", "fq-codel", "pie"}
)

const (
	usualBuffer = 100 * time.Millisecond
	oneRate     = 2 // of the rates, that at which buffers and queue managers are measured
	lossRate    = 1 // and the first of the two at which loss is; the other is the next
)

// Path is what a controller meets.
type Path struct {
	Controller  string
	Rate        float64 // bits a second
	RTT, Buffer time.Duration
	AQM         string // "", codel, fq-codel or pie
	Loss        float64
}

// Spot is a path and a load at which something is measured.
type Spot struct {
	Path
	Load float64
}

// Grid are the spots of a table, in the order of its lines.
func Grid() []Spot {
	var list []Spot
	for _, name := range ledbat.Names() {
		usual := Path{Controller: name, Buffer: usualBuffer}
		for _, rate := range rates {
			usual.Rate = rate
			for _, rtt := range rtts {
				usual.RTT = rtt
				for _, load := range loads {
					list = append(list, Spot{usual, load})
				}
			}
		}
		for _, rtt := range rtts {
			p := usual
			p.RTT, p.Rate = rtt, rates[oneRate]
			for _, b := range buffers {
				if p.Buffer = b; b != usualBuffer {
					list = append(list, coarsely(p)...)
				}
			}
			p.Buffer = usualBuffer
			for _, q := range queues[1:] {
				p.AQM = q
				list = append(list, coarsely(p)...)
			}
			p.AQM = ""
			for _, rate := range rates[lossRate : lossRate+2] {
				p.Rate = rate
				for _, loss := range losses[1:] {
					p.Loss = loss
					list = append(list, coarsely(p)...)
				}
			}
		}
	}
	return list
}

func coarsely(p Path) []Spot {
	var list []Spot
	for _, i := range coarse {
		list = append(list, Spot{p, loads[i]})
	}
	return list
}
