// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/store"
)

// set changes one location as an operator does, of the topology that is current.
func (w *world) set(name string, pairs ...string) {
	w.Helper()
	t, err := w.topology("topology").Set(name, pairs)
	w.must(err)
	w.must(w.operator("PUT", "topology", t.Encode(), nil))
}

func (w *world) remove(name string) {
	w.Helper()
	t, ok := w.topology("topology").Remove(name)
	if !ok {
		w.Fatalf("there is no %s", name)
	}
	w.must(w.operator("PUT", "topology", t.Encode(), nil))
}

// network tells the hub's topology in words, a location a line.
func (w *world) network() string {
	var lines []string
	for _, c := range topology.Diff(&topology.Topology{}, w.topology("topology")) {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}

func (w *world) expect(want ...string) {
	w.Helper()
	if got := w.network(); got != strings.Join(want, "\n") {
		w.Errorf("the hub's topology is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// located is what a host holds of its location; nil: nothing, or that it is not there any more.
func (s *subject) located() *topology.Word {
	s.Helper()
	list := s.book.Locations()
	if len(list) == 0 || list[0].Void {
		return nil
	}
	if len(list) > 1 {
		s.Errorf("it holds what is said of %d locations", len(list))
	}
	word, err := topology.ParseWord(list[0].Location)
	s.must(err)
	return word
}

// older is a copy of what is durable now, to go back to.
func (w *world) older() func() {
	copied := w.fs.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	return func() {
		w.stop()
		w.fs = copied
		w.start()
	}
}

// A host holds what was said last of its location, and of no other, for as long as it is not said otherwise; nothing is said of what has not changed.
func TestHostsHoldTheirLocation(t *testing.T) {
	w := newWorld(t)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	w.set("berlin", "subnets=10.1.0.0/16 10.1.9.0/24@wifi", "link=metered")
	w.set("potsdam", "near=berlin")
	berlin.exchange()
	oslo.exchange()
	word := berlin.located()
	if word == nil || word.Link != fleet.Metered || len(word.Subnets) != 2 || len(word.Beside) != 1 || word.Beside[0] != "potsdam" {
		t.Fatalf("%+v", word)
	}
	if oslo.located() != nil {
		t.Errorf("of a location that the topology does not know: %+v", oslo.located())
	}
	before := w.hub.orders.book.Newest()
	w.set("rome", "link=vpn")
	docs := w.hub.orders.book.Locations()
	if docs[0].Scope != in("rome") || docs[1].Version > before {
		t.Errorf("said anew: %+v", docs[:2])
	}
	w.cutPower()
	if x := w.subject("berlin"); x.located() != nil {
		t.Error("before its first news")
	} else if x.exchange(); x.located() == nil || x.located().Link != fleet.Metered {
		t.Errorf("after a power cut: %+v", x.located())
	}
	w.remove("berlin")
	berlin.exchange()
	if berlin.located() != nil {
		t.Errorf("it was removed: %+v", berlin.located())
	}
}

// A hub that was restored from an older copy learns from its hosts what its operator had said of their locations: changed, added, removed.
func TestRestoredHubLearnsItsLocations(t *testing.T) {
	w := newWorld(t)
	berlin, oslo, rome := w.subject("berlin"), w.subject("oslo"), w.subject("rome")
	w.set("berlin", "subnets=10.1.0.0/16 10.2.0.0/16")
	w.set("rome", "subnets=10.3.0.0/16", "near=berlin")
	restore := w.older()
	w.set("berlin", "subnets=10.1.0.0/16", "link=metered")
	w.set("oslo", "subnets=10.2.0.0/16", "near=berlin")
	w.remove("rome")
	for _, s := range []*subject{berlin, oslo, rome} {
		s.exchange()
	}
	restore()
	w.expect("+ location berlin  link=lan subnets=\"10.1.0.0/16 10.2.0.0/16\"", "+ location rome  link=lan near=berlin subnets=10.3.0.0/16")
	version := w.topology("topology").Version
	oslo.exchange() // whose subnet is still Berlin's here, and what was said of it is newer
	w.expect("+ location berlin  link=lan subnets=10.1.0.0/16", "+ location oslo  link=lan near=berlin subnets=10.2.0.0/16",
		"+ location rome  link=lan near=berlin subnets=10.3.0.0/16")
	for _, s := range []*subject{rome, berlin} {
		w.setLate(w.lateness() + time.Hour) // many tell at the same time, and it is not made anew for each
		s.exchange()
	}
	whole := []string{"+ location berlin  link=metered subnets=10.1.0.0/16", "+ location oslo  link=lan near=berlin subnets=10.2.0.0/16"}
	w.expect(whole...)
	if now := w.topology("topology").Version; now != version+3 {
		t.Errorf("three times something was learnt, and version %d became %d", version, now)
	}
	if err := w.operator("GET", "topology?version=3", nil, nil); code(err) != api.CodeNotFound {
		t.Errorf("a version that was on the way is kept: %v", err)
	}
	w.topology("topology?version=2")
	w.cutPower()
	w.expect(whole...)
}

// lateness is by how much the hub's clock is ahead.
func (w *world) lateness() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.late
}

// forgetful is a world whose hub was restored from before it said that Berlin is a VPN, and a host there that has heard it.
func forgetful(t *testing.T) (*world, *subject) {
	w := newWorld(t)
	berlin := w.subject("berlin")
	w.set("berlin", "link=lan")
	restore := w.older()
	w.set("berlin", "link=vpn")
	berlin.exchange()
	restore()
	return w, berlin
}

// What a host told is taken up after a crash before the topology was made of it.
func TestWhatWasToldIsTakenUpAfterACrash(t *testing.T) {
	w, berlin := forgetful(t)
	w.hub.changing.Lock() // an operator is changing the topology
	berlin.exchange()
	w.must(w.hub.merge(nil)) // one that began before it was told ends after it
	w.hub.changing.Unlock()
	w.expect("+ location berlin  link=lan")
	w.cutPower()
	w.expect("+ location berlin  link=vpn")
	w.restart()
	if v := w.topology("topology").Version; v != 2 {
		t.Errorf("version %d: it was taken up twice", v)
	}
}

// Who changes a topology that does not have yet what hosts have told must look at it again, and takes nothing of it back.
func TestAChangeTakesBackNothingThatHostsTold(t *testing.T) {
	w, berlin := forgetful(t)
	stale, err := w.topology("topology").Set("rome", []string{"link=lan"})
	w.must(err)
	w.hub.changing.Lock()
	w.hub.merged.next = w.clock().Add(time.Hour) // it was made anew just now
	w.hub.changing.Unlock()
	berlin.exchange()
	w.expect("+ location berlin  link=lan")
	if err := w.operator("PUT", "topology", stale.Encode(), nil); code(err) != api.CodeExists {
		t.Errorf("%v", err)
	}
	w.expect("+ location berlin  link=vpn")
	w.set("rome", "link=lan")
	berlin.exchange()
	w.expect("+ location berlin  link=vpn", "+ location rome  link=lan")
	if word := berlin.located(); word == nil || word.Link != fleet.VPN {
		t.Errorf("%+v", word)
	}
}

// What the operator says at the restored hub counts, whatever hosts tell afterwards, although its clock is behind.
func TestTheOperatorsLastWordOnALocation(t *testing.T) {
	w := newWorld(t)
	berlin := w.subject("berlin")
	restore := w.older()
	w.set("berlin", "link=vpn")
	berlin.exchange()
	w.setLate(-time.Minute)
	restore()
	w.set("berlin", "link=wifi")
	for range 2 {
		berlin.exchange()
	}
	if word := berlin.located(); word == nil || word.Link != fleet.WiFi {
		t.Errorf("%+v", word)
	}
	w.expect("+ location berlin  link=wifi")
	w.restart()
	w.expect("+ location berlin  link=wifi")
}

// A hub whose topology is from before there were documents of locations says what it knows, and never over what a host has heard.
func TestLocationsOfAnOlderRelease(t *testing.T) {
	w := newWorld(t)
	berlin, oslo := w.subject("berlin"), w.subject("oslo")
	w.set("berlin", "link=wifi")
	w.set("oslo", "link=wifi")
	var gone []store.Record
	w.must(w.hub.o.Store.Scan(keyLocation, func(key string, _ []byte) bool {
		gone = append(gone, store.Record{Key: key})
		return true
	}))
	w.must(w.hub.o.Store.Record(gone...))
	restore := w.older()
	w.set("berlin", "link=vpn")
	berlin.exchange()
	restore()
	oslo.exchange()
	berlin.exchange()
	if b, o := berlin.located(), oslo.located(); len(gone) != 2 || b == nil || o == nil || b.Link != fleet.VPN || o.Link != fleet.WiFi {
		t.Errorf("%d: %+v, %+v", len(gone), b, o)
	}
	w.expect("+ location berlin  link=vpn", "+ location oslo  link=wifi")
}

// A topology that cannot be written is not said to hosts either.
func TestNoRoomForLocations(t *testing.T) {
	w := newWorld(t)
	set := w.fillable()
	berlin := w.subject("berlin")
	w.set("berlin", "link=wifi")
	set(true)
	changed, err := w.topology("topology").Set("berlin", []string{"link=vpn"})
	w.must(err)
	if err := w.operator("PUT", "topology", changed.Encode(), nil); code(err) != api.CodeNoSpace {
		t.Errorf("%v", err)
	}
	berlin.exchange()
	if word := berlin.located(); word == nil || word.Link != fleet.WiFi {
		t.Errorf("%+v", word)
	}
	w.expect("+ location berlin  link=wifi")
	set(false)
	w.set("berlin", "link=vpn")
	berlin.exchange()
	if word := berlin.located(); word == nil || word.Link != fleet.VPN {
		t.Errorf("with room again: %+v", word)
	}
}

// A word that this release does not understand, or of another location, is kept and handed on, and changes nothing in the topology.
func TestWordsThatAreNotUnderstood(t *testing.T) {
	w := newWorld(t)
	berlin := w.subject("berlin")
	w.set("berlin", "link=wifi")
	for i, body := range []string{`{"name":"berlin","link":"of a release to come"}`, `{"name":"oslo","link":"lan"}`, `[]`} {
		raw, err := desired.Sign(desired.Document{Register: desired.Register{Scope: in("berlin"), Kind: desired.Location}, Rule: desired.Rule{Location: []byte(body)},
			Version: w.hub.orders.book.Newest() + 1}, w.hub.ca.key)
		w.must(err)
		w.setLate(time.Duration(i) * time.Hour)
		clear(w.hub.orders.signed) // it was said in another life
		_, err = sync1(berlin.client, fleet.SyncRequest{Desired: &fleet.Desired{Documents: [][]byte{raw}}})
		w.must(err)
		w.expect("+ location berlin  link=wifi")
		berlin.exchange()
		if got := berlin.book.Locations(); len(got) != 1 || string(got[0].Location) != body {
			t.Errorf("%s is not handed on: %+v", body, got)
		}
	}
	w.set("berlin", "link=vpn")
	berlin.exchange()
	if word := berlin.located(); word == nil || word.Link != fleet.VPN {
		t.Errorf("%+v", word)
	}
	if _, err := topology.ParseWord([]byte(`[]`)); !errors.Is(err, topology.ErrDocument) {
		t.Error(err)
	}
}
