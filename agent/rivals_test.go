// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	here    = netip.MustParseAddr("10.1.0.5")
	there   = netip.MustParseAddr("10.1.0.6")
	another = netip.MustParseAddr("10.1.0.7")
)

// A host that moves comes from another address, and one that is started again from the same: the new conversation takes over.
func TestAHostThatMovesIsNoTwin(t *testing.T) {
	r, now := rivals{}, epoch
	for _, x := range [][2]netip.Addr{{here, here}, {there, here}, {here, there}, {another, here}} { // home once, as from a dock
		if keep, news := r.came(now, "b", x[0], x[1], true); keep || news {
			t.Fatalf("from %s while at %s: keep %t, news %t", x[0], x[1], keep, news)
		}
		now = now.Add(10 * time.Second)
	}
	for n := range 50 { // day after day
		now = now.Add(8 * time.Hour)
		from, at := here, there
		if n%2 == 0 {
			from, at = there, here
		}
		if keep, news := r.came(now, "b", from, at, true); keep || news {
			t.Fatalf("move %d: keep %t, news %t", n, keep, news)
		}
	}
}

// Two hosts with one identity drive each other out twice. Then that is known and said once, and the one that is there stays while it lives.
func TestTwinsDoNotFlap(t *testing.T) {
	r, now := rivals{}, epoch
	at, from := here, there
	taken, said := 0, 0
	for range 1000 {
		now = now.Add(500 * time.Millisecond)
		keep, news := r.came(now, "b", from, at, true)
		if news {
			said++
		}
		if !keep {
			taken++
			at, from = from, at
		}
	}
	if taken > 2 || said != 1 {
		t.Errorf("%d conversations were taken over, and it was said %d times", taken, said)
	}
	if text := r.tell(now, "b"); !strings.Contains(text, here.String()) || !strings.Contains(text, there.String()) || !strings.Contains(text, "enroll --again") {
		t.Errorf("told %q", text)
	}
	if r.tell(now, "c") != "" {
		t.Error("another is suspected")
	}
	// The one that is there dies: the other takes over. One is enrolled again: after a while nothing is said any more.
	if keep, _ := r.came(now, "b", from, at, false); keep {
		t.Error("a conversation that is dead stays")
	}
	if now = now.Add(rivalFor); r.tell(now, "b") != "" {
		t.Errorf("still told %q", r.tell(now, "b"))
	}
}

// However many members come and go, so many are watched.
func TestRivalsAreBounded(t *testing.T) {
	r := rivals{}
	for n := range 1000 {
		r.came(epoch.Add(time.Duration(n)*time.Second), fmt.Sprint(n), here, there, true)
	}
	if len(r) != maxRivals || r["999"] == nil || r["0"] != nil {
		t.Errorf("%d are watched", len(r))
	}
}
