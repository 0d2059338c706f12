// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/ebbproject/ebb/sim/plan/lane"
)

// How long a cell is measured. Its time is cut into blocks, and as long as they differ too much it is measured as long again. It ends when the mean of
// its use is as sure as that, or when it has had enough.
const (
	blocks   = 8
	surely   = .025             // standard error of the use, as a part of it
	first    = 40_000           // at first as long as the link takes for so many datagrams, but
	shortest = 30 * time.Second // and, where chance has a part in it, many round trips: a window grows for hundreds until something happens to it
	certain  = 40
	chancy   = 400
	most     = 500_000 // in the end no longer than the link takes for so many datagrams
	longest  = 2 * time.Hour
	bits     = 1500 * 8
)

// lasts is how long a spot is measured at first, after the start, and how much time that is given.
func (s Spot) lasts() (length, start time.Duration) {
	trips := time.Duration(chancy)
	if s.Load == 0 && s.Loss == 0 {
		trips = certain
	}
	return min(max(takes(first, s.Rate), shortest+trips*s.RTT), takes(most, s.Rate)), 15*time.Second + 60*s.RTT
}

// takes is how long a link of the rate, bits a second, takes for so many datagrams.
func takes(datagrams, rate float64) time.Duration {
	return time.Duration(datagrams * bits / rate * 1e9)
}

// Seed is the one that spot number i of the Grid is measured with.
func Seed(i int) uint64 { return uint64(i) + 1 }

// Measure plays a spot at the packet level. The error is ledbat.ErrUnknownController.
func Measure(s Spot, seed uint64) (Cell, error) {
	c, f := config(s.Path, seed), others(s, seed)
	l, err := lane.New(c, f, 0)
	if err != nil {
		return Cell{}, err
	}
	length, settled := s.lasts()
	l.Run(settled)
	start := float64(l.Ours())
	m := meter{lane: l, rate: s.Rate, at: settled, length: length / blocks}
	m.run()
	soon := m.at
	cell := Cell{Delay: l.Queue(.95)}
	for !m.sure() && settled+2*blocks*m.length <= min(takes(most, s.Rate), longest) {
		m.pair()
		m.run()
	}
	all := m.sum()
	cell.Use = min(max(all.ours/all.left, leastUse), 1)
	cell.Debt = time.Duration(all.debt / blocks * 1e9)
	if s.Load == 0 {
		cell.Ramp = max(settled-time.Duration(start/(cell.Use*s.Rate/8)*1e9), 0)
		if cell.Kept, err = kept(s.Path, seed); err != nil {
			return Cell{}, err
		}
		cell.Return, err = comeback(s.Path, seed)
		return cell, err
	}
	c.Controller = ""
	alone, err := lane.New(c, f, 0)
	if err != nil {
		return Cell{}, err
	}
	alone.Run(soon)
	cell.Delay = max(cell.Delay-alone.Queue(.95), 0)
	return cell, nil
}

// meter measures what is used of what is left, in blocks of the same length.
type meter struct {
	lane   *lane.Lane
	rate   float64 // of the link, bits a second
	at     time.Duration
	length time.Duration // of a block
	blocks []block
}

// block is what was measured in a time.
type block struct {
	ours, left float64 // bytes
	debt       float64 // of the foreground, seconds of the link, on average
}

// looks is how often in a block the foreground's debt is looked at.
const looks = 64

// run measures until all blocks are full.
func (m *meter) run() {
	for len(m.blocks) < blocks {
		ours, theirs, debt := m.lane.Ours(), m.lane.Others(), 0.0
		for range looks {
			m.at += m.length / looks
			m.lane.Run(m.at)
			debt += float64(m.lane.Debt()) * 8 / m.rate
		}
		seconds := (m.length / looks * looks).Seconds()
		m.blocks = append(m.blocks, block{ours: float64(m.lane.Ours() - ours), left: m.rate/8*seconds - float64(m.lane.Others()-theirs), debt: debt / looks})
	}
}

// pair makes one block of two, and so has room for as many as there were.
func (m *meter) pair() {
	for i := range blocks / 2 {
		a, b := m.blocks[2*i], m.blocks[2*i+1]
		m.blocks[i] = block{ours: a.ours + b.ours, left: a.left + b.left, debt: (a.debt + b.debt) / 2}
	}
	m.blocks, m.length = m.blocks[:blocks/2], 2*m.length
}

func (m *meter) sum() (all block) {
	for _, b := range m.blocks {
		all.ours, all.left, all.debt = all.ours+b.ours, all.left+b.left, all.debt+b.debt
	}
	return all
}

// sure says whether the blocks agree: by the standard error of a ratio of sums.
func (m *meter) sure() bool {
	all, off := m.sum(), 0.0
	for _, b := range m.blocks {
		d := b.ours - float64(all.ours/all.left*b.left)
		off += float64(d * d)
	}
	return blocks*off/(blocks-1) <= float64(surely*all.ours)*float64(surely*all.ours)
}

func config(p Path, seed uint64) lane.Config {
	return lane.Config{Down: p.Rate, Up: p.Rate, RTT: p.RTT, Buffer: p.Buffer, AQM: p.AQM, Loss: p.Loss, Controller: p.Controller, Seed: seed}
}

func others(s Spot, seed uint64) lane.Foreground {
	return lane.Steady(s.Rate, 1000*seed, s.Load, 2*longest)
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

// kept is the share of the link that a controller has while others ask for more than all of it. It knows the path from before.
func kept(p Path, seed uint64) (float64, error) {
	const (
		calm   = time.Minute
		queued = calm + 30*time.Second
	)
	f := others(Spot{Path: p}, seed)
	f.Load = func(at time.Duration) float64 {
		if at < calm {
			return .2
		}
		return 1.3
	}
	l, err := lane.New(config(p, seed), f, 0)
	if err != nil {
		return 0, err
	}
	l.Run(queued)
	before, length := l.Ours(), min(max(takes(first, p.Rate), time.Minute), 10*time.Minute)
	l.Run(queued + length)
	return max(float64(l.Ours()-before)*8/(p.Rate*length.Seconds()), leastUse), nil
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
		l, err := lane.New(config(s.Path, 1), lane.Steady(s.Rate, 1000, s.Load, length), 0)
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
