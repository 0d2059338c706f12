// SPDX-License-Identifier: Apache-2.0

// Package api names what a daemon's local API says and hears: the JSON documents of /api/v1 on its unix socket,
// and the problem that an error becomes. The daemon fills them in, the command line reads them, scripts rely on
// them: a field may be added, none is ever renamed or removed.
//
// Bytes are bytes, rates are bits per second, times are RFC 3339 in UTC, durations are seconds.
package api

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Flow states.
const (
	StateResolving  = "resolving"  // the name is not yet a manifest
	StateFetching   = "fetching"   // chunks are missing
	StateAssembling = "assembling" // all chunks are here, the output is being written
	StatePaused     = "paused"
	StateDone       = "done"
	StateFailed     = "failed"
	StateCancelled  = "cancelled"
)

// Status is GET /api/v1/status.
type Status struct {
	Version    string    `json:"version"`
	Role       string    `json:"role"`
	Peer       string    `json:"peer"`
	Location   string    `json:"location"`
	Fleet      string    `json:"fleet"`
	State      string    `json:"state_dir"`
	Addr       string    `json:"addr"`                 // data plane, UDP
	Console    string    `json:"console,omitempty"`    // URL of the hub's console
	Observed   string    `json:"observed"`             // the same as the hub sees it, empty until known
	Hub        HubStatus `json:"hub"`                  //
	Started    time.Time `json:"started"`              //
	Control    string    `json:"controller"`           // of congestion, towards other locations
	LanCarrier string    `json:"lan_carrier"`          // to hosts of the own location: tls, with udp where that does not get through, or udp
	LanPort    uint16    `json:"lan_port"`             // TCP port of the former; 0: none
	Peers      int       `json:"peers"`                // connected now
	Flows      int       `json:"flows"`                // not finished
	Chunks     int       `json:"cache_chunks"`         //
	Bytes      int64     `json:"cache_bytes"`          //
	Quota      *int64    `json:"cache_max_size_bytes"` // null: no limit
	Floor      int64     `json:"cache_min_free_bytes"` // of the volume
	Free       int64     `json:"volume_free_bytes"`    //
	Received   Sources   `json:"received"`             // since start, chunk bytes as they arrived
	Sent       int64     `json:"sent_bytes"`           // since start, chunk bytes handed to the carrier
	Serving    Serving   `json:"serving"`              // whether others are served now
	Divided    *Divided  `json:"divided,omitempty"`    // the own location; null: it is one, as far as is known

	Budget    []BudgetPart `json:"budget,omitempty"` // this host's part of its location's bandwidth; none: there is no budget
	Groups    []GroupState `json:"groups"`           // what goes to other locations, each as one flow
	Discovery Discovery    `json:"discovery"`        // how neighbours are found without the hub
}

// Divided says that hosts of a location do not reach one another though each of them is there, so that each side fetches for itself.
type Divided struct {
	Peers  []string `json:"peers"`  // that do not answer this host though the hub hears them
	Wanted int      `json:"wanted"` // of so many with whom it would talk
}

func (d *Divided) String() string {
	return fmt.Sprintf("%d of the %d hosts of this location that are wanted do not answer, though the hub hears them", len(d.Peers), d.Wanted)
}

// BudgetPart is one direction of what the hosts of a location share.
type BudgetPart struct {
	Direction string  `json:"direction"` // up or down
	Budget    float64 `json:"budget_bits_per_second"`
	Lease     float64 `json:"lease_bits_per_second"` // this host's part now
	Tight     bool    `json:"tight"`                 // it would use more
	State     string  `json:"state"`                 // all that is known of it, in one line
}

// GroupState is the congestion control of all that goes to one location.
type GroupState struct {
	Location string `json:"location"`
	State    string `json:"state"` // in one line
}

// Discovery is how a host finds its neighbours while the hub is away.
type Discovery struct {
	Multicast bool   `json:"multicast"`         // whether the own network is asked, and its questions are answered
	Static    int    `json:"static"`            // addresses that the operator wrote down
	Heard     int    `json:"heard"`             // addresses that were heard lately
	Problem   string `json:"problem,omitempty"` // why the network cannot be asked or answered
}

// Serving says whether a host serves others, and if not, why: cpu, disk, battery, vpn or metered.
type Serving struct {
	OK      bool     `json:"ok"`
	Reason  string   `json:"reason,omitempty"`
	Sensors *Sensors `json:"sensors,omitempty"` // null: nobody asked for them
}

// Sensors is what a host knows of itself; what is null or "unknown" it cannot tell, and that keeps it from nothing.
type Sensors struct {
	CPU       *float64 `json:"cpu"`        // share of all processors' time that other programs use, 0 to 1
	DiskQueue *float64 `json:"disk_queue"` // requests at the disk of the state directory
	Power     string   `json:"power"`      // mains, battery
	Link      string   `json:"link"`       // wired, wifi, vpn, metered
}

// HubStatus is what this host knows of its hub.
type HubStatus struct {
	Addr      string    `json:"addr"`
	Reachable bool      `json:"reachable"`
	LastSync  time.Time `json:"last_sync,omitzero"`
	Error     string    `json:"error,omitempty"`
	Warning   string    `json:"warning,omitempty"`   // what is wrong with where this host is
	Through   string    `json:"through,omitempty"`   // the peer by way of which this host reports, itself where it gathers for others; empty: it reports directly
	Twin      string    `json:"twin,omitempty"`      // another host uses this one's identity, at this address
	Ahead     float64   `json:"clock_ahead_seconds"` // of this host before the hub; negative: it is behind
}

// Sources splits bytes by where they came from: hosts of the own location, hosts elsewhere, the hub.
type Sources struct {
	LAN    int64 `json:"lan"`
	WAN    int64 `json:"wan"`
	Origin int64 `json:"origin"`
}

// Total is the sum over all sources.
func (s Sources) Total() int64 { return s.LAN + s.WAN + s.Origin }

// Reason is one cause of waiting. Code is one of a closed list; the texts are for people.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
	Peer   string `json:"peer,omitempty"`
	Count  int    `json:"count,omitempty"` // chunks or peers concerned
}

// PeerBytes is what one peer gave to a flow.
type PeerBytes struct {
	Peer  string `json:"peer"`
	Class string `json:"class"`
	Bytes int64  `json:"bytes"`
}

// Flow is one content on its way to this host.
type Flow struct {
	ID       string      `json:"id"`
	Ref      string      `json:"ref"` // what was asked for: a name or a content id
	Content  string      `json:"content,omitempty"`
	Name     string      `json:"name,omitempty"`
	Version  string      `json:"content_version,omitempty"`
	Type     string      `json:"type,omitempty"`
	Location string      `json:"location"`
	State    string      `json:"state"`
	Reason   string      `json:"reason,omitempty"` // code of the first reason while it waits, or of the failure
	Detail   string      `json:"detail,omitempty"`
	Out      string      `json:"out,omitempty"`
	Priority int         `json:"priority"`
	Size     int64       `json:"size_bytes"`
	Received int64       `json:"received_bytes"`  // chunk bytes that arrived since the daemon's start, useful or not
	Verified int64       `json:"verified_bytes"`  // bytes of the content whole, verified and on disk
	Wasted   int64       `json:"wasted_bytes"`    // received and not used
	InFlight int64       `json:"in_flight_bytes"` // asked for and not yet on disk
	Rate     float64     `json:"rate_bits_per_second"`
	From     Sources     `json:"received_from"`
	Sources  []PeerBytes `json:"sources"`
	Chunks   int         `json:"chunks"`
	Have     int         `json:"chunks_have"`
	Created  time.Time   `json:"created"`
	Finished time.Time   `json:"finished,omitzero"`
	Stage    bool        `json:"stage,omitempty"`         // fetched ahead: it stays at least until By
	By       time.Time   `json:"by,omitzero"`             // when it is to be here
	Window   string      `json:"window,omitempty"`        // hours of the host's local time in which it is fetched
	Opens    time.Time   `json:"opens,omitzero"`          // when Window opens, while it is closed
	Risk     string      `json:"deadline_risk,omitempty"` // why it will not be here in time, as things are

	Budget []BudgetPart `json:"budget,omitempty"` // of a flow that is shown alone: this host's part of its location's bandwidth
}

// Ended reports whether nothing more will happen to the flow by itself.
func (f Flow) Ended() bool {
	return f.State == StateDone || f.State == StateFailed || f.State == StateCancelled
}

// Get is POST /api/v1/flows.
type Get struct {
	Ref       string `json:"ref"`
	Out       string `json:"out,omitempty"` // absolute; empty: keep it in the cache only
	Overwrite bool   `json:"overwrite,omitempty"`
	Priority  int    `json:"priority,omitempty"`

	Stage  bool      `json:"stage,omitempty"`  // for later: without Out
	By     time.Time `json:"by,omitzero"`      // when it is to be here
	Window string    `json:"window,omitempty"` // hours in which it may be fetched, such as 22:00-06:00
}

// Content is one content this host knows.
type Content struct {
	ID       content.ID `json:"id"`
	Name     string     `json:"name"`
	Version  string     `json:"version"`
	Type     string     `json:"type"`
	Tree     bool       `json:"tree"`
	Size     int64      `json:"size_bytes"`
	Files    int        `json:"files"`
	Chunks   int        `json:"chunks"`
	Have     int        `json:"chunks_have"`
	Complete bool       `json:"complete"`
	Pinned   bool       `json:"pinned"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires,omitzero"`
}

// Shelved is one content of the cache.
type Shelved struct {
	Content
	Bytes      int64   `json:"bytes"`          // of its chunks on disk; those that contents share are counted with each
	Superseded bool    `json:"superseded"`     // a newer version of its name is known
	Pinned     bool    `json:"pinned"`         // it stays until it is unpinned
	Needed     bool    `json:"needed"`         // a flow wants it: it stays until that ends
	Last       bool    `json:"last_copy"`      // the location would have too few copies without this one, as far as is known
	Unused     float64 `json:"unused_seconds"` // since somebody last wanted it
}

// Cache is GET /api/v1/cache: what is held, in the order in which it goes when room is needed.
type Cache struct {
	Bytes  int64     `json:"bytes"`           // of chunks on disk, each counted once
	Quota  *int64    `json:"max_size_bytes"`  // null: no limit
	Floor  int64     `json:"min_free_bytes"`  // of the volume
	Free   int64     `json:"free_bytes"`      // of the volume
	Total  int64     `json:"volume_bytes"`    // 0: not known
	MaxAge float64   `json:"max_age_seconds"` // 0: any
	Strays int64     `json:"stray_bytes"`     // of chunks that belong to no content that is known
	Items  []Shelved `json:"contents"`
}

// Removed is what a removal took off the disk, or would.
type Removed struct {
	DryRun   bool      `json:"dry_run"`
	Chunks   int       `json:"chunks"`
	Bytes    int64     `json:"bytes"`
	Contents []Content `json:"contents"` // as they were before
}

// Scrub is the answer of POST /api/v1/cache/verify.
type Scrub struct {
	Chunks  int   `json:"chunks"`
	Bytes   int64 `json:"bytes"`
	Good    int   `json:"good"`
	Damaged int   `json:"damaged"` // dropped; fetched again where a flow needs them
	OK      bool  `json:"ok"`
}

// Verify is the answer of POST /api/v1/contents/{ref}/verify.
type Verify struct {
	Content content.ID `json:"content"`
	Name    string     `json:"name"`
	Chunks  int        `json:"chunks"`
	Good    int        `json:"good"`
	Missing int        `json:"missing"`
	Damaged int        `json:"damaged"` // set aside; fetched again by the next get
	OK      bool       `json:"ok"`
}

// Why is GET /api/v1/why/{ref}.
type Why struct {
	Ref     string   `json:"ref"`
	Flow    *Flow    `json:"flow,omitempty"`
	Reasons []Reason `json:"reasons"`
}

// Peer is one host of the address book.
type Peer struct {
	Peer       string  `json:"peer"`
	Role       string  `json:"role"`
	Location   string  `json:"location"`
	Class      string  `json:"class"`
	Connected  bool    `json:"connected"`
	Addr       string  `json:"addr,omitempty"`
	Reason     string  `json:"reason,omitempty"`  // why it is not connected or not used
	Refusal    string  `json:"refusal,omitempty"` // code of why it said no and rests: cpu, disk, battery, vpn, metered, slots, rate, peers-refused
	Carrier    string  `json:"carrier,omitempty"` // what the conversation runs on: udp, or tls within the location
	Received   int64   `json:"received_bytes"`
	Sent       int64   `json:"sent_bytes"`
	RTT        float64 `json:"rtt_seconds"`
	QueueDelay float64 `json:"queue_delay_seconds"`
	Rate       float64 `json:"rate_bits_per_second"` // what the controller would allow us to send to it
}

// Harm is GET /api/v1/harm, with ?location=L of that location only: the one-way delay that this host adds to paths to other
// locations by sending, measured in short silences of its own flows. Both lists are sorted by name.
type Harm struct {
	Locations []HarmTo `json:"locations"` // all paths to a location, which are silent together
	Paths     []HarmTo `json:"paths"`
}

// HarmTo is the added delay of one path, or of one location; then Peer is empty. The delays are null before there are ten pairs.
type HarmTo struct {
	Peer     string    `json:"peer,omitempty"`
	Location string    `json:"location"`
	Verdict  string    `json:"verdict"`        // one of the verdicts below
	Added    *float64  `json:"added_delay_ms"` // mean over the time in which this host sent
	Low      *float64  `json:"low_ms"`         // the 95 % confidence interval of the mean
	High     *float64  `json:"high_ms"`        //
	Pairs    int       `json:"pairs"`          // silences compared with a time of sending next to them; the last 512
	Probes   int       `json:"probes"`         // small datagrams timed in these
	Void     int       `json:"void"`           // silences that told nothing: probes were lost, or a clock stepped
	Since    time.Time `json:"since,omitzero"` // of the oldest pair
}

// Verdicts of HarmTo.
const (
	VerdictHarm       = "harm"        // the whole interval is above zero
	VerdictNoneFound  = "none found"  // the interval contains zero and ends below 5 ms
	VerdictNoEvidence = "no evidence" // fewer than ten pairs, or an interval too wide to tell
)

// Publish is the answer to a signed manifest that the hub took over.
type Publish struct {
	ID      content.ID `json:"id"`
	Name    string     `json:"name"`
	Version string     `json:"version"`
	Type    string     `json:"type"`
	Size    int64      `json:"size_bytes"`
	Files   int        `json:"files"`
	Chunks  int        `json:"chunks"`
}

// Token is POST /api/v1/tokens on a hub.
type Token struct {
	Token    string    `json:"token"`
	Location string    `json:"location,omitempty"`
	Expires  time.Time `json:"expires"`
}

// Ready is the line that a daemon prints with --json once it can be used.
type Ready struct {
	Event    string `json:"event"`             // "ready"
	Role     string `json:"role"`              // "hub" or "agent"
	Addr     string `json:"addr"`              // hub: control (TCP) and data (UDP); agent: data (UDP)
	Socket   string `json:"socket"`            // local API
	Peer     string `json:"peer"`              //
	Location string `json:"location"`          //
	PID      int    `json:"pid"`               //
	State    string `json:"state_dir"`         //
	Metrics  string `json:"metrics,omitempty"` // URL of the figures, where they are shown beside the socket
}
