// SPDX-License-Identifier: Apache-2.0

// Package window tells at which hours something may be fetched.
//
// # Words
//
// A span is a time of day from one wall clock reading to another, the second not included; one that ends before it begins
// goes on to the next morning. A window is one or several spans: 22:00-06:00, or 12:00-13:00,22:00-06:00. It is open while
// the wall clock of a time zone reads a time in one of them.
//
// # Daylight saving
//
// Only what the wall clock reads counts. Where it is set back, an hour in a span is open twice; where it is set ahead, an
// hour that is left out is not there to be open; a span that lies wholly in it does not open that day.
//
// # Not promised
//
// Windows know no days of the week and no holidays.
package window

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrWindow reports a text that is no window.
var ErrWindow = errors.New("is no window: want hours such as 22:00-06:00, or several: 12:00-13:00,22:00-06:00")

// maxSpans bounds the spans of one window.
const maxSpans = 24

const wholeDay = 24 * 60

// span is minutes of the day: from is below wholeDay, to at most that, and they differ.
type span struct{ from, to int }

// Window is when something may be fetched. The zero Window is always open.
type Window struct{ spans []span }

// Parse reads a window. One form is accepted: HH:MM-HH:MM, joined by commas without blanks; 24:00 may end a span.
// ErrWindow.
func Parse(text string) (Window, error) {
	var w Window
	for part := range strings.SplitSeq(text, ",") {
		from, to, ok := strings.Cut(part, "-")
		a, ok1 := minutes(from)
		b, ok2 := minutes(to)
		if !ok || !ok1 || !ok2 || a == wholeDay || a == b || len(w.spans) == maxSpans {
			return Window{}, fmt.Errorf("%q %w", text, ErrWindow)
		}
		w.spans = append(w.spans, span{a, b})
	}
	return w, nil
}

func minutes(s string) (int, bool) {
	digit := func(i int) int { return int(s[i] - '0') }
	if len(s) != 5 || s[2] != ':' || strings.IndexFunc(s[:2]+s[3:], func(r rune) bool { return r < '0' || r > '9' }) >= 0 {
		return 0, false
	}
	h, m := digit(0)*10+digit(1), digit(3)*10+digit(4)
	n := h*60 + m
	return n, m < 60 && n <= wholeDay
}

// IsZero reports whether the window is always open because it has no spans.
func (w Window) IsZero() bool { return len(w.spans) == 0 }

// String is the form that Parse reads.
func (w Window) String() string {
	var parts []string
	for _, s := range w.spans {
		parts = append(parts, fmt.Sprintf("%02d:%02d-%02d:%02d", s.from/60, s.from%60, s.to/60, s.to%60))
	}
	return strings.Join(parts, ",")
}

// Open reports whether the window is open at t, by the wall clock of t's time zone.
func (w Window) Open(t time.Time) bool {
	at := t.Hour()*60 + t.Minute()
	return w.IsZero() || slices.ContainsFunc(w.spans, func(s span) bool {
		if s.from < s.to {
			return s.from <= at && at < s.to
		}
		return s.from <= at || at < s.to
	})
}

// horizon is how far ahead a change is looked for: whatever the clocks do, a span that exists comes within it.
const horizon = 3 * wholeDay * time.Minute

// Next is when the window opens or closes next after t; zero: not within three days, which is never.
func (w Window) Next(t time.Time) time.Time {
	open := w.Open(t)
	for _, c := range w.candidates(t) {
		if c.After(t) && w.Open(c) != open {
			return c
		}
	}
	return time.Time{}
}

// candidates are the moments at which the window may change within the horizon: each edge of a span on each day, by each
// offset that the zone has near, because a wall clock may read it twice; and each moment at which the clock is set.
func (w Window) candidates(t time.Time) []time.Time {
	zone := t.Location()
	var list []time.Time
	_, offset := t.Zone()
	offsets := []int{offset}
	for at := t; ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.Sub(t) > horizon {
			break
		}
		at = end
		list = append(list, end)
		_, offset := end.Zone()
		offsets = append(offsets, offset)
	}
	y, m, d := t.Date()
	for day := -1; day <= 4; day++ {
		midnight := time.Date(y, m, d+day, 0, 0, 0, 0, time.UTC)
		for _, s := range w.spans {
			for _, edge := range []int{s.from, s.to} {
				for _, off := range offsets {
					list = append(list, midnight.Add(time.Duration(edge)*time.Minute-time.Duration(off)*time.Second).In(zone))
				}
			}
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// OpenUntil is for how long the window is open between t and end.
func (w Window) OpenUntil(t, end time.Time) (open time.Duration) {
	for t.Before(end) {
		next := w.Next(t)
		if next.IsZero() || next.After(end) {
			next = end
		}
		if w.Open(t) {
			open += next.Sub(t)
		}
		t = next
	}
	return open
}
