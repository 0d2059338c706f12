// SPDX-License-Identifier: Apache-2.0

package window

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func mustParse(t testing.TB, text string) Window {
	w, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestOneFormIsAccepted(t *testing.T) {
	for _, text := range []string{"22:00-06:00", "00:00-24:00", "12:00-13:00,22:00-06:00", "23:59-00:00"} {
		if w := mustParse(t, text); w.String() != text || w.IsZero() {
			t.Errorf("%s is read as %s", text, w)
		}
	}
	for _, text := range []string{"", "22:00", "22-06", "2:00-6:00", "22:00-22:00", "24:00-06:00", "22:60-06:00", "25:00-06:00", "22:00-24:01",
		"22:00-06:00,", ",22:00-06:00", " 22:00-06:00", "22:00 - 06:00", "22:00–06:00", "-1:00-06:00", "22:00-06:00-07:00", "+2:00-06:00",
		strings.Repeat("01:00-02:00,", 24) + "01:00-02:00"} {
		if _, err := Parse(text); !errors.Is(err, ErrWindow) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestANightGoesOnToTheMorning(t *testing.T) {
	w := mustParse(t, "22:00-06:00")
	at := func(h, m int) time.Time { return time.Date(2030, 1, 10, h, m, 0, 0, zone(t, "Europe/Berlin")) }
	for _, x := range []struct {
		h, m int
		open bool
		next time.Time
	}{{21, 59, false, at(22, 0)}, {22, 0, true, at(30, 0)}, {0, 0, true, at(6, 0)}, {5, 59, true, at(6, 0)}, {6, 0, false, at(22, 0)}} {
		if now := at(x.h, x.m); w.Open(now) != x.open || !w.Next(now).Equal(x.next) {
			t.Errorf("%02d:%02d: open %t, next %s", x.h, x.m, w.Open(now), w.Next(now))
		}
	}
	if got := w.OpenUntil(at(12, 0), at(12+48, 0)); got != 16*time.Hour {
		t.Errorf("in two days it is open for %s", got)
	}
	if got := w.OpenUntil(at(12, 0), at(23, 0)); got != time.Hour {
		t.Errorf("until 23:00 it is open for %s", got)
	}
}

// In Berlin the clock is set from 03:00 back to 02:00 on 27 October 2030, and from 02:00 ahead to 03:00 on 31 March.
func TestWhereTheClockIsSet(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	utc := func(month time.Month, day, h, m int) time.Time {
		return time.Date(2030, month, day, h, m, 0, 0, time.UTC)
	}
	for _, x := range []struct {
		text string
		now  time.Time
		open bool
		next time.Time
	}{
		{"02:00-02:30", utc(10, 26, 23, 0), false, utc(10, 27, 0, 0)},
		{"02:00-02:30", utc(10, 27, 0, 0), true, utc(10, 27, 0, 30)},  // 02:00, the first time
		{"02:00-02:30", utc(10, 27, 0, 30), false, utc(10, 27, 1, 0)}, // 02:30, and soon 02:00 once more
		{"02:00-02:30", utc(10, 27, 1, 0), true, utc(10, 27, 1, 30)},
		{"02:00-02:30", utc(10, 27, 1, 30), false, utc(10, 28, 1, 0)},
		{"22:00-06:00", utc(10, 26, 20, 0), true, utc(10, 27, 5, 0)}, // nine hours
		{"02:00-02:30", utc(3, 31, 0, 30), false, utc(4, 1, 0, 0)},   // there is no 02:00 that day
		{"01:30-02:30", utc(3, 31, 0, 45), true, utc(3, 31, 1, 0)},   // 01:45, and the clock leaps to 03:00
		{"02:30-04:00", utc(3, 31, 0, 45), false, utc(3, 31, 1, 0)},
		{"22:00-06:00", utc(3, 30, 21, 0), true, utc(3, 31, 4, 0)}, // seven hours
	} {
		w := mustParse(t, x.text)
		if now := x.now.In(berlin); w.Open(now) != x.open || !w.Next(now).Equal(x.next) {
			t.Errorf("%s at %s: open %t, next %s, want %s", x.text, now, w.Open(now), w.Next(now), x.next.In(berlin))
		}
	}
	if got := mustParse(t, "22:00-06:00").OpenUntil(utc(10, 26, 12, 0).In(berlin), utc(10, 27, 12, 0)); got != 9*time.Hour {
		t.Errorf("the night is %s long", got)
	}
}

func TestAWindowThatNeverCloses(t *testing.T) {
	for _, w := range []Window{{}, mustParse(t, "00:00-24:00"), mustParse(t, "00:00-12:00,12:00-24:00")} {
		now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
		if !w.Open(now) || !w.Next(now).IsZero() || w.OpenUntil(now, now.Add(100*time.Hour)) != 100*time.Hour {
			t.Errorf("%q: next %s", w, w.Next(now))
		}
	}
}

// Next is the first minute at which Open changes, in whatever zone.
func TestNextIsTheFirstChange(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		var w Window
		for range rapid.IntRange(1, 3).Draw(t, "spans") {
			a, b := rapid.IntRange(0, wholeDay-1).Draw(t, "from"), rapid.IntRange(0, wholeDay).Draw(t, "to")
			if a != b {
				w.spans = append(w.spans, span{a, b})
			}
		}
		now := time.Unix(60*rapid.Int64Range(1262304000/60, 1924992000/60).Draw(t, "minute"), 0).In(z)
		want := now.Add(time.Minute)
		for w.Open(want) == w.Open(now) && want.Sub(now) < 2*24*time.Hour {
			want = want.Add(time.Minute)
		}
		got := w.Next(now)
		if w.Open(want) == w.Open(now) {
			if !got.IsZero() && got.Sub(now) < 2*24*time.Hour {
				t.Fatalf("%s in %s: next %s, and nothing changes", w, z, got)
			}
			return
		}
		if !got.Equal(want) {
			t.Fatalf("%s at %s: next %s, want %s", w, now, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"22:00-06:00", "12:00-13:00,22:00-06:00", "24:00-24:00", "99:99-00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := Parse(s); err == nil && w.String() != s {
			t.Errorf("%q is read as %q", s, w)
		}
	})
}
