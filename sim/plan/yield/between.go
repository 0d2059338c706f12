// SPDX-License-Identifier: Apache-2.0

package yield

import "time"

// node is a value that is measured, and how much it counts.
type node[N float64 | time.Duration] struct {
	value  N
	weight float64
}

// between finds the two measured values that one lies between, and how much each counts. Beyond the last the last counts alone.
func between[N float64 | time.Duration](axis []N, x N, place func(x, a, b float64) float64) [2]node[N] {
	i := 0
	for i+2 < len(axis) && axis[i+1] <= x {
		i++
	}
	at := place(float64(min(max(x, axis[i]), axis[i+1])), float64(axis[i]), float64(axis[i+1]))
	return [2]node[N]{{axis[i], 1 - at}, {axis[i+1], at}}
}

// linear is where x lies between a and b, 0..1.
func linear(x, a, b float64) float64 { return (x - a) / (b - a) }

// nearlyLog is about where the logarithm of x lies between those of a and b: ln y is near 2(y-1)/(y+1). It is the same on all machines, which a
// logarithm is not.
func nearlyLog(x, a, b float64) float64 {
	y, r := x/a, b/a
	return (y - 1) / (y + 1) * ((r + 1) / (r - 1))
}

// mix is a weighted mean of cells.
type mix struct {
	use, ramp, comeback, delay float64
}

func (m *mix) add(c Cell, weight float64) {
	m.use += float64(c.Use * weight)
	m.ramp += float64(float64(c.Ramp) * weight)
	m.comeback += float64(float64(c.Return) * weight)
	m.delay += float64(float64(c.Delay) * weight)
}

func (m *mix) cell() Cell {
	return Cell{Use: m.use, Ramp: time.Duration(m.ramp), Return: time.Duration(m.comeback), Delay: time.Duration(m.delay)}
}

// Use beyond these counts as these where odds are taken.
const (
	leastUse = .002
	mostUse  = .998
)

func odds(use float64) float64 {
	use = min(max(use, leastUse), mostUse)
	return use / (1 - use)
}

// factor is what something that is not usual does to a cell. It begins with odds of 1: nothing.
type factor struct {
	odds  float64
	delay float64
}

// add enters what the path v does in place of the usual one, which counts so much. Between the loads at which that is measured it goes in
// straight lines.
func (f *factor) add(t *Table, v, usual Path, load, weight float64) {
	if v == usual || weight == 0 {
		return
	}
	var at [len(coarse)]float64
	for i, k := range coarse {
		at[i] = loads[k]
	}
	for _, x := range between(at[:], load, linear) {
		a, b := t.cells[Spot{v, x.value}], t.cells[Spot{usual, x.value}]
		share := float64(weight * x.weight)
		f.odds += float64(share * (odds(a.Use)/odds(b.Use) - 1))
		f.delay += float64(share * float64(a.Delay-b.Delay))
	}
}

func (f *factor) apply(c Cell) Cell {
	o := float64(odds(c.Use) * f.odds)
	if f.odds != 1 {
		c.Use = o / (1 + o)
	}
	c.Delay = max(c.Delay+time.Duration(f.delay), 0)
	return c
}
