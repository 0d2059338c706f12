// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"math"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/carrier"
)

// held is a controller that takes note of what it may use.
type held struct {
	ledbat.Controller
	limit float64
}

func (h *held) Limit(_ time.Time, bytesPerSecond float64) { h.limit = bytesPerSecond }
func (h *held) Unlimited() float64                        { return h.Rate() }

// What goes to other locations knows its lease, and the operator's cap where that is less.
func TestControllersKnowTheLease(t *testing.T) {
	ebb, err := ledbat.New("ebb", ledbat.Default())
	if err != nil {
		t.Fatal(err)
	}
	h := &held{Controller: ebb}
	d := &Daemon{groups: carrier.NewGroups(func(int) ledbat.Controller { return h }), caps: newCaps(gentle.Rates{})}
	d.groups.Join("berlin")
	want := func(rate float64, why string) {
		t.Helper()
		if h.limit != rate {
			t.Errorf("%s: the controller was told %v, want %v", why, h.limit, rate)
		}
	}
	d.bound()
	want(math.Inf(1), "neither cap nor budget")
	d.caps.rates.Upload = 4e5
	d.bound()
	want(4e5, "a cap")

	now := time.Now()
	d.o.Budget = budget.Config{Up: 1e6}
	d.o.Node = &node.Node{Identity: fleet.Identity{Peer: "till-1"}}
	if err := d.lease(now); err != nil {
		t.Fatal(err)
	}
	d.bound()
	want(0, "before the first lease")
	for _, lease := range []float64{1e5, 3e5} {
		d.leased(now, budget.Use{Direction: transfer.Upwards, Rate: lease})
		want(lease, "a lease below the cap")
	}
	d.leased(now, budget.Use{Direction: transfer.Upwards, Rate: 9e5})
	want(4e5, "a lease above the cap")
	d.caps.rates.Upload = 0
	d.bound()
	want(9e5, "the cap is lifted")
}
