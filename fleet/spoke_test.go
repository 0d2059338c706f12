// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet/relay"
)

// What others hand on counts only if it is newer than all that was heard of its writer, under the keys of its last own word, and from where that
// one was seen.
func TestWhatOthersHandOn(t *testing.T) {
	d := NewDirectory(Member{})
	till := Identity{Role: RoleAgent, Location: "berlin", Peer: "till"}
	speaks := func(seq uint64) {
		t.Helper()
		keys, err := relay.Agree(func(string, []byte, int) ([]byte, error) { return make([]byte, 32), nil }, seq)
		if err != nil {
			t.Fatal(err)
		}
		d.Spoke(seq, Voice{Identity: till, From: netip.MustParseAddr("203.0.113.9"), Letter: keys})
	}
	hear := func(since, seq uint64, want error) {
		t.Helper()
		l := relay.Letter{Peer: "till", Since: since, Seq: seq}
		if v, err := d.Wrote(l); !errors.Is(err, want) || err == nil && (v.Identity != till || v.From != netip.MustParseAddr("203.0.113.9")) {
			t.Errorf("%d after %d by %+v: %v", seq, since, v, err)
		}
		if err := d.Relayed(l); !errors.Is(err, want) {
			t.Errorf("%d after %d: %v", seq, since, err)
		}
	}
	hear(10, 15, ErrUnheard)
	speaks(10)
	hear(10, 15, ErrUnheard) // it is no member
	d.Announced(morning, till, SyncRequest{})
	hear(10, 15, ErrUnheard)
	d.Spoke(0, Voice{Identity: till}) // without keys
	hear(0, 15, ErrUnheard)
	speaks(10)
	hear(10, 10, ErrOlder)
	hear(10, 11, nil)
	hear(10, 11, ErrOlder)
	hear(10, 15, nil)
	if !d.Newest("till", 15) || d.Newest("till", 11) || d.Newest("nobody", 0) {
		t.Error("the newest is 15")
	}
	hear(9, 16, ErrOlder)    // under older keys
	hear(11, 16, ErrUnheard) // under those of a word that was not heard
	speaks(3)                // its clock was set back
	hear(3, 3, ErrOlder)
	hear(10, 16, ErrUnheard)
	hear(3, 4, nil)
}

// A host and its hub over two days, with what somebody keeps who hands letters on.
func TestLettersOverTwoDays(t *testing.T) {
	const till = "0123456789abcdef"
	now, d, connections := morning, NewDirectory(Member{}), byte(0)
	var keys relay.Keys
	seq := func() uint64 {
		now = now.Add(time.Second)
		return uint64(now.UnixMicro())
	}
	speak := func() { // over a connection of its own
		t.Helper()
		connections++
		at, secret := seq(), bytes.Repeat([]byte{connections}, 32)
		mine, err := relay.Agree(func(string, []byte, int) ([]byte, error) { return secret, nil }, at)
		if err != nil {
			t.Fatal(err)
		}
		id := Identity{Role: RoleAgent, Location: "berlin", Peer: till}
		d.Announced(now, id, SyncRequest{Seq: at})
		d.Spoke(at, Voice{Identity: id, Letter: mine})
		keys = mine
	}
	write := func() relay.Sent {
		t.Helper()
		s, err := keys.Seal(till, seq(), []byte("news"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	hand := func(what string, s relay.Sent, want error) {
		t.Helper()
		l, err := relay.ParseLetter(s.Raw)
		if err != nil {
			t.Fatal(err)
		}
		v, err := d.Wrote(l)
		if err == nil {
			_, err = v.Letter.Open(l)
		}
		if err == nil {
			err = d.Relayed(l)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	speak()
	first, second := write(), write()
	hand("a letter", first, nil)
	hand("again", first, ErrOlder)
	withheld := write()
	speak()
	hand("what was withheld until its writer spoke itself", withheld, ErrOlder)
	hand("under keys of before", second, ErrOlder)
	kept := write()
	hand("under the new keys", kept, nil)

	d = NewDirectory(Member{}) // the hub starts again
	hand("to a hub that has not heard its writer", write(), ErrUnheard)
	speak()
	hand("after a word of its own", write(), nil)

	now = now.Add(-time.Hour) // the host starts again, and its clock was set back
	speak()
	hand("with an earlier clock", write(), nil)
	hand("kept from before, and later by that clock", kept, ErrUnheard)

	now = now.Add(25 * time.Hour)
	if _, err := keys.Seal(till, seq(), nil); !errors.Is(err, relay.ErrKeys) {
		t.Errorf("the next day: %v", err)
	}
	speak()
	hand("the next day, after a word of its own", write(), nil)
	forged, err := relay.Agree(func(string, []byte, int) ([]byte, error) { return make([]byte, 32), nil }, keys.Since())
	if err != nil {
		t.Fatal(err)
	}
	keys = forged
	hand("forged", write(), relay.ErrLetter)
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
