// SPDX-License-Identifier: Apache-2.0

package yield

import "time"

// Path is what a controller meets.
type Path struct {
	Controller  string
	Rate        float64 // bits a second
	RTT, Buffer time.Duration
	AQM         string
	Loss        float64
}

// Cell is what a controller makes of a path.
type Cell struct {
	Use    float64       // 0..1, of what the foreground leaves
	Ramp   time.Duration // what a start takes: as long as if nothing came first, and then all of it
	Return time.Duration // until it is back at 80 % after the foreground had all of the link
	Delay  time.Duration // that it adds to the foreground, p95
}

// Loads are the loads of the foreground that cells stand for.
var Loads = [...]float64{0, .1, .3, .5, .7, .9}

// Curve is what a controller makes of one path, by the load of the foreground.
type Curve [len(Loads)]Cell

// Table holds what was measured. The zero Table knows nothing, and answers with what a good controller does.
type Table struct{}

// Curve is what a controller makes of a path.
func (t *Table) Curve(p Path) (c Curve) {
	for i := range c {
		c[i] = Cell{Use: .95, Ramp: time.Second + 4*p.RTT, Return: 2 * time.Second, Delay: 5 * time.Millisecond}
	}
	return c
}

// At is what it does at a load, 0..1.
func (c *Curve) At(load float64) Cell {
	i := 0
	for i+2 < len(Loads) && Loads[i+1] <= load {
		i++
	}
	at := min(max((load-Loads[i])/(Loads[i+1]-Loads[i]), 0), 1)
	mix := func(a, b float64) float64 { return a + float64(at*(b-a)) }
	span := func(a, b time.Duration) time.Duration { return time.Duration(mix(float64(a), float64(b))) }
	a, b := c[i], c[i+1]
	return Cell{Use: mix(a.Use, b.Use), Ramp: span(a.Ramp, b.Ramp), Return: span(a.Return, b.Return), Delay: span(a.Delay, b.Delay)}
}
