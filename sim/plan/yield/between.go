// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"math"
	"time"
)

// node is a value that is measured, and how much it counts.
type node[N any] struct {
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

// mix is a weighted mean of cells. Of their use it is the mean of what a byte takes, which grows in straight lines with the round trip, and with the
// root of loss, where the window is what limits; use does not.
type mix struct {
	slow, ramp, comeback, kept, debt, delay float64 // kept: the time that a byte takes, too
}

// leastUse is the least that a cell says: nobody is slower than that, so that each byte takes a time.
const leastUse = .001

func (c Cell) slow() float64 { return 1 / max(c.Use, leastUse) }

func (m *mix) add(c Cell, weight float64) {
	m.slow += float64(c.slow() * weight)
	m.ramp += float64(float64(c.Ramp) * weight)
	m.comeback += float64(float64(c.Return) * weight)
	m.kept += weight / max(c.Kept, leastUse)
	m.debt += float64(float64(c.Debt) * weight)
	m.delay += float64(float64(c.Delay) * weight)
}

func (m *mix) cell() Cell {
	return Cell{Use: min(1/m.slow, 1), Ramp: time.Duration(m.ramp), Return: time.Duration(m.comeback), Kept: min(1/m.kept, 1), Debt: time.Duration(m.debt),
		Delay: time.Duration(m.delay)}
}

// change is what something that is not usual does to a cell: what was measured with it, and without.
type change struct{ with, without mix }

// add enters what the path v does in place of u, which counts so much. Between the loads at which both are measured it goes in straight lines.
func (x *change) add(t *Table, v, u Path, loads []float64, load, weight float64) {
	for _, l := range between(loads, load, linear) {
		share := float64(weight * l.weight)
		x.with.add(t.cells[Spot{v, l.value}], share)
		x.without.add(t.cells[Spot{u, l.value}], share)
	}
}

// harm is how much longer a byte takes with it, as a part of what it takes without; less than 0: it takes less.
func (x *change) harm() float64 { return x.with.slow/x.without.slow - 1 }

// apply changes a cell.
func (x *change) apply(c Cell, harm float64) Cell {
	c.Use = min(1/(c.slow()*(1+harm)), 1)
	c.Delay = max(c.Delay+time.Duration(x.with.delay-x.without.delay), 0)
	c.Kept = min(c.Kept*x.without.kept/x.with.kept, 1)
	c.Debt = max(c.Debt+time.Duration(x.with.debt-x.without.debt), 0)
	c.Ramp = max(c.Ramp+time.Duration(x.with.ramp-x.without.ramp), 0)
	return c
}

// slight is a harm that is not told from none.
const slight = .02

// beside is the harm that loss, so many times usualLoss, does beside a queue: what usualLoss does there, more or less as loss does more or less than
// usualLoss where the queue is the usual one, but no more than by the root of how much more loss it is.
func beside(there, loss, here *change, times float64) float64 {
	more := (max(loss.harm(), 0) + float64(slight*min(times, 1))) / (max(here.harm(), 0) + slight)
	most := 1.
	if there.harm() > 0 {
		most = max(math.Sqrt(times), 1)
	}
	return float64(there.harm() * min(more, most))
}
