// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"

	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler/lease"
	"github.com/ebbproject/ebb/transfer"
)

// When a host must not serve any more, what waits at the desk is refused at once, with the reason; manifests are told all the same; and
// nothing of it is left in the books.
func TestWhatWaitsIsRefusedWhenTheDoorCloses(t *testing.T) {
	w := newWorld(t)
	m := w.publish("image", 3)
	w.add("a", "agent", "berlin")
	hub, a := w.hosts["hub"].core, w.hosts["a"]
	hub.cfg.Gentle = gentle.DefaultPolicy()
	hub.door = gentle.NewDoor(hub.cfg.Gentle)
	hub.PeerUp(w.now, a.id)
	for i, c := range m.Chunks {
		hub.Requested(w.now, Serve{Peer: a.id.Peer, Request: uint32(i + 1), Kind: transfer.KindChunk, ID: c.ID, Size: c.Size}, 100)
	}
	sample := gentle.Blind()
	sample.Link = gentle.Metered
	hub.Sensed(w.now, sample)
	manifest := sortedIDs(hub.holdings)[0]
	hub.Requested(w.now, Serve{Peer: a.id.Peer, Request: 9, Kind: transfer.KindManifest, ID: manifest, Size: 1 << 20}, 100)
	hub.Requested(w.now, Serve{Peer: a.id.Peer, Request: 10, Kind: transfer.KindChunk, ID: m.Chunks[0].ID, Size: m.Chunks[0].Size}, 100)
	refused, served := map[uint32]transfer.Reason{}, []uint32{}
	for x, ok := hub.Take(w.now); ok; x, ok = hub.Take(w.now) {
		switch x := x.(type) {
		case Decline:
			refused[x.Request] = x.Reason
		case Serve:
			served = append(served, x.Request)
		}
	}
	if len(refused) != 4 || refused[1] != transfer.ReasonMetered || refused[10] != transfer.ReasonMetered {
		t.Errorf("refused: %v", refused)
	}
	if len(served) != 1 || served[0] != 9 {
		t.Errorf("served: %v", served)
	}
	if v := hub.Serving(w.now); v.OK || v.Reason != "metered" || v.Sensors.CPU != nil || v.Sensors.Link != "metered" {
		t.Errorf("%+v", v)
	}
	if len(hub.busy) != 1 { // of the manifest
		t.Errorf("%d requests are still said to be busy", len(hub.busy))
	}
}

// What a host is decides how much it fetches for its location: nothing while it serves nobody. The owner knows better.
func TestWeightFollowsWhatTheHostIs(t *testing.T) {
	owner := lease.Server
	sample := func(l gentle.Link, p gentle.Power, cpu float64) gentle.Sample {
		return gentle.Sample{CPU: cpu, Queue: gentle.Unknown, Link: l, Power: p}
	}
	generous := gentle.DefaultPolicy()
	generous.NotOnBattery = false
	for _, x := range []struct {
		what   string
		policy gentle.Policy
		owner  *int
		sample gentle.Sample
		place  fleet.Link
		want   int
	}{
		{"wired", gentle.DefaultPolicy(), nil, sample(gentle.Wired, gentle.Mains, 0), "", lease.Wired},
		{"no sensors", gentle.DefaultPolicy(), nil, gentle.Blind(), "", lease.Wired},
		{"Wi-Fi", gentle.DefaultPolicy(), nil, sample(gentle.WiFi, gentle.Mains, 0), "", lease.WiFi},
		{"on battery, serving nobody", gentle.DefaultPolicy(), nil, sample(gentle.Wired, gentle.Battery, 0), "", lease.Never},
		{"on battery, serving", generous, nil, sample(gentle.Wired, gentle.Battery, 0), "", lease.Laptop},
		{"metered", gentle.DefaultPolicy(), nil, sample(gentle.Metered, gentle.Mains, 0), "", lease.Never},
		{"a server, as its owner says", gentle.DefaultPolicy(), &owner, sample(gentle.WiFi, gentle.Mains, 0), "", lease.Server},
		{"Wi-Fi, as the topology says", gentle.DefaultPolicy(), nil, gentle.Blind(), fleet.WiFi, lease.WiFi},
		{"wired, as the sensors say", gentle.DefaultPolicy(), nil, sample(gentle.Wired, gentle.Mains, 0), fleet.WiFi, lease.Wired},
		{"metered, as the topology says", gentle.DefaultPolicy(), nil, sample(gentle.Wired, gentle.Mains, 0), fleet.Metered, lease.Never},
	} {
		w := newWorld(t)
		w.publish("image", 3)
		w.add("a", "agent", "berlin")
		c := w.hosts["a"].core
		c.cfg.Gentle, c.cfg.Weight, c.door = x.policy, x.owner, gentle.NewDoor(x.policy)
		c.book.here.Link = x.place
		c.Sensed(w.now, x.sample)
		if got := c.weight(w.now, c.door.Last(w.now)); got != x.want {
			t.Errorf("%s: %d, want %d", x.what, got, x.want)
		}
	}
}
