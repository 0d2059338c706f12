// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

func (w *world) done(flows map[string]string) func() bool {
	return func() bool {
		for name, id := range flows {
			if !w.hosts[name].up || w.flow(name, id).State != api.StateDone {
				return false
			}
		}
		return true
	}
}

func (w *world) mustFinish(limit time.Duration, flows map[string]string) {
	w.t.Helper()
	if !w.run(limit, w.done(flows)) {
		for name, id := range flows {
			w.t.Errorf("%s: %+v", name, w.flow(name, id))
		}
		w.t.FailNow()
	}
}

func TestEveryEndpointFetchesAndTheLocationSharesWhatItHas(t *testing.T) {
	w := newWorld(t)
	flows := map[string]string{}
	for _, location := range []string{"berlin", "oslo"} {
		for i := range 3 {
			name := fmt.Sprintf("%s-%d", location, i)
			w.add(name, fleet.RoleAgent, location)
		}
	}
	m := w.publish("image", 40)
	for _, n := range w.names[1:] {
		flows[n] = w.get(n, "image")
	}
	w.mustFinish(5*time.Minute, flows)
	lan := int64(0)
	for n, id := range flows {
		f := w.flow(n, id)
		if f.Verified != m.Size() || f.From.Total() != m.Size() {
			t.Errorf("%s: verified %d, from %+v, want %d", n, f.Verified, f.From, m.Size())
		}
		lan += f.From.LAN
		if len(w.hosts[n].wrote) != 1 {
			t.Errorf("%s wrote %v", n, w.hosts[n].wrote)
		}
	}
	if lan < 2*m.Size() {
		t.Errorf("only %d of %d bytes came over the LAN", lan, 6*m.Size())
	}
}

func TestAKilledHostResumesWithWhatItHas(t *testing.T) {
	w := newWorld(t)
	h := w.add("a", fleet.RoleAgent, "berlin")
	m := w.publish("image", 60)
	id := w.get("a", "image")
	w.run(time.Minute, func() bool { return w.flow("a", id).Have > 20 })
	had, inFlight := len(h.chunks), 0
	for _, st := range h.core.sched.Flows(w.now) {
		inFlight = int(st.InFlight)
	}
	w.kill("a")
	w.run(10*time.Second, func() bool { return false })
	w.boot("a")
	if got := w.flow("a", id); got.Have != had || got.State != api.StateFetching {
		t.Fatalf("after the restart: %+v, want %d chunks", got, had)
	}
	w.mustFinish(time.Minute, map[string]string{"a": id})
	if again := h.received - int(m.Size()); again > inFlight {
		t.Errorf("%d bytes fetched again, %d were in flight", again, inFlight)
	}
}

func TestPeersServeWhileTheHubIsAway(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.add("b", fleet.RoleAgent, "berlin")
	w.publish("image", 10)
	w.mustFinish(time.Minute, map[string]string{"a": w.get("a", "image")})
	// b has heard of a, though it never asked for anything.
	w.run(30*time.Second, func() bool { return false })
	w.hubDown = true
	w.kill("hub")
	id := w.get("b", "image")
	w.mustFinish(time.Minute, map[string]string{"b": id})
	if f := w.flow("b", id); f.From.LAN != f.Size {
		t.Errorf("b got it from %+v", f.From)
	}
}

func TestAHostThatCameBackWithoutKnowingUsIsDialledAgain(t *testing.T) {
	w := newWorld(t)
	a, hub := w.add("a", fleet.RoleAgent, "berlin"), w.hosts["hub"]
	w.publish("image", 60)
	id := w.get("a", "image")
	w.run(time.Minute, func() bool { return w.flow("a", id).Have > 20 })
	w.vanish("hub")
	w.run(time.Minute, func() bool { return false })
	if w.flow("a", id).State != api.StateFetching || !a.links["hub"] {
		t.Fatalf("it did not stall: %+v", w.flow("a", id))
	}
	a.core.PeerSilent(hub.id.Peer, true)
	w.run(time.Minute, func() bool { return false }) // dialled in vain, and the conversation stays
	if peers, _ := a.core.Counts(); peers != 1 {
		t.Fatal("the conversation was given up though the path may only be cut")
	}
	w.boot("hub")
	w.mustFinish(redialMost*2, map[string]string{"a": id})
}

func TestASilentPathIsNotGivenUp(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 60)
	id := w.get("a", "image")
	w.run(time.Minute, func() bool { return w.flow("a", id).Have > 20 })
	hub := w.hosts["hub"]
	hub.up = false // nothing comes through
	a.core.PeerSilent(hub.id.Peer, true)
	w.run(time.Minute, func() bool { return false })
	hub.up = true
	a.core.PeerSilent(hub.id.Peer, false)
	w.mustFinish(2*time.Minute, map[string]string{"a": id})
	for _, p := range a.core.Peers(w.now) {
		if p.Peer == hub.id.Peer && !p.Connected {
			t.Errorf("%+v", p)
		}
	}
}

func TestNobodyKnowsTheName(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	id := w.get("a", "nothing")
	w.run(time.Minute, func() bool { return w.flow("a", id).Ended() })
	if f := w.flow("a", id); f.State != api.StateFailed || f.Reason != api.CodeNotFound {
		t.Errorf("%+v", f)
	}
}

func TestAFlowWaitsForTheHubAndGoesOnWhenItIsBack(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 4)
	w.hubDown = true
	id := w.get("a", "image")
	w.run(time.Hour, func() bool { return false })
	f := w.flow("a", id)
	if f.State != api.StateResolving || f.Reason != "hub-unreachable" {
		t.Fatalf("%+v", f)
	}
	why, ok := w.hosts["a"].core.Why(w.now, "image")
	if !ok || len(why.Reasons) == 0 || why.Reasons[0].Code != "hub-unreachable" {
		t.Fatalf("%+v", why)
	}
	w.hubDown = false
	w.mustFinish(time.Minute, map[string]string{"a": id})
}

func TestAHubThatRefusesIsNotCalledUnreachable(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 4)
	w.outcast = true
	id := w.get("a", "image")
	w.run(time.Minute, func() bool { return false })
	if f := w.flow("a", id); f.State != api.StateResolving || f.Reason != "hub-refuses" || f.Detail != "the certificate has expired" {
		t.Fatalf("%+v", f)
	}
	why, ok := w.hosts["a"].core.Why(w.now, "image")
	if last := len(why.Reasons) - 1; !ok || last < 0 || why.Reasons[last].Code != "hub-refuses" || why.Reasons[last].Hint == "" {
		t.Fatalf("%+v", why)
	}
	w.outcast = false // enrolled again
	w.mustFinish(time.Minute, map[string]string{"a": id})
}

func TestAPeerThatSendsWrongBytesIsLeft(t *testing.T) {
	w := newWorld(t)
	w.add("liar", fleet.RoleAgent, "berlin")
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 30)
	w.mustFinish(time.Minute, map[string]string{"liar": w.get("liar", "image")})
	w.bad["liar"] = true
	id := w.get("a", "image")
	w.mustFinish(5*time.Minute, map[string]string{"a": id})
	for i, data := range w.hosts["a"].chunks {
		if content.Sum(data) != i {
			t.Fatal("wrong bytes reached the disk")
		}
	}
	if f := w.flow("a", id); f.From.LAN != 0 || f.Wasted == 0 {
		t.Errorf("%+v", f)
	}
	for _, p := range w.hosts["a"].core.Peers(w.now) {
		if p.Peer == w.hosts["liar"].id.Peer && p.Reason == "" {
			t.Errorf("the liar is still welcome: %+v", p)
		}
	}
}

func TestAPeerThatBreaksTheProtocolIsLeft(t *testing.T) {
	w := newWorld(t)
	w.add("rude", fleet.RoleAgent, "berlin")
	w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 30)
	w.mustFinish(time.Minute, map[string]string{"rude": w.get("rude", "image")})
	rude, core := w.hosts["rude"].id.Peer, w.hosts["a"].core
	id := w.get("a", "image")
	for range maxOffences {
		w.run(time.Minute, func() bool { return w.hosts["a"].links["rude"] })
		core.Misbehaved(w.now, rude)
		w.hangup("a", "rude") // as the edge does
	}
	w.mustFinish(time.Minute, map[string]string{"a": id})
	banned := func() bool {
		for _, p := range core.Peers(w.now) {
			if p.Peer == rude {
				return strings.Contains(p.Reason, "for breaking the protocol")
			}
		}
		return false
	}
	if w.hosts["a"].links["rude"] || !banned() {
		t.Errorf("it is still welcome: %+v", core.Peers(w.now))
	}
	w.run(offenceBan+redialMost, func() bool { return !banned() })
	if banned() {
		t.Error("the ban does not end")
	}
}

func TestAFullDiskWaitsAndGoesOn(t *testing.T) {
	w := newWorld(t)
	h := w.add("a", fleet.RoleAgent, "berlin")
	m := w.publish("image", 30)
	id := w.get("a", "image")
	w.run(time.Minute, func() bool { return w.flow("a", id).Have > 5 })
	h.full = true
	w.run(time.Minute, func() bool { return false })
	if f := w.flow("a", id); f.State != api.StateFetching || f.Reason != "disk-full" {
		t.Fatalf("%+v", f)
	}
	h.full = false
	w.write(h)
	h.core.StoreReady(w.now)
	w.mustFinish(time.Minute, map[string]string{"a": id})
	if again := int64(h.received) - m.Size(); again > h.asked {
		t.Errorf("%d bytes fetched again, %d were in flight when the disk was full", again, h.asked)
	}
}

func TestPauseSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	h := w.add("a", fleet.RoleAgent, "berlin")
	w.publish("image", 30)
	id := w.get("a", "image")
	w.run(time.Minute, func() bool { return w.flow("a", id).Have > 5 })
	if err := h.core.Pause(w.now, id); err != nil {
		t.Fatal(err)
	}
	w.run(10*time.Second, func() bool { return false })
	had := len(h.chunks)
	w.kill("a")
	w.boot("a")
	w.run(time.Hour, func() bool { return false })
	if f := w.flow("a", id); f.State != api.StatePaused || len(h.chunks) != had {
		t.Fatalf("%+v, %d chunks instead of %d", f, len(h.chunks), had)
	}
	if err := h.core.Resume(w.now, id); err != nil {
		t.Fatal(err)
	}
	w.mustFinish(time.Minute, map[string]string{"a": id})
}

func TestADamagedChunkIsFetchedAgainBeforeTheExport(t *testing.T) {
	w := newWorld(t)
	h := w.add("a", fleet.RoleAgent, "berlin")
	m := w.publish("image", 5)
	w.mustFinish(time.Minute, map[string]string{"a": w.get("a", "image")})
	delete(h.chunks, m.Chunks[3].ID) // nobody has noticed yet
	w.mustFinish(10*time.Second, map[string]string{"a": w.get("a", "image")})
	if len(h.wrote) != 2 || len(h.chunks) != 5 {
		t.Errorf("wrote %v, holds %d chunks", h.wrote, len(h.chunks))
	}
}

func TestANameNeverGoesBack(t *testing.T) {
	w := newWorld(t)
	w.add("a", fleet.RoleAgent, "berlin")
	w.publishAt("image", 3, epoch)
	old := w.catalog["image"]
	fresh := w.publishAt("image", 3, epoch.Add(time.Hour))
	w.mustFinish(time.Minute, map[string]string{"a": w.get("a", "image")})
	w.catalog["image"] = old // the hub came back from an older copy
	w.boot("a")
	id := w.get("a", "image")
	w.mustFinish(time.Minute, map[string]string{"a": id})
	want, _ := fresh.ID()
	if f := w.flow("a", id); f.Content != want.String() {
		t.Errorf("the older version was taken: %+v", f)
	}
}

func TestContentsThatRepeatOneChunkFetchItOnce(t *testing.T) {
	w := newWorld(t)
	h := w.add("a", fleet.RoleAgent, "berlin")
	m := w.publish("zeroes", 1)
	for range 99 {
		m.Chunks = append(m.Chunks, m.Chunks[0])
	}
	m.Entries[0].Size *= 100
	signed, err := content.Sign(m, w.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.hosts["hub"].core.Published(w.now, signed.Encode()); err != nil {
		t.Fatal(err)
	}
	w.catalog["zeroes"] = signed.Encode()
	id := w.get("a", "zeroes")
	w.mustFinish(time.Minute, map[string]string{"a": id})
	if f := w.flow("a", id); f.Verified != m.Size() || h.received != int(m.Chunks[0].Size) {
		t.Errorf("%+v, received %d", f, h.received)
	}
}

func TestTheSameEventsGiveTheSameTrace(t *testing.T) {
	trace := func() string {
		w := newWorld(t)
		flows := map[string]string{}
		for i := range 4 {
			w.add(fmt.Sprintf("a%d", i), fleet.RoleAgent, "berlin")
		}
		w.publish("image", 30)
		for _, n := range w.names[1:] {
			flows[n] = w.get(n, "image")
		}
		w.mustFinish(time.Minute, flows)
		s := w.now.String()
		for _, n := range w.names {
			s += fmt.Sprintf("\n%s %+v", w.hosts[n].core, w.hosts[n].core.Flows(w.now))
		}
		return s
	}
	if a, b := trace(), trace(); a != b {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
}

// By how much this machine's clock is ahead of the hub's is what the hub's last answer says.
func TestTheHubsClockIsKnown(t *testing.T) {
	w := newWorld(t)
	a := w.add("a", fleet.RoleAgent, "berlin")
	for _, ahead := range []time.Duration{0, 31 * time.Hour, -31 * time.Hour} {
		a.core.Synced(w.now, fleet.SyncReply{Time: w.now.Add(-ahead)})
		if got := a.core.Hub(w.now).Ahead; got != ahead.Seconds() {
			t.Errorf("it is ahead by %v s, want %v", got, ahead)
		}
	}
}
