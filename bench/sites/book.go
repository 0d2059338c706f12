// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet/ledger"
)

// A book adds up what one daemon counted over all its lives. Its own ledger forgets with a kill what it had not written down, so it is
// read when a life begins and right before a kill; what a conversation carried in the last 250 ms is missing then.
type book struct {
	sum  tally
	seen tally // at the last look
}

// A tally is payload of data messages, in bytes.
type tally struct {
	sent    map[string]int64 // by the location of those it went to
	arrived int64            // from beyond the own location
}

// opened takes what a new life begins with.
func (b *book) opened(t tally) { b.seen = t }

// add takes what has come since.
func (b *book) add(t tally) {
	if b.sum.sent == nil {
		b.sum.sent = map[string]int64{}
	}
	for location, bytes := range t.sent {
		b.sum.sent[location] += bytes - b.seen.sent[location]
	}
	b.sum.arrived += t.arrived - b.seen.arrived
	b.seen = t
}

// read asks the daemon.
func read(ctx context.Context, state string) (tally, error) {
	c := client.New(state)
	defer c.Close()
	l, err := c.Ledger(ctx, "", "")
	return newTally(l), err
}

func newTally(l api.Ledger) tally {
	t := tally{sent: map[string]int64{}}
	for _, p := range l.Peers {
		t.sent[p.Location] += p.Sent
		if p.Class != string(ledger.LAN) {
			t.arrived += p.Received
		}
	}
	return t
}
