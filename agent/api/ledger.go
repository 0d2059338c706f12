// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/ledger"
)

// Ledger is GET /api/v1/ledger, with ?location=L and ?content=NAME-OR-ID of these only: which bytes went where and for what. On a hub it
// is that of the fleet, on an agent its own part. Bytes are payload of data messages; package fleet/ledger has the words.
type Ledger struct {
	Rows  []LedgerRow  `json:"rows"`  // by location and content
	Peers []LedgerPeer `json:"peers"` // whom this daemon itself had to do with, all contents together
}

// LedgerRow is what came into one location for one content. received = lan + wan + origin = verified + rejected + duplicate + canceled + what
// is on its way; sent_here equals received once the conversations have ended, but for what hosts that were killed had not written down.
type LedgerRow struct {
	Location string `json:"location"`
	Content  string `json:"content,omitempty"` // empty: bytes that could not be told apart
	Name     string `json:"name,omitempty"`
	Type     string `json:"type,omitempty"`

	LAN       int64 `json:"lan_bytes"`    // received from hosts of the location
	WAN       int64 `json:"wan_bytes"`    // from hosts elsewhere
	Origin    int64 `json:"origin_bytes"` // from the hub
	Received  int64 `json:"received_bytes"`
	Verified  int64 `json:"verified_bytes"`
	Rejected  int64 `json:"rejected_bytes"`  // wasted: the hash was wrong
	Duplicate int64 `json:"duplicate_bytes"` // wasted: it was here already
	Canceled  int64 `json:"canceled_bytes"`  // wasted: taken back, refused in the middle, or cut off
	Sent      int64 `json:"sent_here_bytes"` // what the senders say

	Distinct      *int64   `json:"distinct_bytes"`    // of the content, once a host of the location holds all of it; null: none does, or unknown
	Amplification *float64 `json:"wan_amplification"` // (wan + origin) / distinct; null while that is

	Whole int        `json:"hosts_complete,omitempty"` // on a hub: the most hosts of the location that have held all of it,
	First *time.Time `json:"first_complete,omitempty"` // when the hub heard of the first of them
	Last  *time.Time `json:"last_complete,omitempty"`  // and of the last
}

// LedgerPeer is what went to and came from one peer. Wire bytes are those of datagrams, headers, acknowledgements and retransmissions
// included.
type LedgerPeer struct {
	Peer         string `json:"peer"`
	Location     string `json:"location"`
	Class        string `json:"class"`
	Sent         int64  `json:"sent_bytes"`
	Received     int64  `json:"received_bytes"`
	WireSent     int64  `json:"wire_sent_bytes"`
	WireReceived int64  `json:"wire_received_bytes"`
}

// Described is what a daemon knows of a content.
type Described struct {
	Name, Type string
	Distinct   int64 // bytes of its distinct chunks; 0: not known
}

// NewLedger puts totals into words.
func NewLedger(totals *ledger.Totals, partners []ledger.Partner, described func(content.ID) Described) *Ledger {
	doc := &Ledger{Rows: []LedgerRow{}, Peers: []LedgerPeer{}}
	known := map[content.ID]Described{}
	for _, t := range totals.Places() {
		if t.Counts == (ledger.Counts{}) {
			continue // held, and never transferred
		}
		r := LedgerRow{Location: t.Location, LAN: t.LAN, WAN: t.WAN, Origin: t.Origin, Received: t.Received, Verified: t.Verified,
			Rejected: t.Rejected, Duplicate: t.Duplicate, Canceled: t.Canceled, Sent: t.Sent}
		if !t.Content.IsZero() {
			d, seen := known[t.Content]
			if !seen {
				d = described(t.Content)
				known[t.Content] = d
			}
			r.Content, r.Name, r.Type = t.Content.String(), d.Name, d.Type
			if a, ok := t.Amplification(d.Distinct); ok {
				r.Distinct, r.Amplification = &d.Distinct, &a
			}
		}
		doc.Rows = append(doc.Rows, r)
	}
	for _, p := range partners {
		doc.Peers = append(doc.Peers, LedgerPeer{Peer: p.Peer, Location: p.Location, Class: string(p.Class), Sent: p.Sent, Received: p.Received,
			WireSent: p.WireSent, WireReceived: p.WireReceived})
	}
	return doc
}

// Only leaves the rows of a location and a content (name or id), where they are not empty. One that no row is about is a problem.
func (l *Ledger) Only(location, ref string) error {
	rows := []LedgerRow{}
	for _, r := range l.Rows {
		if (location == "" || r.Location == location) && (ref == "" || r.Content == ref || r.Name == ref) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 && location+ref != "" {
		return &Problem{Title: fmt.Sprintf("the ledger has no row of location %q and content %q", location, ref), Status: 404,
			Code: CodeNotFound, Detail: "an empty one stands for all", Hint: "ebb ledger"}
	}
	l.Rows = rows
	return nil
}
