// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
)

func (w *world) stage(name, ref, window string, by time.Time) string {
	return w.hosts[name].core.Get(w.now, api.Get{Ref: ref, Stage: true, Window: window, By: by})
}

func (w *world) pass(d time.Duration) { w.run(d, func() bool { return false }) }

// What is staged comes in its window and at no other time, also after a kill; what another flow wants now comes now.
func TestStagedContentComesInItsWindow(t *testing.T) {
	w := newWorld(t) // it is midnight
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 40)
	id := w.stage("a", "image", "02:00-03:00", time.Time{})
	w.pass(time.Hour)
	f := w.flow("a", id)
	if f.Have != 0 || f.Reason != scheduler.OutsideWindow.String() || !f.Opens.Equal(epoch.Add(2*time.Hour)) {
		t.Errorf("before: %+v", f)
	}
	w.kill("a")
	w.boot("a")
	w.pass(50 * time.Minute)
	if f := w.flow("a", id); f.Have != 0 || f.Window != "02:00-03:00" {
		t.Errorf("after a kill: %+v", f)
	}
	w.mustFinish(15*time.Minute, map[string]string{"a": id})

	w.publish("other", 40)
	id = w.stage("a", "other", "02:00-03:00", time.Time{})
	w.pass(time.Hour)
	now := w.stay("a", "other")
	w.mustFinish(time.Minute, map[string]string{"a": now})
	if f := w.flow("a", id); f.State != api.StateDone {
		t.Errorf("%+v", f)
	}
}

// At the end of a window a flow stops in the middle, and goes on in the next.
func TestAWindowThatClosesInTheMiddle(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 2000)
	w.pass(time.Minute - 300*time.Millisecond)
	id := w.stage("a", "image", "00:00-00:01,00:10-00:12", time.Time{})
	w.pass(5 * time.Minute)
	f := w.flow("a", id)
	if f.Have == 0 || f.Have == f.Chunks || f.Reason != scheduler.OutsideWindow.String() {
		t.Errorf("%d of %d, %s", f.Have, f.Chunks, f.Reason)
	}
	w.mustFinish(10*time.Minute, map[string]string{"a": id})
}

// Whether a deadline can be kept is told, and the window is kept all the same.
func TestADeadlineAtRiskIsTold(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 40)
	id := w.stage("a", "image", "02:00-03:00", epoch.Add(time.Hour))
	w.pass(time.Minute)
	if f := w.flow("a", id); !strings.Contains(f.Risk, "does not open before 2030-01-01T01:00:00Z") {
		t.Errorf("%q", f.Risk)
	}
	why, _ := w.hosts["a"].core.Why(w.now, "image")
	if last := why.Reasons[len(why.Reasons)-1]; last.Code != api.CodeLate {
		t.Errorf("%+v", why.Reasons)
	}
	w.pass(time.Hour)
	if f := w.flow("a", id); f.Have != 0 || !strings.Contains(f.Risk, "was to be here by") {
		t.Errorf("%d chunks, %q", f.Have, f.Risk)
	}
	w.mustFinish(2*time.Hour, map[string]string{"a": id})

	c := w.hosts["a"].core
	w.publish("large", 2000)
	id = w.stage("a", "large", "", w.now.Add(time.Hour))
	w.run(time.Minute, func() bool { return w.flow("a", id).Have > 100 })
	if f := w.flow("a", id); f.Risk != "" {
		t.Errorf("in an hour there is time enough: %q", f.Risk)
	}
	c.flows[id].rate = 1000
	if f := w.flow("a", id); !strings.Contains(f.Risk, "Mbit/s the rest takes") {
		t.Errorf("at 1 kB/s: %q", f.Risk)
	}
}

// What was staged is not evicted before its time has come, unless it is cancelled.
func TestStagedContentStaysUntilItsTime(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	image := w.publish("image", 20)
	w.publish("other", 20)
	w.bounded("a", 100*image.Size(), cache.Limits{MaxSize: cache.Amount{Bytes: image.Size() * 3 / 2}})
	id := w.stage("a", "image", "", epoch.Add(time.Hour))
	w.mustFinish(time.Minute, map[string]string{"a": id})
	other := w.stay("a", "other")
	w.pass(10 * time.Minute)
	if f := w.flow("a", other); f.Reason != scheduler.CacheFull.String() || w.have("a", "image") != 20 {
		t.Errorf("%s, %d chunks staged", f.Reason, w.have("a", "image"))
	}
	w.pass(50 * time.Minute)
	w.mustFinish(time.Minute, map[string]string{"a": other})

	id = w.stage("a", "image", "", w.now.Add(time.Hour))
	w.mustFinish(time.Minute, map[string]string{"a": id})
	if err := w.hosts["a"].core.Cancel(w.now, id); err != nil {
		t.Fatal(err)
	}
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "other")})
}

// Somebody waits for what was asked for here, and for nothing else.
func TestWhatIsAwaited(t *testing.T) {
	for p, want := range map[*plan]bool{{}: true, {by: epoch}: true, {order: 7}: false, {repair: true}: false, {stage: true}: false} {
		if p.awaited() != want {
			t.Errorf("%+v is awaited: %v", *p, !want)
		}
	}
}
