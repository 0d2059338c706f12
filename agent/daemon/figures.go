// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"math"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
)

// Figures is what this host has counted and how it stands, for who draws it up over time.
type Figures struct {
	agent.Figures
	Location string
	Hub      api.HubStatus
	Apart    int            // hosts of the location that do not answer though the hub hears them
	Ledger   []ledger.Entry // of this life of the journal
	Flows    map[string]int // that are remembered, by what they are doing
	Rate     float64        // bits a second that come in
	Ways     []pulse.Way    // to other locations to which something was sent lately
	Harm     []api.HarmTo   // of all other locations
	Cache    int64          // bytes of chunks on disk
}

// Figures waits for the goroutine that owns the core; false: the daemon has been closed.
func (d *Daemon) Figures() (f Figures, ok bool) {
	f = Figures{Location: d.o.Node.Identity.Location, Flows: map[string]int{}, Cache: d.o.Store.Stats().Bytes}
	ok = d.ask(func(c *agent.Core, now time.Time) {
		d.movements(c)
		f.Figures, f.Hub = c.Figures(), c.Hub(now)
		if apart := c.Divided(now); apart != nil {
			f.Apart = len(apart.Peers)
		}
		f.Ledger, _ = c.Ledger()
		for _, x := range c.Flows(now) {
			f.Flows[agent.Doing(x)]++
			f.Rate += x.Rate
		}
		f.Ways = d.ways(now, math.MaxInt)
	})
	if found := d.trials.found.Load(); found != nil {
		f.Harm = *found
	}
	return f, ok
}
