// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"time"

	"github.com/ebbproject/ebb/content"
)

// Config is what the owner decides. Start from Default.
type Config struct {
	Seed                uint64        // of the jitter; the same seed and the same events give the same actions
	Self                PeerID        // this host
	MaxInFlight         int64         // bytes asked for and not yet stored, over all peers
	MaxPipeline         int           // open requests per peer
	PipelineTime        time.Duration // how far ahead of the bandwidth-delay product a peer is asked
	StallAfter          time.Duration // a peer that owes bytes and sends none for so long has stalled
	NearerWait          time.Duration // how much later a nearer peer may be before a farther one is asked instead
	BackOff, MaxBackOff time.Duration // first and longest pause after a refusal
	BanFor, MaxBan      time.Duration // first and longest ban
}

// Default returns the configuration for a host of the given name.
func Default(self PeerID) Config { return Config{Self: self} }

// Scheduler decides what to fetch next, from whom.
type Scheduler struct{}

// New returns a scheduler without flows and peers.
func New(now time.Time, c Config) *Scheduler { return &Scheduler{} }

// Flows.

func (s *Scheduler) AddFlow(now time.Time, spec FlowSpec) error             { return nil }
func (s *Scheduler) RemoveFlow(now time.Time, id content.ID)                {}
func (s *Scheduler) Pause(now time.Time, id content.ID, why Reason)         {}
func (s *Scheduler) Resume(now time.Time, id content.ID)                    {}
func (s *Scheduler) SetPriority(now time.Time, id content.ID, priority int) {}

// Peers. PeerHas about a content without a flow is dropped: ask the peer again after AddFlow.

func (s *Scheduler) PeerJoined(now time.Time, peer PeerID, class Class)                       {}
func (s *Scheduler) PeerLost(now time.Time, peer PeerID)                                      {}
func (s *Scheduler) PeerHas(now time.Time, peer PeerID, id content.ID, h Holding)             {}
func (s *Scheduler) PeerFetching(now time.Time, peer PeerID, id content.ID, index int)        {}
func (s *Scheduler) PeerMeasured(now time.Time, peer PeerID, rate float64, rtt time.Duration) {}

// Requests.

// Progress: got bytes of the request have arrived in total.
func (s *Scheduler) Progress(now time.Time, request uint64, got int64) {}

// Received: the request's chunk is here whole, and its hash is right or wrong. The
// answer says whether to store it: false for a wrong one and for a duplicate.
func (s *Scheduler) Received(now time.Time, request uint64, ok bool) bool { return ok }
func (s *Scheduler) Refused(now time.Time, request uint64, why Refusal)   {}

// Chunks. After Received said true comes Stored or StoreFailed. Stored may be said of
// any chunk (it came with another content), Dropped of any that turned out damaged.

func (s *Scheduler) Stored(now time.Time, id content.ID, index int) {}

// StoreFailed with DiskFull or StoreFailing: nothing is fetched until StoreReady.
func (s *Scheduler) StoreFailed(now time.Time, id content.ID, index int, why Reason) {}
func (s *Scheduler) StoreReady(now time.Time)                                        {}
func (s *Scheduler) Dropped(now time.Time, id content.ID, index int)                 {}

// Out.

func (s *Scheduler) Take(now time.Time) (Action, bool)       { return nil, false }
func (s *Scheduler) Deadline() time.Time                     { return time.Time{} }
func (s *Scheduler) Advance(now time.Time)                   {}
func (s *Scheduler) Why(now time.Time, id content.ID) []Wait { return nil }
func (s *Scheduler) Flows(now time.Time) []FlowStatus        { return nil }
func (s *Scheduler) String() string                          { return "" }
