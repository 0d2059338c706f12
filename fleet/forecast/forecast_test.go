// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var by = time.Date(2026, 5, 1, 6, 0, 0, 0, time.UTC)

func one(p Place) Answer { return Of(by, []Place{p}).Locations[0] }

// 9 GB over 20 Mbit/s take an hour.
func TestWhatFits(t *testing.T) {
	const left = 9e9
	for _, x := range []struct {
		story string
		p     Place
		want  string
		needs float64 // hours; negative: not known
	}{
		{"an hour is enough", Place{Left: left, Link: 20e6, Open: time.Hour}, Fits, 1},
		{"half an hour is not", Place{Left: left, Link: 20e6, Open: time.Hour / 2}, Late, 1},
		{"another order of this size comes first", Place{Left: left, Ahead: left, Link: 20e6, Open: time.Hour}, Late, 2},
		{"most of it is there", Place{Left: left / 10, Link: 20e6, Open: time.Hour / 2}, Fits, 0.1},
		{"all of it is there, whatever else is to come", Place{Ahead: left, Link: 20e6}, Fits, 0},
		{"all of it is there, and nobody knows the link", Place{}, Fits, -1},
		{"nothing is known of the link", Place{Left: left, Open: time.Hour}, Unknown, -1},
		{"the link is known from what came over it", Place{Left: left, Seen: 20e6, Open: time.Hour}, Fits, 1},
		{"what the topology says counts more", Place{Left: left, Link: 10e6, Seen: 20e6, Open: time.Hour}, Late, 2},
		{"the window does not open before, whatever the link", Place{Left: left}, Late, -1},
	} {
		a := one(x.p)
		if a.Verdict != x.want || (a.Needs == nil) != (x.needs < 0) || a.Needs != nil && *a.Needs != x.needs*3600 {
			t.Errorf("%s: %+v", x.story, a)
		}
	}
}

func TestWorstFirst(t *testing.T) {
	f := Of(by, []Place{
		{Location: "easy", Left: 1e6, Link: 1e9, Open: time.Hour},
		{Location: "hard", Left: 9e9, Link: 10e6, Open: time.Hour},
		{Location: "dark", Left: 9e9, Open: time.Hour},
		{Location: "harder", Left: 9e9, Link: 1e6, Open: time.Hour},
		{Location: "tight", Left: 9e9, Link: 20e6, Open: time.Hour},
		{Location: "shut", Left: 1, Link: 20e6},
	})
	var order []string
	for _, a := range f.Locations {
		order = append(order, a.Location)
	}
	if fmt.Sprint(order) != "[shut harder hard dark tight easy]" || f.Fits != 2 || f.Late != 3 || f.Unknown != 1 || f.More != 0 {
		t.Errorf("%v: %+v", order, f)
	}
}

func TestLongListsAreCut(t *testing.T) {
	var places []Place
	for i := range MaxListed + 7 {
		places = append(places, Place{Location: fmt.Sprint(i), Left: int64(i), Link: 1e6, Open: time.Hour})
	}
	f := Of(by, places)
	if len(f.Locations) != MaxListed || f.More != 7 || f.Fits != MaxListed+7 || f.Locations[0].Left != MaxListed+6 {
		t.Errorf("%d listed, %d more, %d fit, first %+v", len(f.Locations), f.More, f.Fits, f.Locations[0])
	}
}

// More time, a faster link or less to fetch never makes a verdict worse.
func TestMoreIsNeverWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes, rate := rapid.Int64Range(0, 1e13), rapid.Int64Range(1, 1e11)
		p := Place{Left: bytes.Draw(t, "left"), Ahead: bytes.Draw(t, "ahead"), Link: rate.Draw(t, "link"),
			Open: time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "open"))}
		if one(p).Verdict != Fits {
			return
		}
		q := p
		q.Left -= rapid.Int64Range(0, p.Left).Draw(t, "less")
		q.Ahead -= rapid.Int64Range(0, p.Ahead).Draw(t, "less ahead")
		q.Link += rate.Draw(t, "faster")
		q.Open += time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "longer"))
		if a := one(q); a.Verdict != Fits {
			t.Fatalf("%+v fits, and %+v: %+v", p, q, a)
		}
	})
}
