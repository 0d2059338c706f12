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
	loads  = [...]float64{0, .02, .05, .15, .4, .7, .9}
	coarse = [...]int{0, 3, 5} // of the loads, those at which what is not usual is measured

	buffers = [...]time.Duration{25 * time.Millisecond, usualBuffer, 400 * time.Millisecond}
	losses  = [...]float64{0, .001, .01, .03}
	queues  = [...]string{"", "codel", "fq-codel", "pie"}
)

const (
	usualBuffer  = 100 * time.Millisecond
	unusualRates = 3 // of the rates, those at which what is not usual is measured
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
		for _, rate := range rates[:unusualRates] {
			for _, rtt := range rtts {
				for _, p := range unusual(Path{Controller: name, Rate: rate, RTT: rtt, Buffer: usualBuffer}) {
					for _, i := range coarse {
						list = append(list, Spot{p, loads[i]})
					}
				}
			}
		}
	}
	return list
}

// unusual are the paths that differ from a usual one in one thing.
func unusual(p Path) []Path {
	var list []Path
	for _, b := range buffers {
		if q := p; b != usualBuffer {
			q.Buffer = b
			list = append(list, q)
		}
	}
	for _, name := range queues[1:] {
		q := p
		q.AQM = name
		list = append(list, q)
	}
	for _, loss := range losses[1:] {
		q := p
		q.Loss = loss
		list = append(list, q)
	}
	return list
}
