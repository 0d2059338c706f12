// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/relay"
)

var apple = content.Sum([]byte("apple"))

// spoken is a host that has reported itself, as one does that may report by way of others.
func (w *world) spoken(location, lan string) (*client.Client, fleet.SyncReply) {
	w.Helper()
	_, c := w.host(location)
	r, err := sync1(c, fleet.SyncRequest{Relay: true, Lan: lan})
	w.must(err)
	if !r.Relay {
		w.Error("the hub takes no letters")
	}
	return c, r
}

// write is a letter that says that its writer holds an apple.
func (w *world) write(c *client.Client, lan, cursor string) relay.Sent {
	w.Helper()
	letter, err := c.Write(context.Background(), fleet.SyncRequest{Relay: true, Lan: lan, Cursor: cursor, Partial: true,
		Holdings: []fleet.Holding{{Content: apple, Chunks: 1, Complete: true}}})
	w.must(err)
	return letter
}

// voice is how the hub knows who writes as c does: its keys are those of c.
func (w *world) voice(c *client.Client, lan string) (fleet.Voice, relay.Letter) {
	w.Helper()
	l, err := relay.ParseLetter(w.write(c, lan, "").Raw)
	w.must(err)
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	v, err := w.hub.directory.Wrote(l)
	w.must(err)
	return v, l
}

// hand hands letters on and gives back which were answered.
func (w *world) hand(c *client.Client, letters ...[]byte) (answers [][]byte, taken string) {
	w.Helper()
	r, err := c.Letters(context.Background(), fleet.LettersRequest{Letters: letters})
	w.must(err)
	for _, a := range r.Answers {
		if len(a) > 0 {
			taken += "+"
		} else {
			taken += "-"
		}
	}
	return r.Answers, taken
}

// holders of an apple, as a host elsewhere hears of them.
func (w *world) holders() (list string) {
	w.Helper()
	_, c := w.host("elsewhere")
	r, err := sync1(c, fleet.SyncRequest{Wanted: []content.ID{apple}})
	w.must(err)
	for _, m := range r.Peers {
		list += m.Lan + " "
	}
	return list
}

// What a host reports by way of another is heard as if it had come itself, and it hears the same.
func TestLettersAreHeard(t *testing.T) {
	w := newWorld(t)
	a, _ := w.spoken("berlin", "10.0.0.1:5")
	b, told := w.spoken("berlin", "10.0.0.2:5")
	letter := w.write(b, "10.0.0.2:5", told.Cursor)
	answers, taken := w.hand(a, letter.Raw)
	if taken != "+" || w.holders() != "10.0.0.2:5 " {
		t.Fatalf("%q is taken; %q hold it", taken, w.holders())
	}
	r, err := b.Read(context.Background(), answers[0], letter)
	if err != nil || !r.Partial || r.Cursor == "" || r.Hub.Wan != w.addr.String() {
		t.Errorf("%+v, %v", r, err)
	}
	if bytes.Contains(letter.Raw, []byte("10.0.0.2")) || bytes.Contains(answers[0], []byte(r.Cursor)) {
		t.Error("who hands it on can read it")
	}
	// Nobody on the way can change the answer, or give that to another letter.
	wrong := bytes.Clone(answers[0])
	wrong[len(wrong)-2] ^= 1
	next := w.write(b, "10.0.0.2:5", told.Cursor)
	for what, x := range map[string]struct {
		answer []byte
		to     relay.Sent
	}{"changed": {wrong, letter}, "to another letter": {answers[0], next}, "the letter itself": {letter.Raw, letter}} {
		if _, err := b.Read(context.Background(), x.answer, x.to); !errors.Is(err, relay.ErrLetter) {
			t.Errorf("an answer, %s: %v", what, err)
		}
	}
	// The word of the writer itself agrees upon other keys; the answer to what it wrote before is good all the same.
	if _, err := sync1(b, fleet.SyncRequest{Relay: true, Lan: "10.0.0.2:5"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(context.Background(), answers[0], letter); err != nil {
		t.Error(err)
	}
	if _, taken := w.hand(a, next.Raw, w.write(b, "10.0.0.2:5", told.Cursor).Raw); taken != "-+" {
		t.Errorf("%q is taken of one under the old keys and one under the new", taken)
	}
	if direct, relayed, refused := w.hub.Reports(); direct != 4 || relayed != 2 || refused != 0 {
		t.Errorf("%d reports were direct, %d relayed, %d refused", direct, relayed, refused)
	}
}

// Only what the writer has not said anything newer than counts, and only after the hub has seen it itself.
func TestLettersOutOfOrder(t *testing.T) {
	w := newWorld(t)
	a, _ := w.spoken("berlin", "10.0.0.1:5")
	b, told := w.spoken("berlin", "10.0.0.2:5")
	first := w.write(b, "10.0.0.2:5", told.Cursor)
	second := w.write(b, "10.0.0.2:5", told.Cursor)
	if _, taken := w.hand(a, second.Raw, first.Raw, second.Raw); taken != "+--" {
		t.Errorf("%q of the second, the first and the second again are taken", taken)
	}
	late := w.write(b, "10.0.0.2:5", told.Cursor)
	if _, err := sync1(b, fleet.SyncRequest{Relay: true, Lan: "10.0.0.2:5"}); err != nil {
		t.Fatal(err)
	}
	if _, taken := w.hand(a, late.Raw); taken != "-" || w.holders() != "" {
		t.Errorf("%q is taken of what came late; %q hold it", taken, w.holders())
	}
	again := w.write(b, "10.0.0.2:5", told.Cursor)
	w.restart()
	if _, taken := w.hand(a, again.Raw); taken != "-" {
		t.Errorf("%q is taken by a hub that has not heard of its writer", taken)
	}
	if strings.Contains(w.log.String(), "is not taken") {
		t.Errorf("nothing of that is worth a word: %s", w.log.String())
	}
	if _, err := b.Write(context.Background(), fleet.SyncRequest{Relay: true, Lan: "10.0.0.7:5"}); !errors.Is(err, client.ErrMoved) {
		t.Errorf("from a place of which the hub does not know: %v", err)
	}
}

// What is forged, altered, of another location or too old is not taken, and said.
func TestLettersThatAreRefused(t *testing.T) {
	w := newWorld(t)
	a, _ := w.spoken("berlin", "10.0.0.1:5")
	b, told := w.spoken("berlin", "10.0.0.2:5")
	oslo, _ := w.spoken("oslo", "10.0.9.1:5")
	refused := func(what string, by *client.Client, letter []byte, why string) {
		t.Helper()
		w.mu.Lock()
		w.log.Reset()
		w.mu.Unlock()
		w.hub.mu.Lock()
		clear(w.hub.warned)
		w.hub.mu.Unlock()
		if _, taken := w.hand(by, letter, letter); taken != "--" {
			t.Errorf("%s: %q is taken", what, taken)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if said := w.log.String(); strings.Count(said, "is not taken") != 1 || !strings.Contains(said, why) || !strings.Contains(said, by.Node().Identity.Peer) {
			t.Errorf("%s: the log says %q", what, said)
		}
	}
	write := func() []byte { return w.write(b, "10.0.0.2:5", told.Cursor).Raw }
	for what, i := range map[string]int{"its time": 31, "what it says": 40, "its seal": -1} {
		letter := write()
		letter[(i+len(letter))%len(letter)] ^= 1
		refused(what, a, letter, "not a sealed report")
	}
	refused("nothing", a, nil, "its head")
	refused("by a host of another location", oslo, write(), "hands it on")

	v, l := w.voice(b, "10.0.0.2:5")
	forged, err := relay.Agree(func(string, []byte, int) ([]byte, error) { return make([]byte, 32), nil }, l.Since)
	w.must(err)
	sealed := func(k relay.Keys, doc string) []byte {
		t.Helper()
		x, err := k.Seal(l.Peer, uint64(time.Now().UnixMicro()), []byte(doc))
		w.must(err)
		return x.Raw
	}
	refused("under keys of one's own", a, sealed(forged, `{}`), "not a sealed report")
	refused("what is no report", a, sealed(v.Letter, "hello"), "not understood")
	refused("says that it is elsewhere", a, sealed(v.Letter, `{"location":"oslo"}`), "enrol again")
	w.setLate(letterFresh + time.Minute)
	refused("held back", a, write(), "6m0s ago")
	w.setLate(0)
	if _, taken := w.hand(a, write()); taken != "+" {
		t.Errorf("%q is taken of a good one", taken)
	}
	ended := v
	ended.Until = w.clock().Add(-time.Minute)
	w.hub.mu.Lock()
	w.hub.directory.Spoke(l.Since, ended)
	w.hub.mu.Unlock()
	refused("under a certificate that has run out", a, write(), "was good until")
	w.hub.mu.Lock()
	w.hub.directory.Spoke(l.Since, v)
	w.hub.mu.Unlock()
	w.steer(desired.Command{Verb: desired.DoRevoke, Selector: desired.Selector{Peer: l.Peer}})
	refused("of a host that was revoked", a, write(), "was revoked")
	if _, err := a.Letters(context.Background(), fleet.LettersRequest{Letters: make([][]byte, relay.MaxReports+1)}); err == nil {
		t.Error("any number of letters is taken")
	}
}
