// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"maps"
	"net/http"
	"path/filepath"
	"slices"
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

// pair is who sent to whom.
type pair struct{ from, to *running }

// gap is how much more each host says that it sent to another than that one received: what was on its way when a conversation was cut off.
func gap(hosts []*running) map[pair]int64 {
	gaps := map[pair]int64{}
	for _, a := range hosts {
		for _, b := range hosts {
			sent, _ := a.between(b)
			_, received := b.between(a)
			gaps[pair{a, b}] = sent - received
		}
	}
	return gaps
}

// accounted says which host has a row whose classes do not add up, or of which some byte was not judged (I12).
func accounted(hosts []*running) (problem string) {
	for _, h := range hosts {
		for _, row := range h.ledger().Rows {
			if row.Received != row.LAN+row.WAN+row.Origin || row.Received != row.Verified+row.Rejected+row.Duplicate+row.Canceled {
				return "the row of " + row.Location + " at " + h.node.Identity.Peer
			}
		}
	}
	return ""
}

// Hosts of a location start at the same time and take from the hub and from each other, twice at the end of the game and in any order: all
// agree to the byte, pair by pair. The first content only brings them together, because two that dial each other at once cut one of the
// two conversations off.
func TestBothEndsCountTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, x := w.publish("first", 1<<20, w.secret), w.publish("image", 12<<20, w.secret)
	hub := w.start(w.host(fleet.RoleHub, "hub"))
	hub.holds(first)
	hub.holds(x)
	w.list(hub.node.Identity, hub.Addr())
	hosts := []*running{hub}
	for range 3 {
		h := w.start(w.host(fleet.RoleAgent, "berlin"))
		w.list(h.node.Identity, h.Addr())
		hosts = append(hosts, h)
	}
	together := func(name string) {
		flows := map[*running]string{}
		for _, h := range hosts[1:] {
			flows[h], _ = h.get(name)
		}
		for _, h := range hosts[1:] {
			eventually(t, "the end of the flow", func() bool { return h.flow(flows[h]).State == api.StateDone })
		}
		eventually(t, "a full account", func() bool { return accounted(hosts) == "" })
	}
	together("first")
	eventually(t, "everybody meeting everybody", func() bool {
		for _, a := range hosts {
			for _, b := range hosts {
				if a != b && !a.peer(b.node.Identity.Peer).Connected {
					return false
				}
			}
		}
		return true
	})
	before := map[pair]int64{}
	eventually(t, "the senders' own account of what was received", func() bool {
		before = gap(hosts)
		return !slices.ContainsFunc(slices.Collect(maps.Values(before)), func(lost int64) bool { return lost < 0 })
	})
	together("image")
	eventually(t, "agreement to the byte", func() bool {
		for p, lost := range gap(hosts) {
			if lost < 0 || lost > before[p] { // less is what was still on its way then
				return false
			}
		}
		return true
	})
	verified := int64(0)
	for _, h := range hosts[1:] {
		for _, row := range h.ledger().Rows {
			if row.Location == "berlin" && row.Name == "image" {
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
