// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

// begin begins to fetch a content into the cache.
func (r *running) begin(ref string) (flow string) {
	r.t.Helper()
	var f api.Flow
	body, err := json.Marshal(api.Get{Ref: ref})
	must(r.t, err)
	r.call(http.MethodPost, "flows", string(body), &f)
	return f.ID
}

// ends waits for a flow to end well.
func (r *running) ends(flow string) {
	r.t.Helper()
	var f api.Flow
	eventually(r.t, "the end of the flow", func() bool {
		f = r.flow(flow)
		return f.Ended()
	})
	if f.State != api.StateDone {
		r.t.Fatalf("%+v", f)
	}
}

// agrees holds what the daemon says it holds against what is on its disk.
func (r *running) agrees() {
	r.t.Helper()
	r.ask(func(c *agent.Core, _ time.Time) {
		for _, v := range c.Contents() {
			_, chunks, _ := c.Find(v.ID.String())
			held := 0
			for _, x := range chunks {
				if r.store.Has(x.ID) {
					held++
				}
			}
			if held != v.Have {
				r.t.Errorf("%s: %d chunks are on disk, %d are said to be held", v.Name, held, v.Have)
			}
		}
	})
}

// Contents that do not fit side by side are fetched again and again, by one from the hub and by another from that one:
// what leaves the disk and what comes back do not get into each other's way, and the quota holds all the while.
func TestWhatLeavesAndWhatComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hub := w.start(w.host(fleet.RoleHub, "hub"))
	w.list(hub.node.Identity, hub.Addr())
	const size, quota = 4 << 20, 9 << 20
	for i := range 3 {
		hub.holds(w.publish(fmt.Sprint("c", i), size, w.secret))
	}
	limit := func(o *Options) { o.Limits.MaxSize.Bytes = quota }
	a, b := w.startWith(w.host(fleet.RoleAgent, "berlin"), limit), w.startWith(w.host(fleet.RoleAgent, "berlin"), limit)
	w.list(a.node.Identity, a.Addr())
	w.list(b.node.Identity, b.Addr())
	for i := range 9 {
		one, two := a.begin(fmt.Sprint("c", i%3)), b.begin(fmt.Sprint("c", (i+1)%3))
		a.ends(one)
		b.ends(two)
		for _, r := range []*running{a, b} {
			if s := r.store.Stats().Bytes; s > quota {
				t.Errorf("%d bytes on disk, the quota is %d", s, quota)
			}
		}
	}
	for _, r := range []*running{a, b} {
		eventually(t, "the end of the removals", func() bool {
			var c api.Cache
			r.call(http.MethodGet, "cache", "", &c)
			sum := int64(0)
			for _, x := range c.Items {
				sum += x.Bytes
			}
			return sum == c.Bytes && c.Bytes == r.store.Stats().Bytes
		})
		r.agrees()
	}
}

// Before it writes, the daemon looks at the volume itself.
func TestAWriteThatWouldGoBelowTheFloorIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.startWith(w.host(fleet.RoleAgent, "berlin"), func(o *Options) { o.Limits.MinFree = cache.Amount{Bytes: 1 << 20} })
	must(t, a.keepsFloor(1))
	free, total := a.volume()
	if free <= 0 || total < free {
		t.Fatalf("%d bytes of %d are free", free, total)
	}
	if err := a.keepsFloor(free); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("all that is free: %v", err)
	}
}
