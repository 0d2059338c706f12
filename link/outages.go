// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"slices"
)

// outages knows when the link is dark. Times are nanoseconds since the start.
type outages struct {
	// spans not yet over, in order, disjoint.
	spans []span
	// next is where the first of them begins; MaxInt64 when there is none. The
	// common question, whether anything happens by now, is one comparison.
	next int64
}

// A span is from, included, to to, not included.
type span struct{ from, to int64 }

func newOutages(c Config) outages {
	var o outages
	for _, w := range c.Blackouts {
		o.spans = append(o.spans, span{int64(w.From), int64(w.From + w.For)})
	}
	o.setNext()
	return o
}

func (o *outages) setNext() {
	o.next = math.MaxInt64
	if len(o.spans) > 0 {
		o.next = o.spans[0].from
	}
}

// after is when the first span that begins after now begins; MaxInt64: there is none.
func (o *outages) after(now int64) int64 {
	for _, s := range o.spans {
		if s.from > now {
			return s.from
		}
	}
	return math.MaxInt64
}

// dark says whether now is within a span; now may be ahead of what was passed.
func (o *outages) dark(now int64) bool {
	return slices.ContainsFunc(o.spans, func(s span) bool { return s.from <= now && now < s.to })
}

// pass forgets the first span if it was over at now.
func (o *outages) pass(now int64) (over bool) {
	if o.spans[0].to > now {
		return false
	}
	o.spans = o.spans[1:]
	o.setNext()
	return true
}

// add inserts a span and merges it with those that it touches.
func (o *outages) add(s span) {
	merged := make([]span, 0, len(o.spans)+1)
	for _, old := range o.spans {
		if old.to < s.from || old.from > s.to {
			merged = append(merged, old)
			continue
		}
		s = span{min(s.from, old.from), max(s.to, old.to)}
	}
	at, _ := slices.BinarySearchFunc(merged, s.from, func(x span, from int64) int { return int(min(1, max(-1, x.from-from))) })
	o.spans = slices.Insert(merged, at, s)
	o.setNext()
}
