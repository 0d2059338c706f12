// SPDX-License-Identifier: Apache-2.0

package sim

// An event says that something is due. Events at the same instant happen in the order in which they were entered.
type event struct {
	at     int64 // ns since the start
	order  uint64
	kind   eventKind
	object int32 // which link or which end of a flow
}

type eventKind uint32

const (
	arrival eventKind = iota // a link has something to take, or to decide
	alarm                    // the deadline of a machine
	scripted
	sampling
)

func (e *event) before(f *event) bool { return e.at < f.at || e.at == f.at && e.order < f.order }

// A heap of events, the next one first, each with four children. Each object has one event in it at a time, or a few stale ones, so it
// holds links and timers and not packets.
type heap struct {
	events []event
	// The first event is gone. Who handles it mostly enters the next one for the same object: that takes its place, and the heap is put in
	// order once and not twice.
	hole   bool
	orders uint64
	popped int64
}

func (h *heap) push(at int64, kind eventKind, object int32) {
	h.orders++
	e := event{at: at, order: h.orders, kind: kind, object: object}
	if h.hole {
		h.hole = false
		h.sink(e)
		return
	}
	h.events = append(h.events, e)
	i := len(h.events) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&h.events[parent]) {
			break
		}
		h.events[i] = h.events[parent]
		i = parent
	}
	h.events[i] = e
}

// pop removes the first event if it is due.
func (h *heap) pop(by int64) (first event, ok bool) {
	if h.hole {
		h.hole = false
		last := len(h.events) - 1
		e := h.events[last]
		if h.events = h.events[:last]; last > 0 {
			h.sink(e)
		}
	}
	if len(h.events) == 0 || h.events[0].at > by {
		return first, false
	}
	h.popped++
	h.hole = true
	return h.events[0], true
}

// sink puts an event in at the top and lets it sink to its place.
func (h *heap) sink(e event) {
	events := h.events
	i := 0
	for {
		child := 4*i + 1
		if child >= len(events) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(events)); c++ {
			if events[c].before(&events[least]) {
				least = c
			}
		}
		if !events[least].before(&e) {
			break
		}
		events[i] = events[least]
		i = least
	}
	events[i] = e
}
