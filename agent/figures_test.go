// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/scheduler"
)

func TestFlowsAreChargedForWhatTheyWaitFor(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	x := newFigures()
	long := now.Add(-time.Hour)
	came := int64(0)
	waiting := func(created time.Time) []api.Flow {
		came++
		return []api.Flow{
			{ID: "f1", State: api.StateFetching, Reason: "no-holder", Rate: 8, Created: created}, // a rate that ebbs away
			{ID: "f2", State: api.StatePaused, Reason: "paused-by-user", Created: created},
			{ID: "f3", State: api.StateFetching, Reason: "no-peers", Received: came, Created: created}, // something comes
			{ID: "f4", State: api.StateFetching, Reason: "storing", Created: created},
			{ID: "f5", State: api.StateDone, Reason: "no-peers", Created: created},
			{ID: "f6", State: api.StateFailed, Reason: "integrity", Created: created}, // not a reason to wait
		}
	}
	check := func(why scheduler.Reason, want time.Duration) {
		t.Helper()
		if got := x.Stalled[why]; got != want {
			t.Errorf("%s: %s, want %s", why, got, want)
		}
	}
	x.lookedAt(now, waiting(long)) // nobody knows since when
	check(scheduler.NoHolder, 0)
	now = now.Add(4 * time.Second)
	x.lookedAt(now, waiting(long))
	check(scheduler.NoHolder, 4*time.Second)
	check(scheduler.PausedByUser, 4*time.Second)
	now = now.Add(10 * time.Second)
	x.lookedAt(now, waiting(now.Add(-time.Second))) // it has not been there for longer
	check(scheduler.NoHolder, 5*time.Second)
	now = now.Add(time.Hour) // the host slept
	x.lookedAt(now, waiting(long))
	check(scheduler.NoHolder, 5*time.Second+longestLook)
	check(scheduler.NoPeers, 0)
	check(scheduler.Storing, 0)
}

func TestAHistogramCountsByBound(t *testing.T) {
	h := newHistogram(1, 5)
	for _, v := range []float64{0, 1, 1.5, 5, 6} {
		h.observed(v)
	}
	if h.Counts[0] != 2 || h.Counts[1] != 2 || h.Count != 5 || h.Sum != 13.5 {
		t.Errorf("%+v", h)
	}
}

// A pause counts once, with the time that it was on its way; one that touches nothing here does not.
func TestAPauseIsTimed(t *testing.T) {
	o := newOperator(t)
	o.publish("image", 60)
	o.add("a", fleet.RoleAgent, "berlin")
	id := o.fetching("a")
	raws := o.order(desired.Command{Verb: desired.DoPause})
	o.run(300*time.Millisecond, func() bool { return false })
	core := o.hosts["a"].core
	core.Ordered(o.now, raws)
	core.Ordered(o.now, raws) // nothing new
	f := core.Figures()
	if f.Pauses.Count != 1 || f.Pauses.Sum < 0.25 || f.Pauses.Sum > 0.5 {
		t.Errorf("%+v", f.Pauses)
	}
	if !o.still("a", id) {
		t.Error("it goes on")
	}
	if got := core.Figures().Stalled[scheduler.PausedByPolicy]; got < 5*time.Second {
		t.Errorf("paused for %s, as counted", got)
	}
}
