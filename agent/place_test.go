// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/scheduler"
)

// locate signs what a topology of "location key=value ..." lines says of each location, as far as it is new.
func (o *operator) locate(lines ...string) (raws [][]byte) {
	o.t.Helper()
	topo := &topology.Topology{}
	for _, line := range lines {
		var err error
		name, pairs, _ := strings.Cut(line, " ")
		if topo, err = topo.Set(name, strings.Fields(pairs)); err != nil {
			o.t.Fatal(err)
		}
	}
	docs, err := o.book.Locate(o.now, topology.NewIndex(topo).Words())
	if err != nil {
		o.t.Fatal(err)
	}
	for _, d := range docs {
		raw, err := desired.Sign(d, o.key)
		if err == nil {
			_, err = o.book.Heard(o.now, raw)
		}
		if err != nil {
			o.t.Fatal(err)
		}
		raws = append(raws, raw)
	}
	o.now = o.now.Add(time.Second)
	return raws
}

// expectPlace says where a host takes itself to be.
func (o *operator) expectPlace(name, subnet string, link fleet.Link, near ...string) {
	o.t.Helper()
	o.run(time.Second, func() bool { return false }) // what is to be written is
	if got := o.hosts[name].core.book.here; got.Subnet != subnet || got.Link != link || !slices.Equal(got.Near, near) {
		o.t.Errorf("%s is at %+v, want %s, %s, %v", name, got, subnet, link, near)
	}
}

// What is said of its location holds at once, after a restart, and without the hub; and nothing that was said before comes back, whoever
// brings it.
func TestLocationHoldsWithoutTheHub(t *testing.T) {
	o := newOperator(t)
	a, b := o.add("a", fleet.RoleAgent, "berlin"), o.add("b", fleet.RoleAgent, "potsdam")
	o.dir.Announced(o.now, a.id, fleet.SyncRequest{})
	o.dir.Placed(a.id.Peer, fleet.Place{Subnet: "10.1.9.0/24", Link: fleet.WiFi})
	o.run(30*time.Second, func() bool { return false })
	o.expectPlace("a", "10.1.9.0/24", fleet.WiFi)
	first := o.locate("potsdam", "berlin subnets=10.1.0.0/16,10.1.9.0/24@wifi near=potsdam")
	a.core.Ordered(o.now, first)
	o.expectPlace("a", "10.1.9.0/24", fleet.WiFi, "potsdam")
	second := o.locate("potsdam", "berlin subnets=10.1.0.0/16,10.1.9.0/24@vpn near=potsdam")
	a.core.Ordered(o.now, slices.Concat(second, first, [][]byte{nil, make([]byte, 1<<20)}))
	o.expectPlace("a", "10.1.9.0/24", fleet.VPN, "potsdam")
	if a.core.book.Shares() {
		t.Error("it shares over the VPN")
	}

	o.hubDown = true
	o.kill("a")
	o.boot("a")
	o.expectPlace("a", "10.1.9.0/24", fleet.VPN, "potsdam")
	a.core.Ordered(o.now, first)
	o.expectPlace("a", "10.1.9.0/24", fleet.VPN, "potsdam")
	third := o.locate("potsdam", "berlin subnets=10.1.0.0/16 link=metered near=potsdam")
	a.core.Ordered(o.now, third)
	o.expectPlace("a", "10.1.0.0/16", fleet.Metered, "potsdam")
	a.core.book.Listed(o.now, fleet.Member{Peer: b.id.Peer, Role: fleet.RoleAgent, Location: "potsdam"})
	if got := a.core.book.Class(b.id.Peer); got != scheduler.Near {
		t.Errorf("a host in a near location is %s", got)
	}

	a.core.Ordered(o.now, o.locate("potsdam")) // the location is taken away: what the hub told in its answers is left
	o.expectPlace("a", "10.1.9.0/24", fleet.WiFi)
	o.kill("a")
	o.boot("a")
	o.expectPlace("a", "10.1.9.0/24", fleet.WiFi)
}

// What an older topology says in the hub's answers, as after it was set up again from an older copy, does not come before the document.
func TestAnswersDoNotTakeALocationBack(t *testing.T) {
	o := newOperator(t)
	a := o.add("a", fleet.RoleAgent, "berlin")
	a.core.Ordered(o.now, o.locate("berlin link=metered"))
	o.dir.Announced(o.now, a.id, fleet.SyncRequest{})
	o.dir.Placed(a.id.Peer, fleet.Place{Subnet: "10.1.0.0/16", Link: fleet.LAN, Near: []string{"rome"}})
	o.run(30*time.Second, func() bool { return false })
	o.expectPlace("a", "10.1.0.0/16", fleet.Metered)
}

// A host that has moved leaves behind what was said of where it was.
func TestAHostThatMovesForgetsItsLocation(t *testing.T) {
	o := newOperator(t)
	a := o.add("a", fleet.RoleAgent, "berlin")
	o.dir.Announced(o.now, a.id, fleet.SyncRequest{})
	o.dir.Placed(a.id.Peer, fleet.Place{Subnet: "10.1.0.0/16", Link: fleet.WiFi})
	o.run(30*time.Second, func() bool { return false })
	raws := o.locate("berlin link=metered", "oslo link=lan")
	a.core.Ordered(o.now, raws)
	o.expectPlace("a", "10.1.0.0/16", fleet.Metered)
	o.hubDown = true
	o.kill("a")
	a.id.Location = "oslo"
	o.boot("a")
	o.expectPlace("a", "", "")
	a.core.Ordered(o.now, raws)
	o.expectPlace("a", "", fleet.LAN)
	for key := range a.records {
		if key == keyPlace {
			t.Error("where it was is still in the journal")
		}
	}
	if n := len(a.core.orders.book.Locations()); n != 1 {
		t.Errorf("it holds what is said of %d locations", n)
	}
}

// A word that this release does not understand is kept for those who do, and changes nothing else.
func TestALocationThatIsNotUnderstood(t *testing.T) {
	o := newOperator(t)
	a := o.add("a", fleet.RoleAgent, "berlin")
	o.run(time.Second, func() bool { return false })
	a.core.Ordered(o.now, o.locate("berlin link=vpn"))
	for i, body := range []string{`{"name":"berlin","link":"of a release to come"}`, `{"name":"oslo","link":"lan"}`, `[]`} {
		d := desired.Document{Register: desired.Register{Scope: desired.Selector{Location: "berlin"}, Kind: desired.Location},
			Rule: desired.Rule{Location: []byte(body)}, Version: o.book.Newest() + 1 + uint64(i)}
		raw, err := desired.Sign(d, o.key)
		if err != nil {
			t.Fatal(err)
		}
		a.core.Ordered(o.now, [][]byte{raw})
		o.expectPlace("a", "", "")
		if got, ok := a.core.orders.book.Find(d.Register); !ok || string(got.Location) != body {
			t.Errorf("%s is not kept", body)
		}
	}
}
