// SPDX-License-Identifier: Apache-2.0

// Package forecast says whether a content can be in each of some locations by a deadline.
//
// # Words
//
// What is left is the bytes of a content that nobody in the location holds; each of them crosses the location's WAN link once.
// What is ahead is the bytes left of other orders of the location that have the same priority or a higher one. The open time
// is how long the order's window is open between now and the deadline.
//
// # Algorithm
//
// A location needs the time that what is left and what is ahead take at the rate of its WAN link, and has the open time. The
// rate is that of the link where the topology tells it, otherwise the fastest that was seen lately; where neither is known,
// nothing is said of the location, unless nothing is left to be fetched.
//
// # Not promised
//
// It is an estimate from below: all of the link is reckoned with, and everybody else who uses it comes first when the bytes are really
// fetched. That the sources can send as fast as all locations receive is assumed. What is ahead is reckoned with whatever its own
// window, and chunks that two contents share are counted for both.
package forecast

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// MaxListed bounds the locations that a forecast lists.
const MaxListed = 100

// Verdicts on one location.
const (
	Fits    = "fits"
	Late    = "does-not-fit"
	Unknown = "not-known"
)

// Where a rate comes from.
const (
	FromTopology = "topology"
	FromTraffic  = "seen"
)

// Place is what is known of one location.
type Place struct {
	Location string
	Left     int64         // bytes of the content that nobody there holds
	Ahead    int64         // bytes that come before
	Link     int64         // bits a second of its WAN link as the topology says; 0: it does not
	Seen     float64       // bits a second, the most that came in lately; 0: nothing did
	Open     time.Duration // for which the window is open until the deadline
}

// Answer is what is to be expected of one location. Needs and Rate are null where the rate is not known.
type Answer struct {
	Location string   `json:"location"`
	Verdict  string   `json:"verdict"` // fits, does-not-fit or not-known
	Left     int64    `json:"left_bytes"`
	Ahead    int64    `json:"ahead_bytes"`
	Rate     *float64 `json:"rate_bits_per_second"`
	RateFrom string   `json:"rate_from,omitempty"` // topology or seen
	Needs    *float64 `json:"needs_seconds"`
	Has      float64  `json:"has_seconds"`
}

// Forecast is the answers of all locations of an order.
type Forecast struct {
	By        time.Time `json:"by"`
	Fits      int       `json:"locations_fit"`
	Late      int       `json:"locations_do_not_fit"`
	Unknown   int       `json:"locations_not_known"`
	Locations []Answer  `json:"locations"` // the worst first, at most MaxListed
	More      int       `json:"more_locations"`
}

// Of is the forecast for these locations.
func Of(by time.Time, places []Place) *Forecast {
	f := &Forecast{By: by.UTC(), Locations: make([]Answer, 0, len(places))}
	for _, p := range places {
		a := p.answer()
		switch a.Verdict {
		case Fits:
			f.Fits++
		case Late:
			f.Late++
		default:
			f.Unknown++
		}
		f.Locations = append(f.Locations, a)
	}
	slices.SortFunc(f.Locations, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(rank[a.Verdict], rank[b.Verdict]), cmp.Compare(b.strain(), a.strain()), cmp.Compare(b.Left, a.Left),
			cmp.Compare(a.Location, b.Location))
	})
	f.More = max(len(f.Locations)-MaxListed, 0)
	f.Locations = f.Locations[:len(f.Locations)-f.More]
	return f
}

// rank of the verdicts, the worst first.
var rank = map[string]int{Late: 0, Unknown: 1, Fits: 2}

// strain is how many times the time there is would be needed.
func (a Answer) strain() float64 {
	switch {
	case a.Needs == nil || *a.Needs == 0:
		return 0
	case a.Has == 0:
		return math.Inf(1)
	}
	return *a.Needs / a.Has
}

func (p Place) answer() Answer {
	a := Answer{Location: p.Location, Verdict: Unknown, Left: p.Left, Ahead: p.Ahead, Has: max(p.Open, 0).Seconds()}
	rate := float64(p.Link)
	switch {
	case p.Link > 0:
		a.RateFrom = FromTopology
	case p.Seen > 0:
		rate, a.RateFrom = p.Seen, FromTraffic
	}
	if p.Left == 0 { // what is ahead does not matter to what is there
		a.Ahead = 0
	}
	if rate > 0 {
		needs := float64(a.Left+a.Ahead) * 8 / rate
		a.Rate, a.Needs = &rate, &needs
	}
	switch {
	case p.Left == 0:
		a.Verdict = Fits
	case a.Has == 0:
		a.Verdict = Late
	case a.Needs != nil && *a.Needs > a.Has:
		a.Verdict = Late
	case a.Needs != nil:
		a.Verdict = Fits
	}
	return a
}
