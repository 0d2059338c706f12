// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/fleet/desired"
)

func TestCheck(t *testing.T) {
	all, berlin, host, kind := desired.Selector{}, desired.Selector{Location: "berlin"}, desired.Selector{Peer: "00000000000000aa"}, desired.Selector{Type: "os"}
	for _, x := range []struct {
		key, value string
		scope      desired.Selector
		want       error
	}{
		{"limits.download", "20Mbit", all, nil}, {"limits.upload", "none", host, nil}, {"limits.lan", "inherit", berlin, nil},
		{"location.budget.download", "2MB", berlin, nil}, {Window, "22:00-06:00", kind, nil}, {Window, Always, all, nil}, {Pin, "on", kind, nil},
		{MaxAge, "30d", kind, nil}, {"cache.max_size", "20%", all, nil}, {"cache.min_free", "off", all, nil},
		{"limits.downlaod", "20Mbit", all, ErrKey}, {"", "", all, ErrKey},
		{"limits.download", "20", all, ErrValue}, {"limits.download", "1bit", all, ErrValue}, {"limits.download", "-5Mbit", all, ErrValue},
		{Pin, "yes", kind, ErrValue}, {Window, "22-6", all, window.ErrWindow}, {MaxAge, "-1h", all, cache.ErrLimit}, {"cache.max_size", "120%", all, cache.ErrLimit},
		{"limits.download", "20Mbit", kind, ErrScope}, {"cache.max_size", "1GiB", desired.Selector{Content: "f"}, ErrScope},
		{"location.budget.upload", "20Mbit", host, ErrScope},
	} {
		if err := Check(x.key, x.value, x.scope); !errors.Is(err, x.want) || x.want == nil && err != nil {
			t.Errorf("%s %s for %s: %v, want %v", x.key, x.value, x.scope, err, x.want)
		}
	}
}

// "Flag > environment > file > hub policy > built-in, and a policy can lock a key."
func TestWhoHasTheSay(t *testing.T) {
	local := Settings{Limits: cache.Default()}
	local.Rates.Download = 1e6
	ruled := func(value string, lock bool) Said {
		return func(key string) (desired.Document, bool) {
			return desired.Document{Rule: desired.Rule{Value: value, Locked: lock}}, key == "limits.download"
		}
	}
	own := []string{"limits.download"}
	for _, x := range []struct {
		what string
		own  []string
		said Said
		want float64
		from From
	}{
		{"nobody says anything", nil, func(string) (desired.Document, bool) { return desired.Document{}, false }, 1e6, BuiltIn},
		{"a policy", nil, ruled("16Mbit", false), 2e6, ByPolicy},
		{"the host's own comes first", own, ruled("16Mbit", false), 1e6, Own},
		{"but not before a lock", own, ruled("16Mbit", true), 2e6, ByPolicy},
		{"a policy lifts a cap", nil, ruled("none", false), 0, ByPolicy},
		{"a value of a later release", nil, ruled("half", true), 1e6, BuiltIn},
	} {
		s := Resolve(local, x.own, x.said)
		if s.Rates.Download != x.want || s.Limits != local.Limits || s.Rates.Upload != 0 {
			t.Errorf("%s: %+v", x.what, s)
		}
		for _, k := range Tell(local, x.own, x.said) {
			if k.Key == "limits.download" && (k.From != x.from || k.Value != keys[0].write(s) && x.from != ByPolicy) {
				t.Errorf("%s: %+v", x.what, k)
			}
			if k.Key == "limits.download" && (k.Own != "") != (x.from == ByPolicy && x.own != nil) {
				t.Errorf("%s: what does not count is %q", x.what, k.Own)
			}
		}
	}
}

// What is written can be read again, and what Check lets through means what it says.
func TestValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Settings{}
		s.Rates.Upload = float64(rapid.Int64Range(8000, 1e10).Draw(t, "cap"))
		s.Limits.MaxAge = time.Duration(rapid.IntRange(0, 100).Draw(t, "hours")) * time.Hour
		s.Limits.MaxSize.Bytes = rapid.Int64Range(0, 1<<50).Draw(t, "size")
		for _, k := range keys {
			if k.write == nil {
				continue
			}
			var again Settings
			if err := k.read(k.write(s), &again); err != nil || k.write(again) != k.write(s) {
				t.Fatalf("%s: %q is read as %q: %v", k.name, k.write(s), k.write(again), err)
			}
		}
	})
	if !Pinned("on") || Pinned("off") || !Hours(Always).IsZero() || Hours("22:00-06:00").IsZero() || Age("none") != 0 || Age("2d") != 48*time.Hour {
		t.Error("what values mean")
	}
}
