// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"math"
	"time"
)

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

// root is where the root of x lies between those of a and b: what a window is divided by when datagrams are lost.
func root(x, a, b float64) float64 {
	return (math.Sqrt(x) - math.Sqrt(a)) / (math.Sqrt(b) - math.Sqrt(a))
}

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

// change is what something that is not usual does to a cell: what was measured with it, and without.
type change struct{ with, without mix }

// add enters what the path v does in place of the usual one, which counts so much. Between the loads at which that is measured it goes in
// straight lines.
func (x *change) add(t *Table, v, usual Path, load, weight float64) {
	var at [len(coarse)]float64
	for i, k := range coarse {
		at[i] = loads[k]
	}
	for _, l := range between(at[:], load, linear) {
		share := float64(weight * l.weight)
		x.with.add(t.cells[Spot{v, l.value}], share)
		x.without.add(t.cells[Spot{usual, l.value}], share)
	}
}

// apply changes a cell in the same way: what keeps a controller from using some of what it would use keeps it from the same share of what it does use
// here, and what lets it use more gives it the same share of what it does not.
func (x *change) apply(c Cell) Cell {
	switch with, without := x.with.use, x.without.use; {
	case with < without:
		c.Use *= with / without
	case with > without:
		c.Use = 1 - float64((1-c.Use)*((1-with)/(1-without)))
	}
	c.Delay = max(c.Delay+time.Duration(x.with.delay-x.without.delay), 0)
	return c
}
