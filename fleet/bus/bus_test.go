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
