// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/fleet"
)

// holders counts the hosts that hold a content whole.
func (w *world) holders(ref string) (n int) {
	for _, name := range w.names[1:] {
		if v, _, ok := w.hosts[name].core.Find(ref); ok && v.Complete {
			n++
		}
	}
	return n
}

// Five hosts hold what nobody uses any more. All let it go at the same age, but for as many as the location is to keep.
func TestTheLocationKeepsItsLastCopies(t *testing.T) {
	for _, replicas := range []int{1, 2} {
		w := newWorld(t)
		image := w.publish("image", 10)
		for i := range 5 {
			name := fmt.Sprint("host", i)
			w.add(name, fleet.RoleAgent, "berlin")
			w.bounded(name, 100*image.Size(), cache.Limits{MaxAge: time.Hour, Replicas: replicas})
			w.mustFinish(time.Minute, map[string]string{name: w.stay(name, "image")})
		}
		w.pass(50 * time.Minute)
		if n := w.holders("image"); n != 5 {
			t.Fatalf("%d hold it before its age", n)
		}
		w.pass(30 * time.Minute)
		if n := w.holders("image"); n != replicas {
			t.Errorf("%d hold it, %d are to", n, replicas)
		}
	}
}

// While nobody tells who else holds it, everybody takes its own copy for the last one. A hub that does not answer the news is not asked that.
func TestWithoutTheHubNothingIsTakenForASpareCopy(t *testing.T) {
	w := newWorld(t)
	image := w.publish("image", 10)
	for _, name := range []string{"a", "b"} {
		w.add(name, fleet.RoleAgent, "berlin")
		w.bounded(name, 100*image.Size(), cache.Limits{MaxAge: time.Hour})
		w.mustFinish(time.Minute, map[string]string{name: w.stay(name, "image")})
	}
	w.pass(10 * time.Minute)
	w.hubDown = true
	w.pass(syncEvery * 6 / 5)
	asked := w.asks
	w.pass(2 * time.Hour)
	if n := w.holders("image"); n != 2 {
		t.Errorf("%d of 2 hold it", n)
	}
	if w.asks != asked || asked == 0 {
		t.Errorf("it was asked %d times, %d of them while it was away", w.asks, w.asks-asked)
	}
}

// A location that is to keep two copies makes the second itself, on one host; and a third when one of the two is lost.
func TestLostCopiesAreMadeGood(t *testing.T) {
	w := newWorld(t)
	image := w.publish("image", 10)
	for i := range 4 {
		name := fmt.Sprint("host", i)
		w.add(name, fleet.RoleAgent, "berlin")
		w.bounded(name, 100*image.Size(), cache.Limits{MinFree: cache.Amount{Percent: 1}, Replicas: 2})
	}
	w.mustFinish(time.Minute, map[string]string{"host0": w.stay("host0", "image")})
	if !w.run(10*time.Minute, func() bool { return w.holders("image") == 2 }) {
		t.Fatalf("%d hold it", w.holders("image"))
	}
	w.pass(10 * time.Minute)
	if n := w.holders("image"); n != 2 {
		t.Fatalf("%d hold it, 2 are to", n)
	}
	w.kill("host0")
	if !w.run(20*time.Minute, func() bool { return w.holders("image") == 3 }) { // the dead one's is counted here
		t.Errorf("%d hold it", w.holders("image"))
	}
}

// A further copy takes no room from anything.
func TestARepairDisplacesNothing(t *testing.T) {
	w := newWorld(t)
	image := w.publish("image", 10)
	w.publish("other", 10)
	w.add("a", fleet.RoleAgent, "berlin")
	w.add("b", fleet.RoleAgent, "berlin")
	w.bounded("a", 100*image.Size(), cache.Limits{Replicas: 2, MaxAge: 24 * time.Hour})
	w.bounded("b", 100*image.Size(), cache.Limits{Replicas: 2, MaxSize: cache.Amount{Bytes: image.Size() * 3 / 2}})
	w.mustFinish(time.Minute, map[string]string{"b": w.stay("b", "other")})
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "image")})
	w.pass(10 * time.Minute)
	if w.have("b", "other") != 10 {
		t.Errorf("%d chunks of what b fetched are left", w.have("b", "other"))
	}
	flows := w.hosts["b"].core.Flows(w.now)
	if n := len(flows); n != 2 || flows[1].State != api.StateCancelled || flows[1].Reason != api.CodeNoSpace {
		t.Errorf("%d flows: %+v", n, flows)
	}
}
