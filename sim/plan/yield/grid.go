// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// What is measured. The first of rates, round trips and loads are the least.
var (
	rates = [...]float64{1e6, 4e6, 16e6, 64e6}
	rtts  = [...]time.Duration{10 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, 110 * time.Millisecond, 160 * time.Millisecond,
		600 * time.Millisecond}
	loads  = [...]float64{0, .02, .05, .15, .4, .7, .9}
	coarse = []float64{0, .15, .4, .7, .9} // of the loads, those at which what is not usual is measured
	few    = []float64{0, .4, .7}          // and those at which two such things together are

	buffers = [...]time.Duration{25 * time.Millisecond, 50 * time.Millisecond, usualBuffer, 400 * time.Millisecond}
	losses  = [...]float64{0, .0003, usualLoss, .03}
	queues  = [...]string{"", "codel", "fq-codel", "pie"}
)

// finest is measured at more rates than the others.
const finest = "rfc6817"

var finer = [...]float64{2e6, 8e6} // the rates that are measured of it besides

const (
	usualBuffer  = 100 * time.Millisecond
	usualLoss    = .003 // if there is any: what loss does beside a queue that is not usual is measured with this
	unusualRates = 3    // of the rates, those at which what is not usual is measured
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
		list = append(list, spots(name, rates[:], rates[:unusualRates])...)
	}
	return append(list, spots(finest, finer[:], finer[:])...)
}

// spots are those of a controller at some rates, and at some of them what is not usual.
func spots(controller string, rates, some []float64) []Spot {
	var list []Spot
	usual := Path{Controller: controller, Buffer: usualBuffer}
	for _, rate := range rates {
		usual.Rate = rate
		for _, rtt := range rtts {
			usual.RTT = rtt
			for _, load := range loads {
				list = append(list, Spot{usual, load})
			}
		}
	}
	for _, rate := range some {
		for _, rtt := range rtts {
			list = append(list, unusual(Path{Controller: controller, Rate: rate, RTT: rtt, Buffer: usualBuffer})...)
		}
	}
	return list
}

// measured are the rates at which a controller is, and those of them at which what is not usual is.
func measured(controller string) (all, some []float64) {
	if controller != finest {
		return rates[:], rates[:unusualRates]
	}
	all = append(append(all, rates[:]...), finer[:]...)
	slices.Sort(all)
	return all, all[:slices.Index(all, rates[unusualRates-1])+1]
}

// unusual are the spots of paths that differ from a usual one in its queue, in loss, or in both.
func unusual(usual Path) []Spot {
	var list []Spot
	add := func(p Path, loads []float64) {
		for _, load := range loads {
			list = append(list, Spot{p, load})
		}
	}
	both := func(p Path) {
		add(p, coarse)
		p.Loss = usualLoss
		add(p, few)
	}
	for _, b := range buffers {
		if p := usual; b != usualBuffer {
			p.Buffer = b
			both(p)
		}
	}
	for _, name := range queues[1:] {
		p := usual
		p.AQM = name
		both(p)
	}
	for _, loss := range losses[1:] {
		p := usual
		p.Loss = loss
		add(p, coarse)
	}
	return list
}
