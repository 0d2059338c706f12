// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
)

func TestStandingQueueIsOnTarget(t *testing.T) {
	const rate = 20e6
	inWorld(t, link.Config{Rate: rate, Delay: 25 * ms, BufferTime: 100 * ms}, link.Config{Rate: rate, Delay: 25 * ms, BufferTime: 100 * ms}, func(w *world) {
		f := pour(w.dialed, w.accepted)
		for i := 0; i < 20; i++ {
			b := f.bits(500 * ms)
			t.Logf("%5.1f s  %s  queue %v  %v", w.elapsed().Seconds(), share(b, rate), w.there.QueueDelay(), w.dialed.Stats())
			if i < 4 { w.dialed.mu.Lock(); t.Log(w.dialed.shim); w.dialed.mu.Unlock() }
		}
		before := f.received.Load()
		q := watch(w.there, 20*time.Second)
		got := float64(f.received.Load()-before) * 8 / 20
		t.Logf("goodput %s, queue p5 %v p50 %v p95 %v", share(got, rate), quantile(q, .05), quantile(q, .5), quantile(q, .95))
		t.Logf("%+v", w.dialed.Stats())
		f.end()
	})
}
