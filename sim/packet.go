// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math"
	"time"

	"github.com/ebbproject/ebb/link"
)

// A Packet is what crosses the links; a plain value. Who sends it fills what it needs.
type Packet struct {
	Size   int32 // bytes on the wire, the link's Overhead not counted
	Flow   int32 // set by the world
	Back   bool  // travels from the receiver to the sender; set by the world
	hop    uint8 // which link of its route it is on
	ECN    link.ECN
	Marks  uint32        // in an acknowledgement: how many CE marks the receiver has seen so far
	Number uint64        // sequence number of a segment; packets are counted, not bytes
	First  uint64        // in an acknowledgement: the span of numbers that it newly acknowledges,
	Last   uint64        // both ends included
	Sent   time.Duration // when it left, or, in an acknowledgement, when the newest packet acknowledged did
	Frame  *[]byte       // of a shim
	// Connection is which of the sender's connections it belongs to, where a flow of the world is several: a fair queue tells them apart.
	Connection uint32
}

// A Machine is one end of a flow. Times count from the start of the world.
//
// The calling protocol: after each Deliver and each Advance the world calls Take until it says no, and then Deadline. Advance is called
// when the Deadline has come, and may be called earlier.
type Machine interface {
	// Deliver says that a packet has arrived. It is the world's again when Deliver returns.
	Deliver(now time.Duration, p *Packet)
	Advance(now time.Duration)
	Deadline() time.Duration
	// Take fills p with the next packet to be sent now, if there is one. p is zero when it is called.
	Take(now time.Duration, p *Packet) bool
}

// Never is the Deadline of a machine that waits for nothing but packets.
const Never = time.Duration(math.MaxInt64)

// What the ends of a flow may tell the sampler, besides.
type (
	// A Viewer is a sender that shows what it is at.
	Viewer interface{ View() View }
	// A Counter is a receiver that knows how many bytes of use have arrived, each counted once.
	Counter interface{ Delivered() int64 }
)

// View is what a sender shows.
type View struct {
	Window   int           // bytes that may be in flight
	Rate     float64       // pace in bytes a second; 0: not paced
	Believed time.Duration // the queue delay that it believes in
}
