// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"net/netip"
	"testing"
)

// What others hand on counts only if it is newer than all that was heard of its writer, and from where that one was seen.
func TestWhatOthersHandOn(t *testing.T) {
	d := NewDirectory(Member{})
	till := Identity{Role: RoleAgent, Location: "berlin", Peer: "till"}
	seen := netip.MustParseAddr("203.0.113.9")
	hear := func(seq uint64, want error) {
		t.Helper()
		if from, err := d.Relayed("till", seq); !errors.Is(err, want) || err == nil && from != seen {
			t.Errorf("%d from %v: %v", seq, from, err)
		}
	}
	hear(5, ErrUnheard)
	d.Announced(morning, till, SyncRequest{})
	hear(5, ErrUnheard)
	d.Spoke("till", 10, seen)
	hear(10, ErrOlder)
	hear(11, nil)
	hear(11, ErrOlder)
	hear(15, nil)
	if !d.Newest("till", 15) || d.Newest("till", 11) || d.Newest("nobody", 0) {
		t.Error("the newest is 15")
	}
	d.Spoke("till", 3, seen) // its clock was set back
	hear(3, ErrOlder)
	hear(4, nil)
}

// Neighbours hear who relays, and when one does no more.
func TestWhoRelaysIsNews(t *testing.T) {
	d := NewDirectory(Member{})
	a, b := Identity{Role: RoleAgent, Location: "berlin", Peer: "a"}, Identity{Role: RoleAgent, Location: "berlin", Peer: "b"}
	report := func(id Identity, r SyncRequest) SyncReply {
		return d.Answer(morning, id, r, d.Announced(morning, id, r))
	}
	report(a, SyncRequest{})
	cursor := report(b, SyncRequest{}).Cursor
	for _, relays := range []bool{true, false} {
		report(a, SyncRequest{Relay: relays})
		r := report(b, SyncRequest{Cursor: cursor, Partial: true})
		if cursor = r.Cursor; !r.Partial || len(r.Peers) != 1 || r.Peers[0].Relay != relays {
			t.Errorf("%+v", r)
		}
	}
}
