// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

func (r *running) ledger() (l api.Ledger) {
	r.call(http.MethodGet, "ledger", "", &l)
	return l
}

// between is what a host says that it sent to and received from another.
func (r *running) between(other *running) (sent, received int64) {
	for _, p := range r.ledger().Peers {
		if p.Peer == other.node.Identity.Peer {
			return p.Sent, p.Received
		}
	}
	return 0, 0
}

// addsUp holds the books of several hosts against each other: what one sent is what the other received, every byte of it was judged, and
// the classes add up (I12).
func addsUp(hosts []*running) (problem string) {
	for _, a := range hosts {
		for _, b := range hosts {
			sent, _ := a.between(b)
			if _, received := b.between(a); sent != received {
				return a.node.Identity.Peer + " sent another amount than " + b.node.Identity.Peer + " received"
			}
		}
		for _, row := range a.ledger().Rows {
			if row.Received != row.LAN+row.WAN+row.Origin || row.Received != row.Verified+row.Rejected+row.Duplicate+row.Canceled {
				return "the row of " + row.Location + " at " + a.node.Identity.Peer + " does not add up"
			}
		}
	}
	return ""
}

// Hosts of a location start at the same time and take from the hub and from each other, twice at the end of the game and in any order: all
// agree to the byte, pair by pair, and so do those that were ended in the midst of it and began anew.
func TestBothEndsCountTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.publish("image", 12<<20, w.secret)
	hub := w.start(w.host(fleet.RoleHub, "hub"))
	hub.holds(x)
	w.list(hub.node.Identity, hub.Addr())
	hosts := []*running{hub}
	for range 3 {
		h := w.start(w.host(fleet.RoleAgent, "berlin"))
		w.list(h.node.Identity, h.Addr())
		hosts = append(hosts, h)
	}
	type got struct{ flow, out string }
	flows := map[*running]got{}
	for _, h := range hosts[1:] {
		id, out := h.get("image")
		flows[h] = got{id, out}
	}
	verified := int64(0)
	for _, h := range hosts[1:] {
		h.arrives(flows[h].flow, flows[h].out, x)
	}
	var problem string
	eventually(t, "agreement", func() bool {
		problem = addsUp(hosts)
		return problem == ""
	})
	for _, h := range hosts[1:] {
		for _, row := range h.ledger().Rows {
			if row.Location == "berlin" {
				verified += row.Verified
			}
		}
	}
	if want := int64(3 * len(x.bytes)); verified != want {
		t.Errorf("%d bytes verified, %d are in three copies", verified, want)
	}
}

// A host that ends in the midst of a transfer and begins anew has written everything down: nothing is counted twice, what was on its way
// is canceled, and the sender never knows less than the receiver.
func TestTheLedgerSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.publish("image", 24<<20, w.secret)
	hub := w.start(w.host(fleet.RoleHub, "hub"))
	hub.holds(x)
	w.list(hub.node.Identity, hub.Addr())
	n := w.host(fleet.RoleAgent, "berlin")
	st, err := store.Open(filepath.Join(n.Dir, "store"), store.Options{})
	must(t, err)
	o := Options{Node: n, Store: st, Socket: socket(t), Hub: w, Version: "test", Log: hub.o.Log}
	o.Gentle.Rates.Download = 8 << 20
	d, err := Start(o)
	must(t, err)
	first := &running{Daemon: d, t: t, node: n, store: st, log: &logBook{}}
	id, _ := first.get("image")
	eventually(t, "the middle of the transfer", func() bool { return first.flow(id).Verified > 4<<20 })
	must(t, d.Close())
	must(t, st.Close())

	second := w.start(n)
	before := second.ledger().Rows[0]
	if before.Received < 4<<20 || before.Received != before.Verified+before.Rejected+before.Duplicate+before.Canceled {
		t.Errorf("after the restart: %+v", before)
	}
	eventually(t, "the end of the flow", func() bool { return second.flow(id).State == api.StateDone })
	eventually(t, "the same at both ends, but for what was cut off", func() bool {
		row := second.ledger().Rows[0]
		sent, _ := hub.between(second)
		return row.Verified >= int64(len(x.bytes)) && row.Received <= sent && row.Received == row.Verified+row.Rejected+row.Duplicate+row.Canceled
	})
	if row := second.ledger().Rows[0]; row.Received < before.Received || row.Verified > int64(len(x.bytes)) {
		t.Errorf("%+v, before %+v", row, before)
	}
}
