// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// The bar: no allocation in the steady state, which is under 30 in a million events. Each Run allocates once a flow and a link for its samples:
// that counts, but does not grow with time.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, w := range map[string]*sim.World{
		"engine": ticking(10), "cubic": cubics(10), "rfc6817": bulks(4, "rfc6817"), "ledbatpp": bulks(4, "ledbatpp"),
	} {
		w.Run(60 * time.Second)
		var before, after runtime.MemStats
		from, _ := w.Events()
		runtime.ReadMemStats(&before)
		w.Run(120 * time.Second)
		runtime.ReadMemStats(&after)
		to, _ := w.Events()
		per := float64(after.Mallocs-before.Mallocs) / float64(to-from) * 1e6
		t.Logf("%s: %d allocations in %d events", name, after.Mallocs-before.Mallocs, to-from)
		if per > 30 {
			t.Errorf("%s: %.0f allocations in a million events", name, per)
		}
	}
}
