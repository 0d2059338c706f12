// SPDX-License-Identifier: Apache-2.0

package scheduler

// Reason is why a flow, or a part of it, is where it is. The list is closed: whatever
// waits, waits for one of these, and `ebb why` prints them.
type Reason uint8

// The reasons. The first group is said by the scheduler, the second is told to it
// (Pause, StoreFailed), the third belongs to rooms above, which share the list.
const (
	None                Reason = iota
	Complete                   // every chunk is stored
	Fetching                   // chunks are on their way
	Storing                    // chunks have arrived and are being written
	HigherPriorityFirst        // flows of higher priority use the peers
	NoPeers                    // no other host is connected
	NoHolder                   // no connected host holds the missing chunks
	PeersBusy                  // the holders are asked for as much as their paths carry
	PeersRefused               // the holders said no and will be asked again
	PeersBanned                // the holders sent wrong data
	Stalled                    // the holders have gone silent
	LeftToNearer               // a nearer host holds it and will be asked for it
	LeftToNeighbour            // another host of the location is fetching it over the WAN
	MemoryLimit                // as much is under way as this host may hold in memory

	PausedByUser
	PausedByPolicy
	DiskFull
	StoreFailing

	WaitingForManifest
	RateLimited
	HubUnreachable
)

// String is the stable code, such as "no-holder".
func (r Reason) String() string { return "" }

// Explain says in one sentence what the reason means.
func (r Reason) Explain() string { return "" }

// Remedy says in one sentence what, if anything, to do about it.
func (r Reason) Remedy() string { return "" }
