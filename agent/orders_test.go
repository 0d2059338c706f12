// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
)

// operator orders as a hub does.
type operator struct {
	*world
	key  *ecdsa.PrivateKey
	book *desired.Book
}

func newOperator(t *testing.T) *operator {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.control = &key.PublicKey
	w.kill("hub")
	w.boot("hub") // now that it knows whom to obey
	return &operator{w, key, desired.NewBook(&key.PublicKey, nil)}
}

// order signs what a command says; to makes a host hear it.
func (o *operator) order(c desired.Command) (raws [][]byte) {
	o.t.Helper()
	if err := c.Valid(o.now); err != nil {
		o.t.Fatal(err)
	}
	docs, _, err := o.book.Plan(o.now, c, desired.Entry{})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, d := range docs {
		raw, err := desired.Sign(d, o.key)
		if err != nil {
			o.t.Fatal(err)
		}
		if _, err := o.book.Heard(o.now, raw); err != nil {
			o.t.Fatal(err)
		}
		raws = append(raws, raw)
	}
	return raws
}

func (o *operator) tell(name string, c desired.Command) {
	o.t.Helper()
	o.hosts[name].core.Ordered(o.now, o.order(c))
}

func (o *operator) fetching(name string) string {
	o.t.Helper()
	id := o.get(name, "image")
	if !o.run(time.Minute, func() bool { return o.flow(name, id).Have >= 2 }) {
		o.t.Fatal("nothing comes")
	}
	return id
}

// still runs the world for a while and reports whether chunks came meanwhile.
func (o *operator) still(name, id string) bool {
	o.run(time.Second, func() bool { return false }) // what was under way
	had := o.flow(name, id).Received
	o.run(20*time.Second, func() bool { return false })
	return o.flow(name, id).Received == had
}

func TestPauseByOrder(t *testing.T) {
	o := newOperator(t)
	o.publish("image", 60)
	h := o.add("a", fleet.RoleAgent, "berlin")
	id := o.fetching("a")
	o.tell("a", desired.Command{Verb: desired.DoPause, Selector: desired.Selector{Content: "image"}, Until: o.now.Add(10 * time.Minute)})
	if f := o.flow("a", id); f.State != api.StateFetching || f.Reason != "paused-by-policy" || f.Detail == "" {
		t.Errorf("%+v", f)
	}
	if !o.still("a", id) {
		t.Error("chunks come while it is paused")
	}
	o.run(time.Second, func() bool { return false })
	o.kill("a")
	o.boot("a")
	if f := o.flow("a", id); f.Reason != "paused-by-policy" || len(h.records) == 0 {
		t.Errorf("after a restart: %+v", f)
	}
	if !o.run(20*time.Minute, func() bool { return o.flow("a", id).State == api.StateDone }) {
		t.Error("the pause does not end by itself")
	}
}

// Replayed, reordered and foreign documents change nothing.
func TestOrdersDoNotGoBack(t *testing.T) {
	o, other := newOperator(t), newOperator(t)
	o.publish("image", 60)
	o.add("a", fleet.RoleAgent, "berlin")
	id := o.fetching("a")
	first, second := o.order(desired.Command{Verb: desired.DoPause}), o.order(desired.Command{Verb: desired.DoResume})
	core := o.hosts["a"].core
	core.Ordered(o.now, slices.Concat(second, first, first, other.order(desired.Command{Verb: desired.DoPause}), [][]byte{nil, make([]byte, 1<<20)}))
	if f := o.flow("a", id); f.Reason == "paused-by-policy" {
		t.Errorf("%+v", f)
	}
}

func TestPriorityAndCancelByOrder(t *testing.T) {
	o := newOperator(t)
	o.publish("image", 60)
	o.add("a", fleet.RoleAgent, "berlin")
	id := o.fetching("a")
	o.tell("a", desired.Command{Verb: desired.DoPrioritize, Selector: desired.Selector{Type: "test"}, Priority: 40})
	if f := o.flow("a", id); f.Priority != 40 {
		t.Errorf("%+v", f)
	}
	o.tell("a", desired.Command{Verb: desired.DoCancel, Selector: desired.Selector{Location: "oslo"}})
	if f := o.flow("a", id); f.Ended() {
		t.Errorf("%+v", f)
	}
	o.tell("a", desired.Command{Verb: desired.DoCancel, Selector: desired.Selector{Location: "berlin"}})
	if f := o.flow("a", id); f.State != api.StateCancelled {
		t.Errorf("%+v", f)
	}
	o.run(time.Second, func() bool { return false })
	again := o.get("a", "image") // began after the cancel
	if !o.run(time.Minute, func() bool { return o.flow("a", again).State == api.StateDone }) {
		t.Errorf("%+v", o.flow("a", again))
	}
}

// A stop holds back who serves as well as who fetches.
func TestStop(t *testing.T) {
	o := newOperator(t)
	o.publish("image", 60)
	o.add("a", fleet.RoleAgent, "berlin")
	id := o.fetching("a")
	stop := o.order(desired.Command{Verb: desired.DoStop})
	o.hosts["hub"].core.Ordered(o.now, stop) // it alone has heard
	if !o.still("a", id) {
		t.Error("the hub serves")
	}
	o.hosts["a"].core.Ordered(o.now, stop)
	if f := o.flow("a", id); f.Reason != "paused-by-policy" {
		t.Errorf("%+v", f)
	}
	lift := o.order(desired.Command{Verb: desired.DoResume})
	o.hosts["hub"].core.Ordered(o.now, lift)
	o.hosts["a"].core.Ordered(o.now, lift)
	if !o.run(5*time.Minute, func() bool { return o.flow("a", id).State == api.StateDone }) {
		t.Errorf("%+v", o.flow("a", id))
	}
}

// An order begins one flow, which is not begun again after a restart, and ends when the order is replaced.
func TestHoldByOrder(t *testing.T) {
	o := newOperator(t)
	m := o.publish("image", 10)
	raw, err := content.Sign(m, o.world.key)
	if err != nil {
		t.Fatal(err)
	}
	o.add("a", fleet.RoleAgent, "berlin")
	o.add("b", fleet.RoleAgent, "oslo")
	hold := o.order(desired.Command{Verb: desired.DoOrder, Selector: desired.Selector{Location: "berlin"}, Name: "image",
		Order: &desired.Order{Content: raw.ID(), By: o.now.Add(time.Hour), Priority: 10}})
	for _, name := range []string{"a", "b"} {
		o.hosts[name].core.Ordered(o.now, hold)
	}
	if !o.run(time.Minute, func() bool { return o.flow("a", "f1").State == api.StateDone }) {
		t.Errorf("%+v", o.flow("a", "f1"))
	}
	if f := o.flow("a", "f1"); !f.Stage || f.Priority != 10 || f.By.IsZero() {
		t.Errorf("%+v", f)
	}
	o.kill("a")
	o.boot("a")
	o.hosts["a"].core.Ordered(o.now, hold)
	if list := o.hosts["a"].core.Flows(o.now); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	if list := o.hosts["b"].core.Flows(o.now); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestReplacedOrderEndsItsFlow(t *testing.T) {
	o := newOperator(t)
	o.add("a", fleet.RoleAgent, "berlin")
	ask := func(c string) desired.Command {
		return desired.Command{Verb: desired.DoOrder, Name: "image", Order: &desired.Order{Content: content.Sum([]byte(c))}}
	}
	o.tell("a", ask("1"))
	o.tell("a", ask("2"))
	list := o.hosts["a"].core.Flows(o.now)
	if len(list) != 2 || list[0].State != api.StateCancelled || list[1].Ended() {
		t.Errorf("%+v", list)
	}
	o.tell("a", desired.Command{Verb: desired.DoCancel, Selector: desired.Selector{Content: "image"}})
	o.hosts["a"].core.Ordered(o.now, o.order(desired.Command{Verb: desired.DoPause, Selector: desired.Selector{Type: "x"}}))
	if list := o.hosts["a"].core.Flows(o.now); len(list) != 2 || !list[1].Ended() {
		t.Errorf("%+v", list)
	}
}

func TestRevokedPeerIsLeft(t *testing.T) {
	o := newOperator(t)
	o.publish("image", 60)
	o.add("a", fleet.RoleAgent, "berlin")
	id := o.fetching("a")
	o.tell("a", desired.Command{Verb: desired.DoRevoke, Selector: desired.Selector{Peer: o.hosts["hub"].id.Peer}})
	if !o.still("a", id) || o.flow("a", id).Ended() {
		t.Errorf("%+v", o.flow("a", id))
	}
}
