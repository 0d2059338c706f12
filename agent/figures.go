// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"maps"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

// Figures is what a host counts since its start beside its ledger. All of it only grows.
type Figures struct {
	Stalled   map[scheduler.Reason]time.Duration // time that flows waited, by what for, to the grain of the news for the hub (2 to 12 s)
	Rejected  map[Rejection]int64                // what was dropped because it was wrong
	Refused   map[transfer.Reason]int64          // requests that peers did not answer
	Refetched int64                              // bytes that had arrived when the last process ended and have to come again
	Direct    int64                              // reports that the hub answered to this host itself, ...
	Relayed   int64                              // and by way of another, or of this one for its location
	Pauses    Histogram                          // seconds from the making of a pause, by the hub's clock, until it held here, by ours
}

// Rejection is why something that came, or was held, is not used.
type Rejection string

// The closed list.
const (
	RejectedHash     Rejection = "hash"     // a peer sent a chunk with a wrong hash
	RejectedManifest Rejection = "manifest" // a peer sent a manifest that is not signed by a publisher, or another one
	RejectedDisk     Rejection = "disk"     // a chunk on the own disk had changed
)

// Rejections lists them.
func Rejections() []Rejection { return []Rejection{RejectedHash, RejectedManifest, RejectedDisk} }

// Histogram counts values by the first bound that is not below them.
type Histogram struct {
	Bounds []float64 // ascending
	Counts []uint64  // one a bound; what is above the last is in Count only
	Count  uint64
	Sum    float64
}

func newHistogram(bounds ...float64) Histogram {
	return Histogram{Bounds: bounds, Counts: make([]uint64, len(bounds))}
}

func (h *Histogram) observed(v float64) {
	h.Count++
	h.Sum += v
	if i, _ := slices.BinarySearch(h.Bounds, v); i < len(h.Bounds) {
		h.Counts[i]++
	}
}

// figures is Figures as they are being counted.
type figures struct {
	Figures
	looked time.Time        // when flows were last asked what they wait for
	had    map[string]int64 // what each open flow had received by then; a rate ebbs away too slowly to tell
}

// longestLook bounds what one look at the flows can add: a host that slept has not waited.
const longestLook = 30 * time.Second

func newFigures() figures {
	return figures{Figures: Figures{Stalled: map[scheduler.Reason]time.Duration{}, Rejected: map[Rejection]int64{},
		Refused: map[transfer.Reason]int64{}, Pauses: newHistogram(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300)}}
}

// lookedAt: the flows stand like this now; each has waited since the last look for what it waits for now.
func (x *figures) lookedAt(now time.Time, flows []api.Flow) {
	since, had := x.looked, x.had
	x.looked, x.had = now, map[string]int64{}
	for _, f := range flows {
		if f.Ended() {
			continue
		}
		x.had[f.ID] = f.Received
		if before, known := had[f.ID]; since.IsZero() || known && before != f.Received {
			continue
		}
		why, ok := scheduler.ParseReason(f.Reason)
		if !ok || why == scheduler.None || !idle(f) {
			continue
		}
		x.Stalled[why] += max(min(now.Sub(since), now.Sub(f.Created), longestLook), 0)
	}
}

// idle reports whether a flow waits for anything but its chunks.
func idle(f api.Flow) bool {
	switch f.State {
	case api.StateResolving, api.StatePaused:
		return true
	case api.StateFetching:
		return f.Reason != scheduler.Fetching.String() && f.Reason != scheduler.Storing.String()
	}
	return false
}

// Doing is the state of a flow as an operator sees it: fetching, and nothing comes, is waiting.
func Doing(f api.Flow) string {
	if f.State == api.StateFetching && f.Rate == 0 && idle(f) {
		return "waiting"
	}
	return f.State
}

// obeyed enters how long a pause took to hold, if it made a flow stand still here.
func (c *Core) obeyed(now time.Time, d desired.Document) {
	if d.Kind != desired.Pause && d.Kind != desired.Stop {
		return
	}
	for _, f := range c.openFlows() {
		if p := c.verdict(now, f).Paused; p != nil && p.Version == d.Version {
			c.counts.Pauses.observed(max(now.Sub(d.Issued), 0).Seconds())
			return
		}
	}
}

// cutOff is what the ledger says is still on its way, in bytes.
func (c *Core) cutOff() (bytes int64) {
	for _, e := range c.ledger.Entries() {
		bytes += max(e.Open(), 0)
	}
	return bytes
}

// Figures is what was counted.
func (c *Core) Figures() Figures {
	f := c.counts.Figures
	f.Stalled, f.Rejected, f.Refused = maps.Clone(f.Stalled), maps.Clone(f.Rejected), maps.Clone(f.Refused)
	f.Pauses.Counts = slices.Clone(f.Pauses.Counts)
	return f
}
