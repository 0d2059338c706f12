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

// A heap of events, the next one first. Each object has one event in it at a time, or a few stale ones, so it holds links and timers
// and not packets.
type heap struct {
	events []event
	orders uint64
	popped int64
}

func (h *heap) push(at int64, kind eventKind, object int32) {
	h.orders++
	e := event{at: at, order: h.orders, kind: kind, object: object}
	h.events = append(h.events, e)
	i := len(h.events) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(&h.events[parent]) {
			break
		}
		h.events[i] = h.events[parent]
		i = parent
	}
	h.events[i] = e
}

// pop removes the first event. The heap is not empty.
func (h *heap) pop() event {
	h.popped++
	first := h.events[0]
	end := len(h.events) - 1
	last := h.events[end]
	h.events = h.events[:end]
	i := 0
	for {
		child := 2*i + 1
		if child >= end {
			break
		}
		if right := child + 1; right < end && h.events[right].before(&h.events[child]) {
			child = right
		}
		if !h.events[child].before(&last) {
			break
		}
		h.events[i] = h.events[child]
		i = child
	}
	if end > 0 {
		h.events[i] = last
	}
	return first
}
