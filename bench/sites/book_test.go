// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"testing"

	"github.com/ebbproject/ebb/agent/api"
)

// A kill takes a ledger back to what was written down; what the book has seen stays.
func TestABookAddsUpLives(t *testing.T) {
	page := func(sent, received int64) tally {
		return newTally(api.Ledger{Peers: []api.LedgerPeer{
			{Peer: "a", Location: "berlin", Class: "wan", Sent: sent, Received: received},
			{Peer: "b", Location: "berlin", Class: "wan", Sent: 1},
			{Peer: "hub", Location: "centre", Class: "origin", Received: received},
			{Peer: "c", Location: "paris", Class: "lan", Sent: 5, Received: 5},
		}})
	}
	var b book
	b.opened(page(10, 0))
	b.add(page(70, 30)) // killed here
	b.opened(page(20, 10))
	b.add(page(25, 11))
	if b.sum.sent["berlin"] != 60+5 || b.sum.sent["paris"] != 0 || b.sum.arrived != 2*(30+1) {
		t.Errorf("%+v", b.sum)
	}
}
