// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/http"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/agent/policy"
)

// apply lets settings hold that a policy has changed. Caps hold at once. A budget takes another daemon: the neighbours must hear of it in
// the hello. It runs in the goroutine that owns the core.
func (d *Daemon) apply(now time.Time, s policy.Settings) {
	before := d.caps.rates
	d.caps.rates = s.Rates
	d.caps.far.limit(now, s.Rates.Upload)
	d.caps.near.limit(now, s.Rates.LAN)
	d.bound()
	switch {
	case before.Download == s.Rates.Download:
	case d.leases.share != nil && d.o.Budget.Down > 0:
		d.receive()
	default:
		d.caps.fromFar = d.limited(now, d.caps.fromFar, s.Rates.Download, false)
	}
	if before.LAN != s.Rates.LAN {
		d.caps.fromNear = d.limited(now, d.caps.fromNear, s.Rates.LAN, true)
	}
	d.floor.Store(d.core.Floor())
	if s.Budget != d.o.Budget && d.o.Anew != nil {
		d.o.Anew()
	}
}

// limited is the shares of what those of one side send, after the cap has become another one: they are told, as far as they are there.
func (d *Daemon) limited(now time.Time, s *gentle.Shares, rate float64, near bool) *gentle.Shares {
	if rate > 0 && s != nil {
		s.SetTotal(rate)
		d.tellShares(s)
		return s
	}
	if rate > 0 {
		s = gentle.NewShares(rate)
	} else {
		s = nil
	}
	for name, p := range d.peers {
		switch {
		case d.local(p.id) != near:
		case s == nil:
			d.toPeer(name, limit{0})
		default:
			s.Asked(now, name)
		}
	}
	if s != nil {
		d.tellShares(s)
	}
	return s
}

func (d *Daemon) getPolicy(w http.ResponseWriter, _ *http.Request) {
	var list []api.Setting
	if d.with(w, func(c *agent.Core, now time.Time) { list = c.Policy(now) }) {
		Answer(w, http.StatusOK, map[string]any{"settings": list})
	}
}
