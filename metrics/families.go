// SPDX-License-Identifier: Apache-2.0

// Package metrics shows what daemons and the hub count as Prometheus reads it, and whether they are well: /metrics, /livez and /readyz.
//
// # Words
//
// A family is a metric with its help text and its labels. A page is what one process shows: an endpoint shows its own figures, the hub
// those of the fleet, by location, and beside them what only its own host can count. The names of families are promised: scripts and
// dashboards rely on them.
//
// # Algorithm
//
// Nothing is counted here but the commits of the journal, which nobody else counts. A page is drawn up when it is asked for, from the
// figures of the daemon and the census and the books of the hub. Bytes come from the ledger, which the journal keeps: they go on
// after a restart.
//
// # Labels
//
// Labels are location, content_type, source, class, reason, state, version and role, never ids, names of contents or paths. Sources, classes, reasons
// and states are closed lists. Locations are bounded: the first MaxLocations that are seen have rows of their own for as long as the process runs, so
// that a counter never moves from one row to another; all further ones are added up as "other". So are content types beyond MaxTypes. An
// endpoint forgets what it does not hold, so that only the hub tells types.
//
// # Who may read
//
// Whoever is on this machine. Prometheus has no session, and there is nothing to do here but to read sums; what they tell, names of
// locations and how much moves, is what a monitoring system is for. A page on loopback can be asked only under loopback's names, so that
// a site in a browser cannot read it by pointing a name of its own at it.
//
// # Not promised
//
// A fleet's row is as old as the news of its hosts. What the hub and its endpoints show of the same bytes adds up to twice them: choose
// by job.
package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

// MaxLocations bounds the locations that one page tells apart.
const MaxLocations = 1000

// MaxTypes bounds the content types that one page tells apart.
const MaxTypes = 32

// Other is the location, or the content type, of all beyond the bound.
const Other = "other"

// Where a family is shown.
const (
	onEndpoint = 1 << iota
	onHub
)

// family is one metric.
type family struct {
	name   string
	help   string
	kind   prometheus.ValueType // Untyped: a histogram
	labels []string
	on     int
	most   bool // of rows that fall together the greatest counts, not the sum
}

const histogram = prometheus.UntypedValue

// The families, by name.
const (
	received      = "ebb_received_bytes_total"
	sent          = "ebb_sent_bytes_total"
	amplification = "ebb_wan_amplification_ratio"
	wasted        = "ebb_wasted_bytes_total"
	flows         = "ebb_flows"
	queueDelay    = "ebb_queue_delay_seconds"
	rate          = "ebb_rate_bits_per_second"
	stalled       = "ebb_stall_seconds_total"
	rejections    = "ebb_chunk_rejections_total"
	refusals      = "ebb_peer_refusals_total"
	refetched     = "ebb_resume_refetched_bytes_total"
	journalCommit = "ebb_journal_commit_seconds"
	cacheBytes    = "ebb_cache_bytes"
	pauseLatency  = "ebb_pause_latency_seconds"
	harmDelay     = "ebb_harm_added_delay_seconds"
	reports       = "ebb_reports_total"
	apartHosts    = "ebb_apart_hosts"
	buildInfo     = "ebb_build_info"
)

var families = []family{
	{name: received, kind: prometheus.CounterValue, labels: []string{"location", "source", "content_type"}, on: onEndpoint | onHub,
		help: "Payload that came into a location, by what it crossed: lan within it, wan from another location, origin from the hub; the hub tells content types."},
	{name: sent, kind: prometheus.CounterValue, labels: []string{"location"}, on: onEndpoint | onHub,
		help: "Payload that was sent to hosts of a location."},
	{name: amplification, kind: prometheus.GaugeValue, labels: []string{"location"}, on: onHub,
		help: "How often contents that a location holds whole crossed its WAN link; 1 is once."},
	{name: wasted, kind: prometheus.CounterValue, labels: []string{"location", "reason"}, on: onEndpoint | onHub,
		help: "Payload that came in and was of no use: rejected had a wrong hash, duplicate was here already, canceled was taken back or cut off."},
	{name: flows, kind: prometheus.GaugeValue, labels: []string{"location", "state"}, on: onEndpoint | onHub,
		help: "Contents on their way to hosts, and those that ended lately, by what they are doing."},
	{name: queueDelay, kind: prometheus.GaugeValue, labels: []string{"location"}, on: onEndpoint | onHub, most: true,
		help: "The longest queue on the way into a location, in seconds, of those that were sent to lately."},
	{name: rate, kind: prometheus.GaugeValue, labels: []string{"location", "source"}, on: onEndpoint | onHub,
		help: "Payload that comes into a location now, in bits per second; the hub tells lan from wan, an endpoint does not."},
	{name: stalled, kind: prometheus.CounterValue, labels: []string{"reason"}, on: onEndpoint,
		help: "Time that flows of this host waited, by what for, added up over flows."},
	{name: rejections, kind: prometheus.CounterValue, labels: []string{"reason"}, on: onEndpoint | onHub,
		help: "What was dropped because it was wrong: hash and manifest came from peers, disk was held here and had changed."},
	{name: refusals, kind: prometheus.CounterValue, labels: []string{"reason"}, on: onEndpoint,
		help: "Requests of this host that peers refused, by their reason."},
	{name: refetched, kind: prometheus.CounterValue, on: onEndpoint,
		help: "Payload that had arrived and was not yet kept when the last process ended, and has to come again."},
	{name: journalCommit, kind: histogram, on: onEndpoint | onHub,
		help: "Time that one commit of the journal took until it was durable."},
	{name: cacheBytes, kind: prometheus.GaugeValue, on: onEndpoint | onHub,
		help: "Bytes of chunks on the disk of this host."},
	{name: pauseLatency, kind: histogram, on: onEndpoint,
		help: "Time from the making of a pause, by the hub's clock, until flows of this host stood still, by this host's."},
	{name: harmDelay, kind: prometheus.GaugeValue, labels: []string{"location"}, on: onEndpoint | onHub, most: true,
		help: "Delay that is added to others on the way into a location, measured in silences; absent while there is no evidence."},
	{name: reports, kind: prometheus.CounterValue, labels: []string{"class"}, on: onEndpoint | onHub,
		help: "News of hosts that the hub took: direct from themselves, relayed by way of a host of their location; what a hub refused was forged or foreign."},
	{name: apartHosts, kind: prometheus.GaugeValue, labels: []string{"location"}, on: onEndpoint | onHub,
		help: "Hosts of a location that do not reach one another though the hub hears them, as on a LAN that is divided; at an endpoint those that do not answer it."},
	{name: buildInfo, kind: prometheus.GaugeValue, labels: []string{"version", "role"}, on: onEndpoint | onHub,
		help: "Always 1; the version of the program and what it runs as."},
}

// The closed lists. Reasons of each family have a list of their own.
var (
	sources = []string{"lan", "wan", "origin"}
	states  = []string{"resolving", "fetching", "waiting", "assembling", "paused", "done", "failed", "cancelled"}
	wastes  = []string{"rejected", "duplicate", "canceled"}
	ways    = []string{"direct", "relayed", "refused"}
)

// Labels is the closed list of the values that a label of a family takes; nil: it is no list, but bounded (location, content_type, version, role).
func Labels(name, label string) []string {
	switch {
	case label == "source":
		return sources
	case label == "state":
		return states
	case label == "class":
		return ways
	case label != "reason":
		return nil
	}
	var list []string
	switch name {
	case wasted:
		return wastes
	case stalled:
		for _, r := range scheduler.Reasons() {
			list = append(list, r.String())
		}
	case rejections:
		for _, r := range agent.Rejections() {
			list = append(list, string(r))
		}
	case refusals:
		for _, r := range transfer.Reasons() {
			list = append(list, r.String())
		}
	}
	return list
}

// Names lists the families that are shown somewhere, sorted.
func Names() []string {
	var list []string
	for _, f := range families {
		list = append(list, f.name)
	}
	slices.Sort(list)
	return list
}
