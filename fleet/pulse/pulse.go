// SPDX-License-Identifier: Apache-2.0

// Package pulse is what a host says of its flows in its news for the hub, so that an operator sees them move.
//
// Words. A pulse lists the flows of a host: those that are open, and after them the last ones that ended. A way is the path to
// the hosts of another location to which something was sent lately, with the queue that stands on it and what our flows add to it.
//
// A pulse is said when it differs from the one that the hub has confirmed, and left out otherwise, so that an idle host says nothing.
// It is bounded: MaxFlows flows of some 200 bytes each, MaxWays ways of some 100.
//
// The package is pure. It is not promised that a pulse is fresh: it is as old as the news it came with. How many bytes have
// moved is for the ledger to say, which comes with the same news.
package pulse

import (
	"fmt"
	"math"
	"slices"

	"github.com/ebbproject/ebb/content"
)

// Bounds of what one host says.
const (
	MaxFlows = 16
	MaxWays  = 8
	maxRef   = 128 // bytes
	maxWord  = 32
)

// States is the closed list of what a flow can be.
var States = []string{"resolving", "fetching", "assembling", "paused", "done", "failed", "cancelled"}

// Flow is one content on its way to a host, or that was.
type Flow struct {
	ID       string     `json:"id"`            // on its host
	Ref      string     `json:"ref,omitempty"` // what was asked for, while that is no content that is known
	Content  content.ID `json:"content,omitzero"`
	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"` // code
	Have     int64      `json:"have"`             // bytes of the content, whole and verified
	Size     int64      `json:"size"`
	Rate     int64      `json:"rate,omitempty"` // bits a second
	Priority int        `json:"priority,omitempty"`
}

// Harm is the delay that the flows of a host add to the way of others, in milliseconds: the mean and its 95 % interval.
type Harm struct {
	Verdict string  `json:"verdict"`
	Added   float64 `json:"added"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

// Way is the path to another location.
type Way struct {
	To    string  `json:"to"`
	Queue float64 `json:"queue"` // milliseconds, the longest of the paths there
	Harm  *Harm   `json:"harm,omitempty"`
}

// Pulse is all of a host. The zero value has nothing to say.
type Pulse struct {
	Flows   []Flow `json:"flows,omitempty"`
	More    int    `json:"more,omitempty"`    // open flows that are not listed
	Refuses string `json:"refuses,omitempty"` // why it serves nobody; empty: it does
}

// Equal reports whether two pulses say the same.
func (p Pulse) Equal(q Pulse) bool {
	return p.More == q.More && p.Refuses == q.Refuses && slices.Equal(p.Flows, q.Flows)
}

// Validate says what is wrong with a pulse.
func (p Pulse) Validate() error {
	if len(p.Flows) > MaxFlows {
		return fmt.Errorf("pulse: %d flows, allowed are %d", len(p.Flows), MaxFlows)
	}
	if p.More < 0 || !word(p.Refuses) {
		return fmt.Errorf("pulse: %d more flows, refuses for %q", p.More, p.Refuses)
	}
	for i, f := range p.Flows {
		switch {
		case !slices.Contains(States, f.State):
			return fmt.Errorf("pulse: flow %d: there is no state %q", i, f.State)
		case !word(f.ID) || !word(f.Reason) || len(f.Ref) > maxRef:
			return fmt.Errorf("pulse: flow %d: its id, reason or ref is not possible", i)
		case f.Have < 0 || f.Size < f.Have || f.Rate < 0:
			return fmt.Errorf("pulse: flow %d: %d of %d bytes at %d bit/s", i, f.Have, f.Size, f.Rate)
		}
	}
	return nil
}

// ValidateWays says what is wrong with ways. Whether a name can be a location is for place to say.
func ValidateWays(ways []Way, place func(string) error) error {
	if len(ways) > MaxWays {
		return fmt.Errorf("pulse: %d ways, allowed are %d", len(ways), MaxWays)
	}
	for i, w := range ways {
		if err := place(w.To); err != nil {
			return fmt.Errorf("pulse: way %d: %w", i, err)
		}
		if !delay(w.Queue) || w.Queue < 0 {
			return fmt.Errorf("pulse: way %d: a queue of %g ms", i, w.Queue)
		}
		if h := w.Harm; h != nil && (len(h.Verdict) > maxWord || !delay(h.Added) || !delay(h.Low) || !delay(h.High)) {
			return fmt.Errorf("pulse: way %d: its harm is not possible", i)
		}
	}
	return nil
}

// delay accepts up to a day, in milliseconds.
func delay(ms float64) bool { return math.Abs(ms) <= 86400e3 } // false for NaN

// word accepts up to 32 of a-z, 0-9 and '-'.
func word(s string) bool {
	if len(s) > maxWord {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
