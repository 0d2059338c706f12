// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"time"

	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/transfer"
)

const (
	slots   = 5           // in which use is counted ...
	slot    = group.Beat  // ... each that long
	lately  = time.Second // for so long a host that was held back asks for all
	mostOf  = 0.75        // who uses that part of its lease would use more
	trickle = 1.0 / 64    // of the budget: what a host asks for at least
)

// half is one direction.
type half struct {
	direction transfer.Direction
	node      *group.Node
	budget    float64 // bytes a second
	told      float64 // rate, as last said; below 0: never

	counts [slots]int64 // bytes, the newest first
	slotAt time.Time    // when the newest began
	hungry time.Time    // when it was last held back
}

// turn begins as many slots as have passed.
func (h *half) turn(now time.Time) {
	for n := 0; now.Sub(h.slotAt) >= slot; n++ {
		if n == slots {
			h.slotAt = now
			return
		}
		copy(h.counts[1:], h.counts[:])
		h.counts[0] = 0
		h.slotAt = h.slotAt.Add(slot)
	}
}

func (h *half) used(now time.Time, bytes int64) {
	h.turn(now)
	h.counts[0] += max(bytes, 0)
}

// rate is bytes a second, lately.
func (h *half) rate(now time.Time) float64 {
	h.turn(now)
	sum := int64(0)
	for _, n := range h.counts {
		sum += n
	}
	return float64(sum) / (slots * slot).Seconds()
}

// tight says whether the host would use more than its lease.
func (h *half) tight(now time.Time) bool {
	rate := h.rate(now)
	return !h.hungry.IsZero() && now.Sub(h.hungry) < lately || rate > 0 && rate >= mostOf*h.node.Rate(now)
}

// wants tells the node what the host could use.
func (h *half) wants(now time.Time) {
	want := h.budget
	if !h.tight(now) {
		want = max(2*h.rate(now), h.budget*trickle)
	}
	h.node.Want(want, 1)
}
