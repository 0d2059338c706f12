// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/node"
)

// ride joins the bus that the hub tells of, or leaves it. It runs in the goroutine that asks the hub.
func (d *Daemon) ride(b *fleet.Bus) {
	if d.bus != nil && (b == nil || !d.bus.Follows(*b)) {
		d.bus.Close()
		d.bus = nil
	}
	if b == nil || d.bus != nil {
		return
	}
	var err error
	d.bus, err = bus.Join(bus.Options{Self: d.enrolled, Bus: *b, Log: d.o.Log,
		Heard: func(raw []byte) { d.Ordered([][]byte{raw}) },
		Up:    func() { d.do(func(c *agent.Core, now time.Time) { c.BusUp(now) }) }})
	if err != nil {
		d.o.Log.Warn("the bus cannot be used; orders come with the news from the hub", "err", err)
	}
}

// enrolled is the host as it is enrolled now.
func (d *Daemon) enrolled() *node.Node { return d.node.Load() }
