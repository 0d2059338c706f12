// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"slices"
	"time"
)

// Cell is what a controller makes of a path.
type Cell struct {
	Use    float64       // 0..1, of what the foreground leaves
	Ramp   time.Duration // what a start costs: as long as if nothing came first, and then all of it
	Return time.Duration // until it has 80 % again after the foreground had all of the link
	Kept   float64       // share of the link that it has while others ask for more than all of it, 0..1
	Debt   time.Duration // as long as the link would take for what the foreground has asked for and not got yet, on average
	Delay  time.Duration // that it adds to the foreground, p95
}

// Curve is what a controller makes of one path, by the load of the foreground.
type Curve [len(loads)]Cell

// Table holds what was measured. The zero Table knows nothing, and answers what a good controller does.
type Table struct {
	Prints []Print // one a controller
	cells  map[Spot]Cell
}

// Print is the fingerprint of a controller at the time when it was measured.
type Print struct {
	Controller, Hash string
}

// Add enters what was measured.
func (t *Table) Add(s Spot, c Cell) {
	if t.cells == nil {
		t.cells = make(map[Spot]Cell)
	}
	t.cells[s] = c
}

// Cell is what was measured at a spot of the Grid.
func (t *Table) Cell(s Spot) Cell { return t.cells[s] }

// Knows reports whether the table has been measured for a controller.
func (t *Table) Knows(controller string) bool {
	return slices.ContainsFunc(t.Prints, func(p Print) bool { return p.Controller == controller })
}

// Stale reports whether a controller does something else now than when the table was made.
func (t *Table) Stale(controller string) bool {
	hash, err := Fingerprint(controller)
	return err != nil || !slices.Contains(t.Prints, Print{controller, hash})
}

// Curve is what a controller makes of a path.
func (t *Table) Curve(p Path) (c Curve) {
	if !t.Knows(p.Controller) {
		for i := range c {
			c[i] = Cell{Use: .95, Ramp: time.Second + 4*p.RTT, Return: 2 * time.Second, Kept: .03, Delay: 5 * time.Millisecond}
		}
		return c
	}
	for i, load := range loads {
		c[i] = t.cell(p, load)
	}
	for i := range c {
		c[i].Ramp, c[i].Return, c[i].Kept = c[0].Ramp, c[0].Return, c[0].Kept // measured once
	}
	for i := range c[1:] {
		c[i+1].Debt = max(c[i+1].Debt, c[i].Debt) // but for chance the more, the more others ask for
	}
	return c
}

// cell is the usual path's, changed by what is not usual.
func (t *Table) cell(p Path, load float64) Cell {
	rtt := between(rtts[:], p.RTT, linear)
	rates, some := measured(p.Controller)
	usual := Path{Controller: p.Controller, Buffer: usualBuffer}
	var m mix
	for _, a := range between(rates, p.Rate, root) {
		for _, b := range rtt {
			u := usual
			u.Rate, u.RTT = a.value, b.value
			m.add(t.cells[Spot{u, load}], float64(a.weight*b.weight))
		}
	}
	var queue, loss, there, here change // usualLoss beside the queue, and beside the usual one
	lossy := func(p Path) Path { p.Loss = usualLoss; return p }
	for _, a := range between(some, p.Rate, root) {
		for _, b := range rtt {
			u := usual
			u.Rate, u.RTT = a.value, b.value
			weight := float64(a.weight * b.weight)
			for _, q := range queuesOf(u, p) {
				queue.add(t, q.value, u, coarse, load, float64(weight*q.weight))
				there.add(t, lossy(q.value), q.value, few, load, float64(weight*q.weight))
			}
			here.add(t, lossy(u), u, few, load, weight)
			for _, x := range between(losses[:], p.Loss, root) {
				v := u
				v.Loss = x.value
				loss.add(t, v, u, coarse, load, float64(weight*x.weight))
			}
		}
	}
	c := queue.apply(m.cell(), queue.harm())
	if p.Loss == 0 {
		return c
	}
	harm := loss.harm()
	if p.AQM != "" || p.Buffer != usualBuffer {
		harm = beside(&there, &loss, &here, p.Loss/usualLoss)
	}
	return loss.apply(c, harm)
}

// queuesOf are the paths, but for their queue like u, between which that of p lies.
func queuesOf(u, p Path) (list []node[Path]) {
	if p.AQM != "" { // which keeps the queue below the end of the buffer
		u.AQM = p.AQM
		return []node[Path]{{u, 1}}
	}
	for _, b := range between(buffers[:], p.Buffer, nearlyLog) {
		u.Buffer = b.value
		list = append(list, node[Path]{u, b.weight})
	}
	return list
}

// At is what it does at a load, 0..1.
func (c *Curve) At(load float64) Cell {
	var m mix
	for _, x := range between(loads[:], load, linear) {
		m.add(c[slices.Index(loads[:], x.value)], x.weight)
	}
	return m.cell()
}
