// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"time"

	"github.com/ebbproject/ebb/content"
)

// PeerID names a host of the fleet, as its certificate does. Every host must know the others by the
// name they know themselves by: the sharing of work within a location rests on it.
type PeerID string

// Class says how far away a peer is. Lower is nearer, and nearer is asked first.
type Class uint8

// The classes, nearest first. Subnet and Location are "local": their bytes cross no WAN link.
const (
	Subnet Class = iota
	Location
	Near
	Far
	Origin
	classes = int(Origin) + 1
)

// FlowSpec describes a content to be fetched.
type FlowSpec struct {
	Content  content.ID
	Type     string               // the content type, for reports
	Chunks   []content.Chunk      // borrowed: neither party changes it afterwards
	Held     func(index int) bool // which chunks are stored already; asked once a chunk; nil: none
	Priority int                  // higher is strictly first
	Paused   Reason               // PausedByUser or PausedByPolicy to start paused, zero to start

	Foreground bool // somebody waits for it: Config.ForegroundPatience holds
}

// Span is Count chunks from index First on.
type Span struct{ First, Count uint32 }

// Holding is what a peer says it holds of a content.
type Holding struct {
	All   bool   // everything
	Delta bool   // Spans are added to what was known; otherwise they replace it
	Spans []Span // chunks by index; what lies outside the content is ignored
	Lost  []Span // with Delta: chunks it held and holds no longer
}

// Refusal is why a peer did not give what it was asked for.
type Refusal uint8

// The refusals, one for one those of the wire.
const (
	RefusedBusy Refusal = iota + 1
	RefusedNotHeld
	RefusedCorrupt
	RefusedPaused
	RefusedPolicy
	RefusedShuttingDown
	RefusedTooMany
	RefusedUnknown

	// For the sake of whom the other host belongs to.
	RefusedCPU
	RefusedDisk
	RefusedBattery
	RefusedVPN
	RefusedMetered
	RefusedSlots
	RefusedRate
)

// reason is what a refusal is to whoever waits.
func (r Refusal) reason() Reason {
	if r < RefusedCPU {
		return PeersRefused
	}
	return HolderCPU + Reason(r-RefusedCPU)
}

// lasts reports whether the peer will refuse everything for a while.
func (r Refusal) lasts() bool {
	return r == RefusedShuttingDown || r >= RefusedCPU && r <= RefusedMetered
}

// Action is something to be done: Fetch, Cancel, Ban, Done, Say or Stand.
type Action interface{ action() }

// Fetch asks Peer for a chunk. Its end is told by Received, Refused or PeerLost, unless a Cancel
// comes first.
type Fetch struct {
	Request  uint64 // never used twice
	Peer     PeerID
	Content  content.ID
	Index    int
	Chunk    content.Chunk
	Priority int
	Copy     bool // end game: another peer was asked for the same chunk
}

// Cancel takes a Fetch back. Bytes that come nevertheless are to be dropped.
type Cancel struct {
	Request uint64
	Peer    PeerID
}

// Ban says that a peer sent wrong data too often: it is not to be talked to before Until.
type Ban struct {
	Peer  PeerID
	Until time.Time
}

// Done says that every chunk of a content is stored.
type Done struct{ Content content.ID }

func (Fetch) action()  {}
func (Cancel) action() {}
func (Ban) action()    {}
func (Done) action()   {}

// Wait is one reason why chunks of a content are not here yet.
type Wait struct {
	Reason Reason
	Detail string    // one sentence with the figures
	Peer   PeerID    // whom it is about; empty: no one in particular
	Chunks int       // how many chunks wait for this; 0: not counted in chunks
	Until  time.Time // when it ends by itself; zero: not known
}

// FlowStatus is a snapshot of one flow.
type FlowStatus struct {
	Content  content.ID
	Type     string
	Priority int
	Reason   Reason // the foremost reason of Why: Done, Fetching, PausedByUser, NoHolder, ...

	Chunks, HeldChunks int   // of the content
	Bytes, HeldBytes   int64 // of the content, as verified and stored

	InFlight  int64 // bytes asked for and not yet stored
	Received  int64 // bytes of chunks that arrived whole = verified + Rejected + Duplicate
	Rejected  int64 // of these, with a wrong hash
	Duplicate int64 // of these, of chunks that had come already
	Canceled  int64 // bytes that had arrived of requests given up

	Copies  int     // end game requests made
	Rate    float64 // bytes per second, recently
	Sources []SourceStatus
}

// SourceStatus is what one peer gives to one flow.
type SourceStatus struct {
	Peer     PeerID
	Class    Class
	Bytes    int64 // verified
	Requests int   // open now
	Chunks   int   // chunks it is known to hold; 0 once it has left
	Lost     bool  // it has left
}
