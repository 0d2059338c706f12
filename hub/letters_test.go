// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
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
func (w *world) write(c *client.Client, lan, cursor string) (letter []byte, seq uint64) {
	w.Helper()
	letter, seq, err := c.Write(context.Background(), fleet.SyncRequest{Relay: true, Lan: lan, Cursor: cursor, Partial: true,
		Holdings: []fleet.Holding{{Content: apple, Chunks: 1, Complete: true}}})
	w.must(err)
	return letter, seq
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
	letter, seq := w.write(b, "10.0.0.2:5", told.Cursor)
	answers, taken := w.hand(a, letter)
	if taken != "+" || w.holders() != "10.0.0.2:5 " {
		t.Fatalf("%q is taken; %q hold it", taken, w.holders())
	}
	r, err := b.Read(context.Background(), answers[0], seq)
	if err != nil || !r.Partial || r.Cursor == "" || r.Hub.Wan != w.addr.String() {
		t.Errorf("%+v, %v", r, err)
	}
	// Nobody on the way can change the answer, or give that to another letter.
	wrong := bytes.Clone(answers[0])
	wrong[len(wrong)-2] ^= 1
	if _, err := b.Read(context.Background(), wrong, seq); !errors.Is(err, relay.ErrLetter) {
		t.Error(err)
	}
	if _, err := b.Read(context.Background(), answers[0], seq+1); !errors.Is(err, client.ErrForeign) {
		t.Error(err)
	}
	if _, err := b.Read(context.Background(), letter, seq); !errors.Is(err, client.ErrForeign) {
		t.Errorf("a letter of a host for an answer: %v", err)
	}
}

// Only what the writer has not said anything newer than counts, and only after the hub has seen it itself.
func TestLettersOutOfOrder(t *testing.T) {
	w := newWorld(t)
	a, _ := w.spoken("berlin", "10.0.0.1:5")
	b, told := w.spoken("berlin", "10.0.0.2:5")
	first, _ := w.write(b, "10.0.0.2:5", told.Cursor)
	second, _ := w.write(b, "10.0.0.2:5", told.Cursor)
	if _, taken := w.hand(a, second, first, second); taken != "+--" {
		t.Errorf("%q of the second, the first and the second again are taken", taken)
	}
	late, _ := w.write(b, "10.0.0.2:5", told.Cursor)
	if _, err := sync1(b, fleet.SyncRequest{Relay: true, Lan: "10.0.0.2:5"}); err != nil {
		t.Fatal(err)
	}
	if _, taken := w.hand(a, late); taken != "-" || w.holders() != "" {
		t.Errorf("%q is taken of what came late; %q hold it", taken, w.holders())
	}
	again, _ := w.write(b, "10.0.0.2:5", told.Cursor)
	w.restart()
	if _, taken := w.hand(a, again); taken != "-" {
		t.Errorf("%q is taken by a hub that has not heard of its writer", taken)
	}
	if strings.Contains(w.log.String(), "is not taken") {
		t.Errorf("nothing of that is worth a word: %s", w.log.String())
	}
	if _, _, err := b.Write(context.Background(), fleet.SyncRequest{Relay: true, Lan: "10.0.0.7:5"}); !errors.Is(err, client.ErrMoved) {
		t.Errorf("from a place of which the hub does not know: %v", err)
	}
}

// What is forged, altered, foreign or too old is not taken, and said.
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
		good, _ := w.write(b, "10.0.0.2:5", told.Cursor)
		if by == oslo {
			good = letter
		}
		_, taken := w.hand(by, letter, good)
		if by == a && taken != "-+" || by == oslo && taken != "--" {
			t.Errorf("%s: %q is taken of it and a good one", what, taken)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if said := w.log.String(); strings.Count(said, "is not taken") != 1 || !strings.Contains(said, why) || !strings.Contains(said, by.Node().Identity.Peer) {
			t.Errorf("%s: the log says %q", what, said)
		}
	}
	for what, i := range map[string]int{"its time": 15, "its certificate": 200, "what it says": -1} {
		letter, _ := w.write(b, "10.0.0.2:5", told.Cursor)
		letter[(i+len(letter))%len(letter)] ^= 1
		refused(what, a, letter, "not a sealed report")
	}
	refused("nothing", a, nil, "its head")
	letter, _ := w.write(b, "10.0.0.2:5", told.Cursor)
	refused("by a host of another location", oslo, letter, "hands on")

	foreign, err := newCA(t.TempDir(), w.clock())
	w.must(err)
	n := with(t, b.Node(), foreign, w.clock())
	doc, err := json.Marshal(fleet.SyncRequest{Holdings: []fleet.Holding{{Content: apple, Chunks: 1, Complete: true}}})
	w.must(err)
	sealed := func(seq time.Time, doc []byte) []byte {
		t.Helper()
		letter, err := relay.Seal(uint64(seq.UnixMicro()), doc, n.Certificate.Certificate[0], b.Node().Certificate.PrivateKey.(crypto.Signer))
		w.must(err)
		return letter
	}
	refused("under a certificate of another fleet", a, sealed(time.Now(), doc), "another fleet")
	n = with(t, b.Node(), w.hub.ca, w.clock().Add(-hostLife-time.Hour))
	refused("under one that has run out", a, sealed(time.Now(), doc), "compare the clocks")
	n = b.Node()
	refused("a day old", a, sealed(time.Now().Add(-24*time.Hour), doc), "24h0m0s ago")
	refused("what is no report", a, sealed(time.Now(), []byte("hello")), "not understood")
	doc = []byte(`{"location":"oslo"}`)
	refused("says that it is elsewhere", a, sealed(time.Now(), doc), "enrol again")
	if _, err := a.Letters(context.Background(), fleet.LettersRequest{Letters: make([][]byte, relay.MaxReports+1)}); err == nil {
		t.Error("any number of letters is taken")
	}
}
