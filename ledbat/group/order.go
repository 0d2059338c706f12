// SPDX-License-Identifier: Apache-2.0

package group

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// A member reports after some of its own datagrams, or after a while; so what arrived is heard of in another order than it arrived in, and
// who looks at how fast it arrived sees jumps back and forth. An order puts that right: it holds a report back until those
// of the same age have come from all members.
type order struct {
	held []ledbat.Arrival // by when they were sent
	out  []ledbat.Arrival // what the last call gave out
	// How old an arrival has been at most when it was heard of: in this span, and in the one before.
	age, before time.Duration
	turned      time.Time
}

const (
	leastSpan = 100 * time.Millisecond
	mostHeld  = 4096 // more is not held: a second of 50 Mbit/s
)

// turn begins a span if it is time to. It is long enough for every member to report in it several times, and not much longer, because the
// age changes with the queue, and what is held back is news.
func (o *order) turn(now time.Time, trip time.Duration) {
	if now.Sub(o.turned) >= max(4*trip, leastSpan) {
		o.before, o.age, o.turned = o.age, 0, now
	}
}

// sort takes in arrivals, in the order in which one member reports them, and gives out those that nothing earlier can be missing for. The
// result is valid until the next call. alone says that nobody else has anything in flight.
func (o *order) sort(now time.Time, arrivals []ledbat.Arrival, alone bool) []ledbat.Arrival {
	for _, a := range arrivals {
		o.age = max(o.age, now.Sub(a.Sent))
		i := len(o.held)
		for i > 0 && a.Sent.Before(o.held[i-1].Sent) {
			i--
		}
		o.held = slices.Insert(o.held, i, a)
	}
	n := len(o.held)
	if patience := max(o.age, o.before); !alone {
		for n = max(0, n-mostHeld); n < len(o.held) && now.Sub(o.held[n].Sent) >= patience; n++ {
		}
	}
	o.out = append(o.out[:0], o.held[:n]...)
	o.held = slices.Delete(o.held, 0, n)
	return o.out
}
