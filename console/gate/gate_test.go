// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var morning = time.Date(2030, 1, 7, 8, 0, 0, 0, time.UTC)

func secret(n int) Secret { return Secret{byte(n), byte(n >> 8), 1} }

func TestALinkLetsInOnce(t *testing.T) {
	g := New()
	if _, err := g.Linked(morning, secret(1), "ada", Operator); err != nil {
		t.Fatal(err)
	}
	p, err := g.Opened(morning.Add(LinkFor-1), secret(1), secret(2))
	if err != nil || p.Name != "ada" || p.Role != Operator {
		t.Fatal(p, err)
	}
	if _, err := g.Opened(morning, secret(1), secret(3)); !errors.Is(err, ErrLink) {
		t.Errorf("the second time: %v", err)
	}
	if _, err := g.Opened(morning, secret(9), secret(3)); !errors.Is(err, ErrLink) {
		t.Errorf("a link that was never made: %v", err)
	}
	if _, err := g.Holds(morning, secret(3)); !errors.Is(err, ErrSession) {
		t.Errorf("a session that was never opened: %v", err)
	}
}

func TestALateLinkIsUsedUp(t *testing.T) {
	g := New()
	_, _ = g.Linked(morning, secret(1), "ada", Viewer)
	for _, at := range []time.Time{morning.Add(LinkFor), morning} {
		if _, err := g.Opened(at, secret(1), secret(2)); !errors.Is(err, ErrLink) {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

// A browser that is left open for a day is not let in on the next.
func TestASessionEnds(t *testing.T) {
	g := New()
	_, _ = g.Linked(morning, secret(1), "ada", Viewer)
	_, _ = g.Opened(morning, secret(1), secret(2))
	if p, err := g.Holds(morning.Add(SessionFor-1), secret(2)); err != nil || p.Until != morning.Add(SessionFor) {
		t.Error(p, err)
	}
	if _, err := g.Holds(morning.Add(SessionFor), secret(2)); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
	g.Left(secret(2))
	if _, err := g.Holds(morning, secret(2)); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
}

func TestThereAreNeverTooMany(t *testing.T) {
	g := New()
	for i := range 2 * maxSessions {
		now := morning.Add(time.Duration(i) * time.Second)
		_, _ = g.Linked(now, secret(i), "ada", Viewer)
		if i%2 == 0 {
			_, _ = g.Opened(now, secret(i), secret(1000+i))
		}
	}
	if len(g.links) != maxLinks || len(g.sessions) != maxSessions {
		t.Errorf("%d links and %d sessions", len(g.links), len(g.sessions))
	}
	if _, err := g.Holds(morning, secret(1000+2*maxSessions-2)); err != nil {
		t.Error("the newest session has gone:", err)
	}
}

func TestBadNamesAndRoles(t *testing.T) {
	g := New()
	for _, name := range []string{"", strings.Repeat("x", 65), "a\nb", "ä"} {
		if _, err := g.Linked(morning, secret(1), name, Viewer); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, role := range []Role{Nobody, 9, -1} {
		if _, err := g.Linked(morning, secret(1), "ada", role); !errors.Is(err, ErrRole) {
			t.Errorf("%d: %v", role, err)
		}
	}
	for r := Viewer; r <= Admin; r++ {
		if got, err := ParseRole(r.String()); got != r || err != nil {
			t.Error(got, err)
		}
	}
	if _, err := ParseRole("nobody"); !errors.Is(err, ErrRole) {
		t.Error(err)
	}
}
