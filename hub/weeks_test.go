// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/store"
)

// A location that fetches at 10 Mbit/s for some minutes is known for that, after a restart as well, and what the journal has damaged is left out.
func TestTheHubRemembersWhatLinksCarry(t *testing.T) {
	w := newWorld(t)
	n, c := w.host("berlin")
	flow := pulse.Flow{ID: "f1", Content: content.Sum([]byte("image")), State: "fetching", Size: 1e9}
	for i := range int64(120) {
		w.setLate(time.Duration(i) * 2 * time.Second)
		e := entry("image", i*10e6/8*2)
		e.From = w.hub.self().Identity.Peer
		report := ledger.Report{Epoch: strings.Repeat("a", 16), Entries: []ledger.Entry{e}, Upto: uint64(i + 1)}
		if _, err := sync1(c, fleet.SyncRequest{Lan: "10.0.0.1:5", Pulse: &pulse.Pulse{Flows: []pulse.Flow{flow}}, Ledger: &report}); err != nil {
			t.Fatal(err)
		}
	}
	known := func(want int) {
		t.Helper()
		var doc struct{ Weeks []Week }
		w.must(w.operator("GET", "weeks", nil, &doc))
		if len(doc.Weeks) != want {
			t.Fatalf("%+v", doc.Weeks)
		}
		if want == 0 {
			return
		}
		x, hours := doc.Weeks[0], 0
		for _, share := range x.Load {
			if share >= 0 && share < 0.2 {
				hours++
			}
		}
		if x.Location != n.Identity.Location || x.Capacity < 8e6 || x.Capacity > 11e6 || hours < 1 || hours > 2 || len(x.Load) != 7*24 {
			t.Errorf("%s carries %.0f bit/s, known of %d hours", x.Location, x.Capacity, hours)
		}
	}
	known(1)
	w.restart()
	known(1)
	w.must(w.hub.o.Store.Record(store.Record{Key: keyWeek + "berlin", Value: []byte("?")}))
	w.restart()
	known(0)
}
