// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
)

// What the hub spends on one letter, from its seal to that of the answer: beside it, what a host spends and the hub saves by not being asked
// is for bench, section control.
func BenchmarkLetter(b *testing.B) {
	w := newWorld(b)
	c, told := w.spoken("berlin", "10.0.0.1:5")
	who, l := w.voice(c, "10.0.0.1:5")
	doc, err := json.Marshal(fleet.SyncRequest{Relay: true, Lan: "10.0.0.1:5", Location: "berlin", Cursor: told.Cursor, Partial: true,
		Desired: &fleet.Desired{Root: "00000000000000000000000000000000"}})
	w.must(err)
	letters := make([][]byte, b.N)
	for i := range letters {
		s, err := who.Letter.Seal(l.Peer, uint64(time.Now().UnixMicro())+uint64(i), doc)
		w.must(err)
		letters[i] = s.Raw
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, letter := range letters {
		if _, err := w.hub.letter(who.Identity, letter); err != nil {
			b.Fatal(err)
		}
	}
}
