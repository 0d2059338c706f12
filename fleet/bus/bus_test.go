// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
)

func TestSubjects(t *testing.T) {
	id := fleet.Identity{Fleet: "f", Location: "a.b", Peer: "0123456789abcdef"}
	for _, s := range []desired.Selector{{}, {Type: "os"}, {Content: "x"}, {Location: "a.b", Type: "os"}, {Peer: id.Peer}, {Location: "a.b", Peer: id.Peer}} {
		if !slices.Contains(Subjects(id), Subject("f", s)) {
			t.Errorf("%s is not heard: %s", s, Subject("f", s))
		}
	}
	for _, s := range []desired.Selector{{Location: "a"}, {Location: "a.b.c"}, {Peer: "0123456789abcdee"}} {
		if slices.Contains(Subjects(id), Subject("f", s)) {
			t.Errorf("%s is heard: %s", s, Subject("f", s))
		}
	}
}

func TestURLs(t *testing.T) {
	if list, err := ParseURLs("nats://a:1,tls://b"); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := ParseURLs("nats://hub:secret@a:1"); !errors.Is(err, ErrSecret) || strings.Contains(err.Error(), "secret@") {
		t.Error(err)
	}
	for _, bad := range []string{"nats://a,wss://b", "", "a:4222", "http://a", "nats://", "nats://a,", "nats://a, nats://b"} {
		if _, err := ParseURLs(bad); !errors.Is(err, ErrURL) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	got := reachable([]string{"tls://[::]:8734", "tls://0.0.0.0:1", "tls://10.0.0.1:2"}, "hub.example:8732")
	if !slices.Equal(got, []string{"tls://hub.example:8734", "tls://hub.example:1", "tls://10.0.0.1:2"}) {
		t.Error(got)
	}
	if got := reachable([]string{"wss://10.0.0.1:2" + Path}, "hub.example:443"); !slices.Equal(got, []string{"wss://hub.example:443" + Path}) {
		t.Error(got)
	}
}

// What is pushed over the servers of others is for those who have the key, on the subject it was pushed on.
func TestSealedPushes(t *testing.T) {
	k, other, doc := newKey(), newKey(), []byte("an order")
	push, err := sealed(k, "ebb.f.all", doc)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := opened(k, "ebb.f.all", push); err != nil || string(raw) != string(doc) {
		t.Errorf("%q, %v", raw, err)
	}
	if again, err := sealed(k, "ebb.f.all", doc); err != nil || slices.Equal(again, push) || strings.Contains(string(push), string(doc)) {
		t.Errorf("%q", again)
	}
	changed := slices.Clone(push)
	changed[len(changed)-1] ^= 1
	for what, x := range map[string]struct {
		key     []byte
		subject string
		push    []byte
	}{"another key": {other, "ebb.f.all", push}, "another subject": {k, "ebb.f.peer.x", push}, "changed": {k, "ebb.f.all", changed},
		"cut short": {k, "ebb.f.all", push[:11]}, "empty": {k, "ebb.f.all", nil}, "a key that is none": {[]byte("x"), "ebb.f.all", push}} {
		if raw, err := opened(x.key, x.subject, x.push); !errors.Is(err, errSealed) {
			t.Errorf("%s: %q, %v", what, raw, err)
		}
	}
}

func FuzzPush(f *testing.F) {
	k := make([]byte, keySize)
	push, err := sealed(k, "s", []byte("an order"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(push)
	f.Fuzz(func(t *testing.T, push []byte) {
		if raw, err := opened(k, "s", push); err == nil && len(raw) != len(push)-28 {
			t.Errorf("%d bytes out of %d", len(raw), len(push))
		}
	})
}

// The key turns with every host that goes, and every day. Who has followed the hub stays on the bus.
func TestTheKeyTurns(t *testing.T) {
	h := &Hub{told: fleet.Bus{URLs: []string{"nats://a:1"}, Login: fleet.BusLogin{User: "hosts", Password: "x"}}}
	h.turn()
	first := *h.Told("")
	host := &Host{version: first.Version, servers: servers(first)}
	if told := h.Told(first.Version); len(told.URLs) != 0 || len(told.Key) != 0 || !host.Follows(*told) {
		t.Errorf("a host that knows is told %+v", told)
	}
	if err := h.Hangup("somebody"); err != nil {
		t.Fatal(err)
	}
	second := *h.Told(first.Version)
	if slices.Equal(first.Key, second.Key) || len(second.Key) != keySize || !host.Follows(second) || host.Version() != second.Version {
		t.Errorf("%+v after %+v", second, first)
	}
	h.turned = h.turned.Add(-keyFor)
	third := *h.Told(second.Version)
	if slices.Equal(third.Key, second.Key) || !host.Follows(third) || !slices.Equal(host.key.Load().octets, third.Key) {
		t.Errorf("%+v after a day of %+v", third, second)
	}
	third.Login.Password = "y"
	if host.Follows(versioned(third)) {
		t.Error("it stays where another password is wanted")
	}
}

func FuzzURLs(f *testing.F) {
	f.Add("nats://a:1,tls://b")
	f.Fuzz(func(t *testing.T, s string) {
		if list, err := ParseURLs(s); err == nil {
			reachable(list, "h:1")
		}
	})
}

// Hosts that lose their bus at once do not come back at once: no tenth of the first ten seconds sees more than a fifth of them.
func TestNobodyStorms(t *testing.T) {
	var tenths [10]int
	const hosts = 10_000
	for range hosts {
		tenths[delay(1)/time.Second]++
		if d := delay(2); d < 5*time.Second || d > 30*time.Second {
			t.Fatal(d)
		}
	}
	for i, n := range tenths {
		if n > hosts/5 {
			t.Errorf("%d of %d in second %d", n, hosts, i)
		}
	}
}

// However long the hub was gone, when it is back no second sees more than a sixth of the hosts, and all have come after 31 s.
func TestReturnIsSpread(t *testing.T) {
	const hosts = 10_000
	for _, down := range []time.Duration{0, time.Second, 5 * time.Second, 20 * time.Second, time.Minute, time.Hour} {
		var seconds [60]int
		for range hosts {
			at := delay(1)
			for at < down {
				at += delay(2)
			}
			seconds[(at-down)/time.Second]++
		}
		for i, n := range seconds {
			if n > hosts/6 || i > 30 && n > 0 {
				t.Errorf("after %v: %d of %d come in second %d", down, n, hosts, i)
			}
		}
	}
}
