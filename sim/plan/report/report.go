// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"time"
)

// Report is what a plan's replicas say together. As JSON, a field may be added and none is ever renamed or removed. Bytes are bytes, times of
// completion seconds since the order, null where something did not happen.
type Report struct {
	Name      string     `json:"name"`
	Made      Provenance `json:"provenance"`
	Start     time.Time  `json:"start"`
	Horizon   float64    `json:"horizon_seconds"`
	Locations int        `json:"locations_count"`
	Hosts     Figure     `json:"hosts"`

	Orders  []Order    `json:"orders"`
	WAN     Figure     `json:"wan_bytes"`                 // of content, over the WAN links of all locations
	Without Figure     `json:"wan_bytes_without_sharing"` // had every host fetched for itself
	Origin  Figure     `json:"origin_bytes"`
	Hours   []Hour     `json:"hours"`
	Peak    *Peak      `json:"peak_hour"` // the hour in which Ebb takes the most; null: it takes nothing
	Delay   []Delay    `json:"foreground_delay"`
	Busiest []Location `json:"busiest_links"` // at most 10
	Worst   []Location `json:"worst"`         // at most 20, the latest first, each as it was in its worst replica
	Reasons []Reason   `json:"reasons"`       // why locations took as long as they did
	Sweep   *Sweep     `json:"sweep,omitempty"`
	Places  []Location `json:"locations"` // all, by name of their class and number
}

// Provenance says where a report comes from.
type Provenance struct {
	Version     string   `json:"version"`
	Scenario    string   `json:"scenario_hash"`
	Fidelity    string   `json:"fidelity"` // flow or packet
	Controller  string   `json:"controller"`
	Calibration string   `json:"calibration_hash,omitempty"` // of the yield table; of the flow level only
	Stale       bool     `json:"calibration_stale"`          // the controllers' code has changed since the table was made
	Seeds       []uint64 `json:"seeds"`                      // of the replicas that are in it
	Wanted      int      `json:"seeds_wanted"`               // more than seeds: it was interrupted
	Part        bool     `json:"seed_in_part"`               // the only seed was interrupted as well: what was not complete by then is unknown
	Check       *Check   `json:"packet_check"`               // the flow level's error; null: not measured
}

// Check is how wrong the flow level was for some locations that were played again at packet level: parts of the packet level's figure.
type Check struct {
	Locations int     `json:"locations"`
	Median    float64 `json:"completion_median"`
	P95       float64 `json:"completion_p95"`
	Worst     float64 `json:"completion_worst"`
	WAN       float64 `json:"wan_bytes"`
	Differ    int     `json:"complete_at_one_level_only"` // orders of locations
}

// interrupted says how much of what was wanted is in the report; empty: all of it.
func (p *Provenance) interrupted() string {
	switch n := len(p.Seeds); {
	case p.Part:
		return fmt.Sprintf("from a part of one of %d seeds: what was not complete by then is not known.", p.Wanted)
	case n < p.Wanted:
		return fmt.Sprintf("from %d of %d seeds.", n, p.Wanted)
	}
	return ""
}

// Verdicts on a deadline.
const (
	Met    = "met"
	Mostly = "met-by-95"
	Missed = "missed"
)

// Order is what became of one order.
type Order struct {
	Content   string     `json:"content"`
	Size      int64      `json:"size_bytes"`
	To        []string   `json:"to"`
	At        time.Time  `json:"at"`
	By        *time.Time `json:"by"`
	Window    string     `json:"window,omitempty"`
	Priority  int        `json:"priority"`
	Hosts     Figure     `json:"hosts"`
	Complete  Figure     `json:"hosts_complete"`
	Locations int        `json:"locations"`
	P50       Quantile   `json:"locations_p50"` // when so many locations are complete
	P95       Quantile   `json:"locations_p95"`
	P99       Quantile   `json:"locations_p99"`
	All       Quantile   `json:"locations_all"`
	HostsP50  Quantile   `json:"hosts_p50"` // and so many hosts
	HostsP95  Quantile   `json:"hosts_p95"`
	HostsP99  Quantile   `json:"hosts_p99"`
	Verdict   string     `json:"deadline,omitempty"` // met, met-by-95, missed
	InTime    *Figure    `json:"locations_in_time"`  // 0..1
	WAN       Figure     `json:"wan_bytes"`
	Without   Figure     `json:"wan_bytes_without_sharing"`
	Regions   []Curve    `json:"regions"`
	Remedies  []Remedied `json:"remedies,omitempty"`
}

// Curve is when how many hosts of a region have a content.
type Curve struct {
	Region string  `json:"region"`
	Hosts  Figure  `json:"hosts"`
	Points []Point `json:"points"`
}

// Point is one of them.
type Point struct {
	Share float64 `json:"share"` // of the hosts, 0..1
	Quantile
}

// Remedied is what a plan with one thing changed would make of an order.
type Remedied struct {
	What    string   `json:"what"`
	P95     Quantile `json:"locations_p95"`
	InTime  Figure   `json:"locations_in_time"`
	Verdict string   `json:"deadline"`
	Gain    *float64 `json:"gain_seconds"` // by which the 95th percentile comes earlier
}

// Hour is one hour of the plan, over all links together.
type Hour struct {
	At         time.Time `json:"at"`
	Ebb        float64   `json:"ebb_bytes"`
	Foreground float64   `json:"foreground_bytes"`
	Capacity   float64   `json:"capacity_bytes"`
	Peak       float64   `json:"most_of_a_link"` // 0..1
}

// Peak is the busiest hour.
type Peak struct {
	At    time.Time `json:"at"`
	Share float64   `json:"share"`          // of all links together, 0..1
	Link  float64   `json:"most_of_a_link"` // of the one of which Ebb took the most
}

// Delay is what the foreground of locations of one name feels: the p95 of the added delay in each location while it fetched, as the median and the
// 95th percentile of locations.
type Delay struct {
	Class  string  `json:"name"`
	Median float64 `json:"median_seconds"`
	P95    float64 `json:"p95_seconds"`
	Most   float64 `json:"most_seconds"`
}

// Location is one location: medians over replicas.
type Location struct {
	Name    string     `json:"location"`
	Region  string     `json:"region"`
	Hosts   float64    `json:"hosts"`
	Down    float64    `json:"down_bits_per_second"`
	RTT     float64    `json:"rtt_seconds"`
	Done    []*float64 `json:"complete_seconds"` // one for one order; null: never, or the order is not for it
	For     []bool     `json:"ordered"`          // which orders are for it
	Late    float64    `json:"late"`             // 0..1: of the replicas, those in which it missed a deadline or was never complete
	Busiest float64    `json:"busiest_hour"`     // 0..1 of its link, for Ebb
	Delay   float64    `json:"added_delay_seconds"`
	WAN     float64    `json:"wan_bytes"`
	Reason  string     `json:"reason,omitempty"`

	Seed *uint64 `json:"seed,omitempty"` // among the worst: of the replica that this is of

	slowest float64 // of its orders
	worst   *Location
}

// Reason is one cause, over all locations.
type Reason struct {
	Reason    string `json:"reason"`
	Locations int    `json:"locations"`
	Late      int    `json:"late_locations"` // of these, late more often than not
}

// Sweep is a plan for each combination of values.
type Sweep struct {
	Axes   []SweepAxis  `json:"axes"`
	Order  string       `json:"content"` // whose completion the points tell: that of the first order
	Points []SweepPoint `json:"points"`  // the last axis fastest
}

// SweepAxis is one value that is varied.
type SweepAxis struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// SweepPoint is one combination.
type SweepPoint struct {
	Values  []string `json:"values"`
	P95     Quantile `json:"locations_p95"`
	InTime  *Figure  `json:"locations_in_time"`
	Verdict string   `json:"deadline,omitempty"`
	WAN     Figure   `json:"wan_bytes"`
	Delay   float64  `json:"added_delay_seconds"` // median over locations of the p95 that their foreground feels
}
