// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/transfer"
)

// leases is this host's part of its location's budget at work. Owned by loop.
type leases struct {
	share *budget.Share // nil: there is no budget
	up    float64       // bytes a second that this host may send of it
	down  float64       // bytes a second that this host may receive of it
}

// lease sets the budget up before anybody is met.
func (d *Daemon) lease(now time.Time) (err error) {
	if !d.o.Budget.Any() {
		return nil
	}
	if d.leases.share, err = budget.New(now, d.o.Node.Identity.Peer, d.o.Budget); err != nil {
		return err
	}
	if d.o.Budget.Up > 0 {
		d.caps.lease = &throttle{cap: gentle.NewCap(0), renewed: group.Beat}
	}
	if d.o.Budget.Down > 0 {
		d.caps.fromFar = gentle.NewShares(0)
	}
	return nil
}

// leasing lets something happen to the share, and does what follows. It runs in the goroutine that owns the core.
func (d *Daemon) leasing(now time.Time, what func(*budget.Share)) {
	s := d.leases.share
	if s == nil {
		return
	}
	what(s)
	for a, ok := s.Take(); ok; a, ok = s.Take() {
		switch a := a.(type) {
		case budget.Tell:
			d.toPeer(a.Peer, a.Message)
		case budget.Use:
			d.leased(now, a)
		}
	}
}

func (d *Daemon) leased(now time.Time, u budget.Use) {
	if u.Direction == transfer.Upwards {
		d.leases.up = u.Rate
		d.caps.lease.set(now, u.Rate)
		d.bound()
		return
	}
	d.leases.down = u.Rate
	d.receive()
}

// bound tells the controllers of what goes to other locations how much that may be at most, by the lease and by limits.upload: what they spend
// while others have the link is a share of it.
func (d *Daemon) bound() {
	most := math.Inf(1)
	if d.caps.lease != nil {
		most = d.leases.up
	}
	if cap := d.caps.rates.Upload; cap > 0 {
		most = min(most, cap)
	}
	d.groups.Limit(most)
}

// receive bounds what comes from other locations by the lease and by limits.download, whichever is less.
func (d *Daemon) receive() {
	rate := d.leases.down
	if cap := d.caps.rates.Download; cap > 0 {
		rate = min(rate, cap)
	}
	d.caps.fromFar.SetTotal(rate)
	d.tellShares(d.caps.fromFar)
}

// renew lets the share's time pass, if it is time.
func (d *Daemon) renew(now time.Time) {
	if s := d.leases.share; s == nil || now.Before(s.Deadline()) {
		return
	}
	d.leasing(now, func(s *budget.Share) {
		if d.caps.lease != nil {
			bytes, refused := d.caps.lease.passed()
			s.Used(now, transfer.Upwards, bytes)
			if refused {
				s.HeldBack(now, transfer.Upwards)
			}
		}
		s.Advance(now)
	})
}

// deadline is when loop is to look after core and share again; zero: never.
func (d *Daemon) deadline(core *agent.Core) time.Time {
	t := core.Deadline()
	if s := d.leases.share; s != nil && (t.IsZero() || s.Deadline().Before(t)) {
		t = s.Deadline()
	}
	return t
}

// partakes: a neighbour has said in its hello what it can.
func (d *Daemon) partakes(now time.Time, id fleet.Identity, capabilities []string) {
	if d.local(id) && slices.Contains(capabilities, transfer.CapabilityBudget) {
		d.leasing(now, func(s *budget.Share) { s.Joined(now, id.Peer) })
	}
}

// capabilities are what this host says in its hello that it can.
func (d *Daemon) capabilities() []string {
	can := []string{transfer.CapabilityLimit, transfer.CapabilityOnce, transfer.CapabilityReasons, transfer.CapabilityRelay}
	if d.o.Budget.Any() {
		can = append(can, transfer.CapabilityBudget)
		slices.Sort(can)
	}
	return can
}

// budgetParts is the budget as the local API tells it.
func (d *Daemon) budgetParts(now time.Time) (list []api.BudgetPart) {
	if d.leases.share == nil {
		return nil
	}
	for _, x := range d.leases.share.States(now) {
		list = append(list, api.BudgetPart{Direction: x.Direction.String(), Budget: x.Budget * 8, Lease: x.Rate * 8, Tight: x.Tight, State: x.Line})
	}
	return list
}

// shortOfBudget is why a flow is slow, if it is the location's budget.
func (d *Daemon) shortOfBudget(now time.Time) []api.Reason {
	for _, x := range d.budgetParts(now) {
		if x.Direction == transfer.Downwards.String() && x.Tight {
			return []api.Reason{{Code: "budget", Detail: fmt.Sprintf("this host may receive %s of the %s that the hosts of its location share",
				rate(x.Lease), rate(x.Budget)), Hint: "ebb status shows the lease"}}
		}
	}
	return nil
}

// rate writes bits a second to three figures or so.
func rate(bits float64) string {
	if bits < 1e6 {
		return fmt.Sprintf("%.0fkbit", bits/1e3)
	}
	return fmt.Sprintf("%.1fMbit", bits/1e6)
}
