// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"time"
)

// A holder is the side of a Node that has a lease.
type holder struct {
	wants  float64 // bytes a second
	weight int

	lease  float64   // bytes a second, of the last grant taken
	asked  time.Time // when the host asked for it
	until  time.Time // when it runs out
	number uint64    // of the grant, within the epoch

	asking [4]struct { // the last beats answered in this epoch
		seq uint64
		at  time.Time
	}
	answered int
}

// fenced begins a new epoch: answers to old beats count no more. The lease goes on until it runs out.
func (h *holder) fenced() {
	h.number, h.answered = 0, 0
	clear(h.asking[:])
}

// asks is the answer to a beat; a beat that is no newer than the last has been answered.
func (h *holder) asks(now time.Time, m Message) (Message, bool) {
	if h.answered > 0 && m.Seq <= h.asking[(h.answered-1)%len(h.asking)].seq {
		return Message{}, false
	}
	a := &h.asking[h.answered%len(h.asking)]
	a.seq, a.at = m.Seq, now
	h.answered++
	return Message{Kind: Asking, To: m.From, Epoch: m.Epoch, Seq: m.Seq, Number: h.number, Rate: h.wants, Weight: max(1, h.weight)}, true
}

// granted takes a grant, if it is newer than the last and goes back to a beat that was answered not long ago.
func (h *holder) granted(m Message, budget float64) (Message, bool) {
	if m.Number <= h.number {
		return Message{}, false
	}
	for i := range min(h.answered, len(h.asking)) {
		a := h.asking[i]
		if a.seq != m.Seq {
			continue
		}
		h.number, h.lease = m.Number, clampRate(m.Rate, budget)
		h.asked, h.until = a.at, a.at.Add(min(max(m.For, 0), TTL))
		return Message{Kind: Took, To: m.From, Epoch: m.Epoch, Seq: m.Seq, Number: m.Number}, true
	}
	return Message{}, false
}

// rate is what may be used: the lease, halved for every renewal that was missed, but not below the floor or what the lease was; and
// the floor itself long after it.
func (h *holder) rate(now time.Time, floor float64) float64 {
	least := min(h.lease, floor)
	switch {
	case !now.Before(h.until.Add(floorAfter)):
		return floor
	case !now.Before(h.until):
		return least
	}
	rate := h.lease
	for range int(now.Sub(h.asked)/Beat) - 1 { // one is on its way
		rate /= 2
	}
	return max(rate, least)
}

// changes is when rate changes next if nothing is heard; zero: never.
func (h *holder) changes(now time.Time) time.Time {
	switch {
	case !now.Before(h.until.Add(floorAfter)):
		return time.Time{}
	case !now.Before(h.until):
		return h.until.Add(floorAfter)
	}
	return sooner(h.until, h.asked.Add(Beat*(now.Sub(h.asked)/Beat+1)))
}

func (h *holder) String() string {
	return fmt.Sprintf("wants %.0f, leased %.0f by grant %d", h.wants, h.lease, h.number)
}
