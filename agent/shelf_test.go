// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

const mib = int64(1) << 20

// stay fetches a content into the cache only.
func (w *world) stay(name, ref string) string {
	return w.hosts[name].core.Get(w.now, api.Get{Ref: ref})
}

func (w *world) have(name, ref string) int {
	v, _, ok := w.hosts[name].core.Find(ref)
	if !ok {
		w.t.Fatalf("%s does not know %s", name, ref)
	}
	return v.Have
}

// A new content takes the place of the one that was not used for the longest time, and those who follow that one hear
// that it is gone.
func TestRoomIsMadeForANewContent(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.add("b", fleet.RoleAgent, "berlin")
	w.publish("first", 20)
	first := w.publish("second", 20)
	w.publish("third", 20)
	h := w.bounded("a", 100*first.Size(), cache.Limits{MaxSize: cache.Amount{Bytes: 2*first.Size() + mib/4}})
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "first")})
	w.run(10*time.Second, func() bool { return false }) // the clock counts
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "second")})
	w.run(10*time.Second, func() bool { return false })
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "first")}) // used again
	w.run(10*time.Second, func() bool { return false })
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "third")})
	if w.have("a", "first") != 20 || w.have("a", "second") > 5 || w.have("a", "third") != 20 {
		t.Errorf("held: %d of first, %d of second, %d of third", w.have("a", "first"), w.have("a", "second"), w.have("a", "third"))
	}
	if s := h.stored(); s > h.core.keeper.Quota() {
		t.Errorf("%d bytes stored, the quota is %d", s, h.core.keeper.Quota())
	}
	// What is gone is fetched again when somebody wants it.
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "second")})
}

// A content larger than the quota is refused at once; one that only has no room now waits, and says why.
func TestWhatCanNeverFitIsRefusedAndWhatCannotNowWaits(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	small, _ := w.publish("small", 20), w.publish("large", 60)
	w.publish("other", 20)
	h := w.bounded("a", 100*small.Size(), cache.Limits{MaxSize: cache.Amount{Bytes: small.Size() * 3 / 2}})
	large := w.stay("a", "large")
	w.run(5*time.Second, func() bool { return w.flow("a", large).Ended() })
	if f := w.flow("a", large); f.State != api.StateFailed || f.Reason != api.CodeNoSpace || !strings.Contains(f.Detail, "raise cache.max_size") {
		t.Errorf("%+v", f)
	}
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "small")})
	if err := h.core.Pin(w.now, "small", true); err != nil {
		t.Fatal(err)
	}
	other := w.stay("a", "other")
	w.run(30*time.Second, func() bool { return false })
	if f := w.flow("a", other); f.State != api.StateFetching || f.Reason != scheduler.CacheFull.String() {
		t.Errorf("%+v", f)
	}
	if s := h.stored(); s > h.core.keeper.Quota() {
		t.Errorf("%d bytes stored, the quota is %d", s, h.core.keeper.Quota())
	}
	// A pin survives a kill; without it there is room.
	w.kill("a")
	w.boot("a")
	w.run(10*time.Second, func() bool { return false })
	if w.have("a", "small") != 20 {
		t.Error("what was pinned is gone after a kill")
	}
	if err := h.core.Pin(w.now, "small", false); err != nil {
		t.Fatal(err)
	}
	w.mustFinish(time.Minute, map[string]string{"a": other})
}

// A quota smaller than what is on the disk at start takes away what is too much, and not what a flow needs.
func TestASmallerQuotaAtStart(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	one, _ := w.publish("one", 20), w.publish("two", 20)
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "one")})
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "two")})
	h := w.bounded("a", 100*one.Size(), cache.Limits{MaxSize: cache.Amount{Bytes: one.Size()}})
	w.run(5*time.Second, func() bool { return h.stored() <= one.Size() })
	if s := h.stored(); s > one.Size() || s < one.Size()-mib/4 {
		t.Errorf("%d bytes are left of a quota of %d", s, one.Size())
	}
}

// A disk that others fill during a transfer: what is not needed is given back within seconds, then the flow waits, and
// it goes on by itself when there is room again. Never do our own writes go below the floor.
func TestADiskThatFillsFromOutside(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("spare", 40)
	wanted := w.publish("wanted", 400)
	total := 4 * wanted.Size()
	floor := total / 10
	h := w.bounded("a", total, cache.Limits{MinFree: cache.Amount{Percent: 10}})
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "spare")})
	id := w.get("a", "wanted")
	if !w.run(time.Minute, func() bool { return w.flow("a", id).Have >= 100 }) {
		t.Fatal("it does not begin")
	}
	h.others = total - h.stored() - floor/2
	h.least = total
	if w.run(10*time.Second, func() bool { return h.stored() <= h.core.holdings[w.flowContent("a", id)].onDisk }) == false {
		t.Errorf("%d bytes of the spare content were not given back", h.stored()-h.core.holdings[w.flowContent("a", id)].onDisk)
	}
	w.run(10*time.Second, func() bool { return false })
	f := w.flow("a", id)
	if f.State != api.StateFetching || f.Reason != scheduler.DiskFull.String() || f.Have < 100 {
		t.Errorf("%+v", f)
	}
	if h.least < floor && h.least != total {
		t.Errorf("we wrote until %d bytes were free, the floor is %d", h.least, floor)
	}
	if w.have("a", "spare") != 0 {
		t.Errorf("%d chunks of the spare content are still here", w.have("a", "spare"))
	}
	h.others = 0
	w.mustFinish(2*time.Minute, map[string]string{"a": id})
}

func (w *world) flowContent(name, id string) content.ID {
	c, err := content.ParseID(w.flow(name, id).Content)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// A kill in the middle of an eviction: what was announced before is on the disk or known to be gone.
func TestAKillInTheMiddleOfAnEviction(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.add("b", fleet.RoleAgent, "berlin")
	one, _ := w.publish("one", 40), w.publish("two", 40)
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "one")})
	h := w.bounded("a", 100*one.Size(), cache.Limits{MaxSize: cache.Amount{Bytes: one.Size()}})
	two := w.stay("a", "two")
	if !w.run(time.Minute, func() bool { return w.have("a", "one") < 40 && len(h.chunks) >= 40 }) {
		t.Fatal("nothing is evicted")
	}
	for i, n := range sortedIDs(h.chunks) { // the removal came half way
		if i%2 == 0 && h.core.keeper.Leaving(n) {
			delete(h.chunks, n)
		}
	}
	w.kill("a")
	w.boot("a")
	for _, x := range h.core.sortedHoldings() {
		for i, c := range x.chunks {
			if x.have[i] != (h.chunks[c.ID] != nil) {
				t.Fatalf("chunk %d of %s is held: %t, on disk: %t", i, x.id.Short(), x.have[i], h.chunks[c.ID] != nil)
			}
		}
	}
	w.mustFinish(time.Minute, map[string]string{"a": two})
	w.mustFinish(time.Minute, map[string]string{"b": w.stay("b", "one")})
}

// Of a name, the old version goes first, and with its last chunk its manifest.
func TestTheOldVersionGoesFirst(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	old := w.publishAt("app", 20, epoch)
	data := w.publish("data", 20)
	h := w.bounded("a", 100*old.Size(), cache.Limits{MaxSize: cache.Amount{Bytes: old.Size() + data.Size() + mib/4}})
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "data")})
	w.run(10*time.Second, func() bool { return false })
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "app")})
	w.publishAt("app", 20, epoch.Add(time.Hour))
	w.mustFinish(time.Minute, map[string]string{"a": w.stay("a", "app")})
	w.run(5*time.Second, func() bool { return false })
	if w.have("a", "data") != 20 || w.have("a", "app") != 20 || len(h.core.holdings) != 2 {
		t.Errorf("%d of data, %d of app, %d contents", w.have("a", "data"), w.have("a", "app"), len(h.core.holdings))
	}
}

// A word about a range says of every chunk in it whether it is held.
func TestPeersHearWhatIsGoneBetweenWhatStays(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 10)
	id := w.stay("a", "image")
	if !w.run(time.Minute, func() bool { return w.flow("a", id).Content != "" && w.hosts["a"].links["hub"] }) {
		t.Fatal("it does not begin")
	}
	c := w.hosts["a"].core
	x := w.flowContent("a", id)
	b := fleet.Identity{Peer: strings.Repeat("b", 64), Location: "berlin"}
	c.PeerUp(w.now, b)
	say := func(first, count uint32, held ...transfer.Run) int {
		c.PeerHas(w.now, b.Peer, transfer.Have{Content: x, Total: 10, First: first, Count: count, Held: held})
		st, _ := c.sched.Flow(w.now, x)
		i := slices.IndexFunc(st.Sources, func(s scheduler.SourceStatus) bool { return string(s.Peer) == b.Peer })
		return st.Sources[i].Chunks
	}
	if n := say(0, 10, transfer.Run{First: 0, Count: 10}); n != 10 {
		t.Errorf("all: %d", n)
	}
	if n := say(2, 6, transfer.Run{First: 4, Count: 1}); n != 5 {
		t.Errorf("2 to 7 but 4 are gone: %d", n)
	}
	if n := say(2, 1); n != 5 {
		t.Errorf("again: %d", n)
	}
	if n := say(2, 2, transfer.Run{First: 2, Count: 2}); n != 7 {
		t.Errorf("two are back: %d", n)
	}
}
