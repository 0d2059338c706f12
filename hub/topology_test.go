// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/store"
)

func (w *world) topology(path string) *topology.Topology {
	w.Helper()
	var raw json.RawMessage
	w.must(w.operator("GET", path, nil, &raw))
	t, err := topology.Decode(raw)
	w.must(err)
	return t
}

// change puts a topology of one location with some subnets, made from the version that is current.
func (w *world) change(name string, subnets ...string) error {
	w.Helper()
	empty := &topology.Topology{Version: w.topology("topology").Version}
	t, err := empty.Set(name, []string{"subnets=" + strings.Join(subnets, " ")})
	w.must(err)
	return w.operator("PUT", "topology", t.Encode(), nil)
}

// What was taken over survives a power cut, whole; versions go up by one and never back; old ones can be had again.
func TestTopologyIsKept(t *testing.T) {
	w := newWorld(t)
	if v := w.topology("topology").Version; v != 0 {
		t.Errorf("a new hub has version %d", v)
	}
	for i := range keptTopologies + 2 {
		w.must(w.change("berlin", fmt.Sprintf("10.%d.0.0/16", i)))
	}
	w.cutPower()
	now := w.topology("topology")
	if now.Version != keptTopologies+2 || now.Locations[0].Subnets[0].Network != netip.MustParsePrefix("10.9.0.0/16") {
		t.Errorf("%+v", now)
	}
	if old := w.topology("topology?version=9"); old.Version != 9 || old.Locations[0].Subnets[0].Network != netip.MustParsePrefix("10.8.0.0/16") {
		t.Errorf("%+v", old)
	}
	for path, want := range map[string]string{"topology?version=2": api.CodeNotFound, "topology?version=x": api.CodeBadRequest, "topology?version=11": api.CodeNotFound} {
		if err := w.operator("GET", path, nil, nil); code(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	stale := *now
	stale.Version--
	if err := w.operator("PUT", "topology", stale.Encode(), nil); code(err) != api.CodeExists {
		t.Errorf("a change of an old version: %v", err)
	}
	for _, broken := range []string{"", "{}", strings.Replace(string(now.Encode()), "10.9.0.0/16", "10.9.0.1/16", 1)} {
		if err := w.operator("PUT", "topology", []byte(broken), nil); code(err) != api.CodeBadRequest {
			t.Errorf("%q: %v", broken, err)
		}
	}
	// A version that cannot be read any more does not give its number to another, and what it said of locations was said to their hosts, too.
	w.must(w.hub.o.Store.Record(store.Record{Key: topologyKey(now.Version), Value: []byte("rot")}))
	w.restart()
	if now := w.topology("topology"); now.Version != keptTopologies+3 || now.Locations[0].Subnets[0].Network != netip.MustParsePrefix("10.9.0.0/16") {
		t.Errorf("%+v", now)
	}
}

// A host that asked the hub to find out where it is goes with its address; one that was enrolled for a place stays there,
// and both sides are told that something is wrong.
func TestHostsGoWhereTheirAddressIs(t *testing.T) {
	w := newWorld(t)
	n, c := w.host(fleet.LocationAuto)
	if n.Identity.Location != "net-127.0.0.0-8" || !fleet.Roams(n.Certificate.Leaf) {
		t.Fatalf("%v", n.Identity)
	}
	fixed, f := w.host("oslo")
	if fleet.Roams(fixed.Certificate.Leaf) {
		t.Error("a host that was enrolled for a place roams")
	}
	news := func(c *client.Client) fleet.SyncReply {
		t.Helper()
		r, err := sync1(c, fleet.SyncRequest{Lan: "127.0.0.1:5"})
		w.must(err)
		return r
	}
	if r := news(c); r.Move != "" || r.Warning != "" || r.Here.Subnet != "127.0.0.0/8" {
		t.Errorf("%+v", r)
	}
	w.must(w.change("berlin", "127.0.0.0/24@wifi"))
	if r := news(c); r.Move != "berlin" {
		t.Errorf("%+v", r)
	}
	if r := news(f); r.Move != "" || !strings.Contains(r.Warning, "its certificate says oslo, and its address is in berlin") {
		t.Errorf("%+v", r)
	}
	fresh, err := c.Renew(context.Background())
	w.must(err)
	if fresh.Identity.Location != "berlin" || fresh.Identity.Peer != n.Identity.Peer || !fleet.Roams(fresh.Certificate.Leaf) {
		t.Errorf("%v", fresh.Identity)
	}
	if r := news(c); r.Move != "" || r.Here.Subnet != "127.0.0.0/24" || r.Here.Link != fleet.WiFi {
		t.Errorf("%+v", r)
	}
	if still, err := f.Renew(context.Background()); err != nil || still.Identity != fixed.Identity {
		t.Errorf("%v, %v", still, err)
	}
	w.must(w.change("rome", "10.0.0.0/8"))
	if r := news(c); r.Move != "net-127.0.0.0-8" {
		t.Errorf("%+v", r)
	}
}

// A token for one place lets nobody in elsewhere, and who came in with it stays.
func TestTokenForOnePlace(t *testing.T) {
	w := newWorld(t)
	if _, err := w.enroll(w.token("1h", "oslo"), fleet.LocationAuto); !errors.Is(err, client.ErrDenied) {
		t.Errorf("%v", err)
	}
	n, err := w.enroll(w.token("1h", "net-127.0.0.0-8"), fleet.LocationAuto)
	w.must(err)
	if fleet.Roams(n.Certificate.Leaf) {
		t.Error("it roams")
	}
	if err := w.operator("POST", "tokens", map[string]string{"ttl": "1h", "location": fleet.LocationAuto}, nil); code(err) != api.CodeBadRequest {
		t.Errorf("%v", err)
	}
}

// Who claims another place than its certificate says is refused, in words that say what to do.
func TestClaimsOfAnotherPlaceAreRefused(t *testing.T) {
	w := newWorld(t)
	n, _ := w.host("berlin")
	lying := *n
	lying.Identity.Location = "oslo"
	_, err := sync1(w.client(&lying), fleet.SyncRequest{})
	if !errors.Is(err, client.ErrDenied) || !strings.Contains(err.Error(), "its certificate says berlin") || !strings.Contains(err.Error(), "ebb enroll --again") {
		t.Errorf("%v", err)
	}
}
