// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto"
	"encoding/json"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
)

// What the hub spends on one letter, from its seal to that of the answer: beside it, what a host spends and the hub saves by not being asked
// is for bench, section control.
func BenchmarkLetter(b *testing.B) {
	w := newWorld(b)
	n, c := w.host("berlin")
	told, err := c.Sync(context.Background(), fleet.SyncRequest{Relay: true, Lan: "10.0.0.1:5"})
	w.must(err)
	doc, err := json.Marshal(fleet.SyncRequest{Relay: true, Lan: "10.0.0.1:5", Location: "berlin", Cursor: told.Cursor, Partial: true,
		Desired: &fleet.Desired{Root: "00000000000000000000000000000000"}})
	w.must(err)
	letters := make([][]byte, b.N)
	for i := range letters {
		letters[i], err = relay.Seal(uint64(time.Now().UnixMicro())+uint64(i), doc, n.Certificate.Certificate[0], n.Certificate.PrivateKey.(crypto.Signer))
		w.must(err)
	}
	known := &verified{}
	b.ReportAllocs()
	b.ResetTimer()
	for _, letter := range letters {
		if _, err := w.hub.letter(known, n.Identity, letter); err != nil {
			b.Fatal(err)
		}
	}
}
