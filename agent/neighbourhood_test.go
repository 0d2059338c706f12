// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
)

// graph lets hosts choose their neighbours. Those that dead names do not answer, and are known not to.
func graph(n, subnets int, dead func(i int) bool) (dialled [][]int, degree []int) {
	members := make([]fleet.Member, n)
	index := map[string]int{}
	for i := range members {
		members[i] = fleet.Member{Peer: fleet.PeerName([]byte{byte(i), byte(i >> 8)}), Role: fleet.RoleAgent, Location: "berlin",
			Lan: fmt.Sprintf("10.0.%d.%d:1", i>>8, i&255), Subnet: fmt.Sprintf("10.%d.0.0/16", i%subnets)}
		index[members[i].Peer] = i
	}
	dialled, degree = make([][]int, n), make([]int, n)
	for i, self := range members {
		if dead(i) {
			continue
		}
		b := NewBook(fleet.Identity{Peer: self.Peer, Role: fleet.RoleAgent, Location: "berlin"}, 1)
		b.Placed(fleet.Place{Subnet: self.Subnet})
		for j, m := range members {
			if b.Listed(epoch, m); i != j && dead(j) {
				b.people[m.Peer].backoff = redialMost
			}
		}
		b.Active(epoch, true)
		for _, c := range b.wanted() {
			if j := index[c.Peer]; !dead(j) {
				dialled[i] = append(dialled[i], j)
				degree[i]++
				degree[j]++
			}
		}
	}
	return dialled, degree
}

// parts counts into how many parts the living hosts fall.
func parts(dialled [][]int, dead func(i int) bool) int {
	root := make([]int, len(dialled))
	for i := range root {
		root[i] = i
	}
	var find func(i int) int
	find = func(i int) int {
		if root[i] != i {
			root[i] = find(root[i])
		}
		return root[i]
	}
	for i, to := range dialled {
		for _, j := range to {
			root[find(i)] = find(j)
		}
	}
	n := 0
	for i := range root {
		if root[i] == i && !dead(i) {
			n++
		}
	}
	return n
}

// However many hosts a location has, whatever their subnets, and with a third of them dead: they are one, nobody has to do
// without neighbours, and nobody is everybody's neighbour.
func TestNeighbourhoodIsConnectedAndBalanced(t *testing.T) {
	for _, c := range []struct{ hosts, subnets int }{{2, 1}, {3, 1}, {10, 2}, {17, 1}, {40, 3}, {300, 1}, {300, 2}, {300, 30}} {
		for _, every := range []int{0, 3} {
			dead := func(i int) bool { return every > 0 && i%every == 1 }
			dialled, degree := graph(c.hosts, c.subnets, dead)
			alive, most, fewest := 0, 0, c.hosts
			for i, d := range degree {
				if dead(i) {
					continue
				}
				alive++
				most, fewest = max(most, d), min(fewest, len(dialled[i]))
			}
			if n := parts(dialled, dead); n != 1 {
				t.Errorf("%d hosts in %d subnets fall into %d parts", c.hosts, c.subnets, n)
			}
			if want := min(maxNeighbours, alive-1); fewest < want {
				t.Errorf("%d hosts in %d subnets: one has chosen %d neighbours, want %d", c.hosts, c.subnets, fewest, want)
			}
			if most > 3*maxNeighbours {
				t.Errorf("%d hosts in %d subnets: one has %d neighbours", c.hosts, c.subnets, most)
			}
		}
	}
}

// Nearest first: by what certificate and topology say.
func TestClasses(t *testing.T) {
	b := NewBook(fleet.Identity{Peer: "self", Role: fleet.RoleAgent, Location: "berlin"}, 1)
	b.Placed(fleet.Place{Subnet: "10.1.0.0/16", Near: []string{"potsdam"}})
	add := func(name, location, subnet string, link fleet.Link) {
		b.Listed(epoch, fleet.Member{Peer: name, Role: fleet.RoleAgent, Location: location, Subnet: subnet, Link: link, Lan: "10.0.0.1:1"})
	}
	add("desk", "berlin", "10.1.0.0/16", fleet.LAN)
	add("lab", "berlin", "10.9.0.0/16", fleet.WiFi)
	add("old", "berlin", "", "")
	add("tunnel", "berlin", "10.1.0.0/16", fleet.VPN)
	add("next", "potsdam", "10.3.0.0/16", fleet.LAN)
	add("away", "oslo", "10.1.0.0/16", fleet.LAN)
	b.Listed(epoch, fleet.Member{Peer: "hub", Role: fleet.RoleHub, Location: "hub"})
	expect := func(want map[string]scheduler.Class) {
		t.Helper()
		for name, class := range want {
			if got := b.Class(name); got != class {
				t.Errorf("%s is %s, want %s", name, got, class)
			}
		}
	}
	expect(map[string]scheduler.Class{"desk": scheduler.Subnet, "lab": scheduler.Location, "old": scheduler.Location, "tunnel": scheduler.Far,
		"next": scheduler.Near, "away": scheduler.Far, "hub": scheduler.Origin, "nobody": scheduler.Far})
	if !b.Shares() {
		t.Error("it shares with nobody")
	}
	// The certificate has the last word on where a host is.
	b.Connected(epoch, fleet.Identity{Peer: "lab", Role: fleet.RoleAgent, Location: "oslo"})
	add("lab", "berlin", "10.9.0.0/16", fleet.WiFi)
	expect(map[string]scheduler.Class{"lab": scheduler.Far})

	// On the road it has no neighbours.
	b.Placed(fleet.Place{Subnet: "10.1.0.0/16", Link: fleet.VPN})
	expect(map[string]scheduler.Class{"desk": scheduler.Far, "hub": scheduler.Origin})
	if b.Shares() {
		t.Error("it serves others over the VPN")
	}
	b.Active(epoch, true)
	for _, c := range b.wanted() {
		if c.Role != fleet.RoleHub && b.near(c) {
			t.Errorf("%s is wanted as a neighbour", c.Peer)
		}
	}
	b.Gone("desk")
	b.Gone("lab") // in conversation
	if b.people["desk"] != nil || b.people["lab"] == nil {
		t.Error("who is gone is kept, or who is here is not")
	}
}

// A topology that changes while a flow runs changes the class of who is connected, at once.
func TestClassFollowsTheTopology(t *testing.T) {
	w := newWorld(t)
	w.publish("image", 4)
	for _, name := range []string{"a", "b"} {
		w.add(name, fleet.RoleAgent, "berlin")
	}
	w.get("a", "image")
	w.get("b", "image")
	never := func() bool { return false }
	w.run(5*time.Second, never)
	core, b := w.hosts["a"].core, w.hosts["b"].id.Peer
	if got := core.peers[b].class; got != scheduler.Location {
		t.Fatalf("b is %s", got)
	}
	for _, name := range []string{"a", "b"} {
		w.dir.Placed(w.hosts[name].id.Peer, fleet.Place{Subnet: "10.0.0.0/24"})
	}
	w.run(15*time.Second, never)
	if got := core.peers[b].class; got != scheduler.Subnet {
		t.Errorf("b is %s", got)
	}
}
