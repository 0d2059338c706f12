// SPDX-License-Identifier: Apache-2.0

package plan

import "time"

// Never is the completion of what was not complete at the horizon.
const Never = time.Duration(1<<63 - 1)

// Outcome is what came of a scenario with one seed. It holds no maps, so that it prints the same each time.
type Outcome struct {
	Seed   uint64
	Orders []OrderOutcome // one for one Scenario.Orders
	Places []Place        // every location, by class and index

	Origin int64     // bytes of content the origin sent
	Hours  []HourUse // of all locations together, an hour each since Scenario.Start

	Events uint64 // worked through by the engine
}

// OrderOutcome is one order's.
type OrderOutcome struct {
	Hosts, Complete int
	// Done are the completions of the hosts that completed, since Order.At, ascending. Regions says the same by region.
	Done    []time.Duration
	Regions [][]time.Duration
	WAN     int64 // bytes of content that crossed WAN links for it, as a ledger counts them: without headers
}

// Place is one location's part.
type Place struct {
	Class, Index int
	Hosts        int
	Down         Rate // of its link, as drawn
	RTT          time.Duration
	Done         []time.Duration // one for one Scenario.Orders: its last host, since Order.At; Never; -1: the order is not for it
	WAN          int64           // bytes of content that crossed its link, without headers
	Busiest      float64         // 0..1: the hour in which Ebb used the most of its link
	Delay        time.Duration   // p95 of the delay that Ebb added to its foreground, while it fetched
	Reason       Straggle        // what took most of the time of its slowest order
}

// Straggle is why a location took as long as it did.
type Straggle string

// What takes the time of a location.
const (
	Thin      Straggle = "thin-link"      // its link is slow for what it was to fetch
	Busy      Straggle = "busy-link"      // the foreground left too little
	Lossy     Straggle = "lossy-link"     // loss keeps the controller from using what is left
	Shut      Straggle = "outside-window" // the hours of the order were over
	Asleep    Straggle = "hosts-off"      // hosts were not on
	Cut       Straggle = "link-down"
	Paused    Straggle = "paused"
	Upstream  Straggle = "shared-link" // the origin's or the region's link
	Ahead     Straggle = "higher-priority"
	NoRoom    Straggle = "cache-too-small"
	NoMetered Straggle = "metered"
)

// HourUse is how links were used in one hour, over all locations.
type HourUse struct {
	Ebb        int64   // bytes on the wire, headers included
	Foreground int64   // bytes
	Capacity   int64   // bytes that the links could have carried
	Peak       float64 // 0..1: the most that Ebb took of any location's link
}
