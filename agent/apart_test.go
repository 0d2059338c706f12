// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
)

// fetching is a location of three hosts that have some of a content, and wait for the rest because nobody else reaches them; says tells whom of
// the others a host takes to be apart.
func fetching(t *testing.T) (w *world, says func(name string) []string) {
	w = newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.add(name, fleet.RoleAgent, "berlin")
	}
	w.publish("image", 300)
	w.run(15*time.Second, func() bool { return false })
	flows := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		flows[name] = w.get(name, "image")
	}
	w.run(time.Minute, func() bool { return w.flow("a", flows["a"]).Have > 10 && w.flow("b", flows["b"]).Have > 10 })
	for name := range flows {
		w.divide("hub", name, true) // its data plane; it is still told and asked
	}
	return w, func(name string) (peers []string) {
		c := w.hosts[name].core
		if f, _ := c.Flow(w.now, flows[name]); f.State != api.StateFetching {
			t.Fatalf("%s does not fetch: %+v", name, f)
		}
		if d := c.Divided(w.now); d != nil {
			peers = d.Peers
		}
		why, _ := c.Why(w.now, flows[name])
		told := slices.IndexFunc(why.Reasons, func(r api.Reason) bool { return r.Code == "location-split" })
		if (told >= 0) != (peers != nil) || told >= 0 && (why.Reasons[told].Hint == "" || why.Reasons[told].Count != len(peers)) {
			t.Errorf("%s tells why by %+v, and of %v as apart", name, why.Reasons, peers)
		}
		return peers
	}
}

// after lets so much time pass.
func (w *world) passes(d time.Duration) { w.run(d, func() bool { return false }) }

// A host that is alone on its side of a divided LAN says so, and so do the others of it, until it is one again.
func TestADividedLocationSaysSo(t *testing.T) {
	w, says := fetching(t)
	peer := func(name string) string { return w.hosts[name].id.Peer }
	w.passes(time.Minute)
	for _, name := range []string{"a", "b", "c"} {
		if got := says(name); got != nil {
			t.Errorf("before the divide %s takes %v to be apart", name, got)
		}
	}
	w.divide("a", "c", true)
	w.divide("b", "c", true)
	w.passes(45 * time.Second) // an attempt in vain, and the next news of both sides
	ab := []string{peer("a"), peer("b")}
	slices.Sort(ab)
	for name, want := range map[string][]string{"a": {peer("c")}, "b": {peer("c")}, "c": ab} {
		if got := says(name); !slices.Equal(got, want) {
			t.Errorf("%s takes %v to be apart, want %v", name, got, want)
		}
	}
	if n := w.dir.Divided(w.now)["berlin"]; n != 3 {
		t.Errorf("the hub counts %d hosts that are apart, want 3", n)
	}
	w.divide("a", "c", false)
	w.divide("b", "c", false)
	w.passes(90 * time.Second) // the longest time between two attempts, and the next news
	for _, name := range []string{"a", "b", "c"} {
		if got := says(name); got != nil || w.dir.Divided(w.now)["berlin"] != 0 {
			t.Errorf("when it is one again %s takes %v to be apart, the hub counts %v", name, got, w.dir.Divided(w.now))
		}
	}
}

// Who dies is dead, however it dies: nobody says that the location is divided, at no time.
func TestADeadNeighbourDividesNothing(t *testing.T) {
	for how, end := range map[string]func(*world){"killed": func(w *world) { w.kill("c") }, "gone": func(w *world) {
		w.vanish("c")
		w.hosts["a"].core.PeerSilent(w.hosts["c"].id.Peer, true)
		w.hosts["b"].core.PeerSilent(w.hosts["c"].id.Peer, true)
	}, "started again and killed": func(w *world) {
		w.kill("c")
		w.passes(20 * time.Second)
		w.boot("c")
		w.passes(3 * time.Second)
		w.kill("c")
	}} {
		t.Run(how, func(t *testing.T) {
			w, says := fetching(t)
			end(w)
			for range 100 {
				w.passes(time.Second)
				if a, b := says("a"), says("b"); a != nil || b != nil || len(w.dir.Divided(w.now)) != 0 {
					t.Fatalf("a says that %v are apart, b %v, the hub %v", a, b, w.dir.Divided(w.now))
				}
			}
		})
	}
}

// A hub that does not know what is said of neighbours is not told it, and while the hub is away nobody knows who is there.
func TestOnlyAHubThatHearsBothKnows(t *testing.T) {
	w, says := fetching(t)
	w.divide("a", "c", true)
	w.divide("b", "c", true)
	w.passes(45 * time.Second)
	if says("a") == nil {
		t.Fatal("it does not say that it is divided")
	}
	w.hubDown = true
	w.passes(fleet.SilentAfter + 15*time.Second)
	if got := says("a"); got != nil {
		t.Errorf("while the hub is away it says that %v are apart", got)
	}
	w.hosts["a"].core.Misheard()
	if n := w.hosts["a"].core.news(w.now).Unanswered; n != nil {
		t.Errorf("a hub that may be an older one now is told %v", n)
	}
}
