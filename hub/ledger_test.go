// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/store"
)

const peerA = "00000000000000aa"

func entry(name string, received int64) ledger.Entry {
	return ledger.Entry{Key: ledger.Key{Content: content.Sum([]byte(name)), From: "hub", To: "berlin", Class: ledger.Origin},
		Counts: ledger.Counts{Received: received, Verified: received}}
}

func told(epoch string, entries ...ledger.Entry) ledger.Report {
	return ledger.Report{Epoch: strings.Repeat(epoch, 16), Entries: entries, Upto: 7}
}

// A report counts once however often it comes, an older one changes nothing, a new life of a journal is added, and after a restart of the
// hub everything acknowledged is there.
func TestAccountsSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	open := func() (*store.Store, *accounts) {
		st, err := store.Open(dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		a, err := openAccounts(st, func(key string, err error) { t.Errorf("%s: %v", key, err) })
		if err != nil {
			t.Fatal(err)
		}
		return st, a
	}
	st, a := open()
	for _, r := range []ledger.Report{told("a", entry("image", 100)), told("a", entry("image", 100)), told("a", entry("image", 250), entry("patch", 5)),
		told("a", entry("image", 100)), told("b", entry("image", 1000))} {
		if ack, _, err := a.take(peerA, r); err != nil || ack.Epoch != r.Epoch || ack.Upto != 7 {
			t.Fatal(ack, err)
		}
	}
	at, berlin := time.Unix(1e9, 0), fleet.Identity{Peer: peerA, Location: "berlin"}
	if err := a.held(at, berlin, []fleet.Holding{{Content: content.Sum([]byte("image")), Complete: true}, {Content: content.Sum([]byte("patch"))}}); err != nil {
		t.Fatal(err)
	}
	places := a.copy().Places()
	var sum int64
	for _, p := range places {
		sum += p.Origin
		if p.Complete != (p.Content == content.Sum([]byte("image"))) {
			t.Errorf("%+v", p)
		}
	}
	if sum != 1255 || a.rows[peerA] != 3 {
		t.Errorf("%d bytes in %d rows", sum, a.rows[peerA])
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st, a = open()
	defer st.Close()
	for i := range places {
		places[i].Complete = false // is reported again
	}
	if x := a.wholes.At(ledger.Place{Location: "berlin", Content: content.Sum([]byte("image"))}); x.Hosts != 1 || !x.Last.Equal(at) {
		t.Errorf("after the restart the hub knows %+v", x)
	}
	if again := a.copy().Places(); !reflect.DeepEqual(again, places) || a.rows[peerA] != 3 {
		t.Errorf("%+v after the restart, before %+v", again, places)
	}
}

// One host cannot fill the hub's disk, nor say two things about one entry.
func TestAccountsAreBounded(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	a, err := openAccounts(st, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.take(peerA, told("a", entry("image", 1), entry("image", 2))); err == nil {
		t.Error("two values of one entry are taken")
	}
	a.rows[peerA] = maxRows - 1
	if _, _, err := a.take(peerA, told("a", entry("one", 1))); err != nil {
		t.Error(err)
	}
	if _, _, err := a.take(peerA, told("a", entry("another", 1))); err == nil {
		t.Error("a row too many is taken")
	}
	if _, _, err := a.take(peerA, told("a", entry("one", 2))); err != nil {
		t.Errorf("a row that is there cannot change: %v", err)
	}
	if _, _, err := a.take("00000000000000bb", told("a", entry("one", 1))); err != nil {
		t.Errorf("others suffer from it: %v", err)
	}
	if got := fmt.Sprint(len(a.copy().Places())); got != "1" {
		t.Error(got)
	}
}
