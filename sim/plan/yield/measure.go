// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/ebbproject/ebb/sim/plan/lane"
)

// How long a cell is measured: as long as the link takes for so many datagrams, within bounds. Where nothing is left to chance less is enough.
const (
	datagrams = 80_000
	most      = 600_000
	bits      = 1500 * 8
	shortest  = 60 * time.Second // and 500 round trips: a window grows for hundreds of them, until something happens to it
	certain   = 30 * time.Second // and 40 round trips
	longest   = 20 * time.Minute
)

// lasts is how long a spot is measured, and how much of that is the start.
func (s Spot) lasts() (length, start time.Duration) {
	length = time.Duration(datagrams * bits / s.Rate * 1e9)
	if s.Load == 0 && s.Loss == 0 {
		length = max(length/2, certain+40*s.RTT)
	} else {
		length = min(max(length, shortest+500*s.RTT), time.Duration(most*bits/s.Rate*1e9))
	}
	length = min(length, longest)
	return length, min(max(length/4, 8*time.Second+15*s.RTT), time.Minute+30*s.RTT).Truncate(time.Second)
}

// Seed is the one that spot number i of the Grid is measured with.
func Seed(i int) uint64 { return uint64(i) + 1 }

// Measure plays a spot at the packet level. The error is ledbat.ErrUnknownController.
func Measure(s Spot, seed uint64) (Cell, error) {
	length, settled := s.lasts()
	c := config(s.Path, seed)
	l, err := lane.New(c, others(s, seed, length), 0)
	if err != nil {
		return Cell{}, err
	}
	l.Run(settled)
	ours, theirs := l.Ours(), l.Others()
	l.Run(length)
	seconds := (length - settled).Seconds()
	left := s.Rate/8*seconds - float64(l.Others()-theirs)
	rate := float64(l.Ours()-ours) / seconds
	cell := Cell{Use: min(max(rate*seconds/left, leastUse), 1), Delay: l.Queue(.95)}
	if s.Load == 0 {
		cell.Ramp = max(settled-time.Duration(float64(ours)/max(rate, 1)*1e9), 0)
		cell.Return, err = comeback(s.Path, seed)
		return cell, err
	}
	c.Controller = ""
	alone, err := lane.New(c, others(s, seed, length), 0)
	if err != nil {
		return Cell{}, err
	}
	alone.Run(length)
	cell.Delay = max(cell.Delay-alone.Queue(.95), 0)
	return cell, nil
}

func config(p Path, seed uint64) lane.Config {
	return lane.Config{Down: p.Rate, Up: p.Rate, RTT: p.RTT, Buffer: p.Buffer, AQM: p.AQM, Loss: p.Loss, Controller: p.Controller, Seed: seed}
}

func others(s Spot, seed uint64, until time.Duration) lane.Foreground {
	return lane.Steady(s.Rate, 1000*seed, s.Load, until)
}

// comeback is how long a controller takes to have 80 % of its rate again after somebody has downloaded for ten seconds.
func comeback(p Path, seed uint64) (time.Duration, error) {
	const (
		alone = 15 * time.Second
		gone  = alone + 10*time.Second
		step  = 500 * time.Millisecond
		limit = 60 * time.Second
	)
	l, err := lane.New(config(p, seed), lane.Foreground{}, 0)
	if err != nil {
		return 0, err
	}
	l.Bulk(alone, gone)
	l.Run(alone / 2)
	before := l.Ours()
	l.Run(alone)
	enough := .8 * float64(l.Ours()-before) / (alone / 2).Seconds() * step.Seconds()
	l.Run(gone)
	for at := time.Duration(0); at < limit; at += step {
		before = l.Ours()
		l.Run(gone + at + step)
		if float64(l.Ours()-before) >= enough {
			return at, nil
		}
	}
	return limit, nil
}

// sampled is how many datagrams a link would take in each run of a fingerprint.
const sampled = 20_000

// Fingerprint is what a controller, and all that a measurement rests on, do in a few short runs, as a hash. The error is ledbat.ErrUnknownController.
func Fingerprint(controller string) (string, error) {
	h := fnv.New64a()
	usual := Path{Controller: controller, Rate: 4e6, RTT: 40 * time.Millisecond, Buffer: usualBuffer}
	lossy, managed := usual, usual
	lossy.Loss, lossy.RTT = .01, 160*time.Millisecond
	managed.AQM = "pie"
	fair, slow := usual, usual
	fair.AQM, slow.Rate = "fq-codel", rates[0]
	for _, s := range []Spot{{usual, .15}, {lossy, 0}, {managed, .4}, {fair, .7}, {slow, 0}} {
		length := time.Duration(sampled * bits / s.Rate * 1e9)
		l, err := lane.New(config(s.Path, 1), others(s, 1, length), 0)
		if err != nil {
			return "", err
		}
		for at := time.Second; at <= length; at += length / 15 {
			l.Run(at)
			fmt.Fprintln(h, l.Ours(), l.Others(), l.Queue(.5), l.Queue(.95))
		}
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}
