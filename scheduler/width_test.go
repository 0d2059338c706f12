// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"testing"
	"time"
)

const megabit = 1e6 / 8

// shop is a host alone behind a link of 20 Mbit/s that fetches 64 MiB, which a hub holds and so many other locations, each behind a thin uplink.
func shop(t *testing.T, hub float64, others int) (*world, *node) {
	w := newWorld(t)
	w.links["shop"], w.relaxed = 20*megabit, 50
	till := newNode("till", "shop", 50<<20)
	till.s = New(w.now, Default(till.name))
	w.nodes = append(w.nodes, till, newNode("hub", "centre", hub))
	for i := range others {
		w.nodes = append(w.nodes, newNode(PeerID("far-"+string(rune('a'+i))), "town-"+string(rune('a'+i)), 5*megabit))
	}
	if err := till.s.AddFlow(w.now, FlowSpec{Content: idOf("image"), Chunks: chunksOf("image", 64, 1<<20, nil)}); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.nodes[1:] {
		class := Far
		if n.name == "hub" {
			class = Origin
		}
		w.comes(till, n, class)
		till.s.PeerAt(n.name, n.site)
		if n.name == "hub" { // it was there first
			till.s.PeerHas(w.now, n.name, idOf("image"), Holding{All: true})
			w.run(5 * time.Second)
		}
	}
	for _, n := range w.nodes[2:] {
		till.s.PeerHas(w.now, n.name, idOf("image"), Holding{All: true})
	}
	return w, till
}

// brought is how much of the content came from the hub, and how much from everybody else.
func brought(till *node) (hub, others int64) {
	for id, g := range till.s.flows[0].given {
		if id == "hub" {
			hub += g.bytes
		} else {
			others += g.bytes
		}
	}
	return hub, others
}

// Where one source fills the location's link, another would only take from it: each is asked for one chunk, to see what it adds.
func TestWhoFillsTheLinkIsAskedAlone(t *testing.T) {
	w, till := shop(t, 100<<20, 3)
	if !w.until(time.Minute, complete([]*node{till})) {
		t.Fatalf("not done after a minute: %v", till.s)
	}
	if hub, others := brought(till); others > 3*2<<20 {
		t.Errorf("the hub, which fills the link, brought %d KiB, and others %d KiB", hub>>10, others>>10)
	}
}

// Where it does not, all that there are bring what they can.
func TestWeakSourcesAddUp(t *testing.T) {
	w, till := shop(t, 3*megabit, 3)
	begun := w.now
	if !w.until(time.Minute, complete([]*node{till})) {
		t.Fatalf("not done after a minute: %v", till.s)
	}
	if took := w.now.Sub(begun); took > 45*time.Second { // 62 MiB at 18 Mbit/s take 29 s; at 5 Mbit/s they take 104
		hub, others := brought(till)
		t.Errorf("took %v: the hub brought %d KiB, and others %d KiB", took, hub>>10, others>>10)
	}
}

// One that has filled the link, and becomes slow for good, does not keep others away.
func TestWhoFilledTheLinkIsNotWaitedForForEver(t *testing.T) {
	w, till := shop(t, 100<<20, 3)
	w.node("hub").rate = 5 * megabit
	begun := w.now
	if !w.until(2*time.Minute, complete([]*node{till})) {
		t.Fatalf("not done after two minutes: %v", till.s)
	}
	if took := w.now.Sub(begun); took > widthGrace+40*time.Second { // 54 MiB at 20 Mbit/s take 23 s; at 5 Mbit/s, 91
		hub, others := brought(till)
		t.Errorf("took %v: the hub brought %d KiB, and others %d KiB", took, hub>>10, others>>10)
	}
}
