// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"slices"

	"github.com/ebbproject/ebb/content"
)

// Place is one content in one location.
type Place struct {
	Location string
	Content  content.ID
}

// Total is what came into a place.
type Total struct {
	Place
	LAN, WAN, Origin int64 // received, by class
	Counts                 // Received is the sum of the three; Sent is what the senders say they sent here
	Complete         bool  // some host of the location has held all of it
}

// Totals adds up what hosts say.
type Totals struct{ places map[Place]*Total }

// NewTotals is empty.
func NewTotals() *Totals { return &Totals{places: map[Place]*Total{}} }

func (t *Totals) at(p Place) *Total {
	x := t.places[p]
	if x == nil {
		x = &Total{Place: p}
		t.places[p] = x
	}
	return x
}

// Reported: a host says this of an entry of which old was known; the zero value if nothing was. It returns what is known now.
func (t *Totals) Reported(old Counts, e Entry) Counts {
	merged := old.Merge(e.Counts)
	more := merged.since(old)
	if more == (Counts{}) {
		return merged
	}
	x := t.at(Place{e.To, e.Content})
	x.Counts = x.Counts.Add(more)
	switch e.Class {
	case LAN:
		x.LAN += more.Received
	case Origin:
		x.Origin += more.Received
	default:
		x.WAN += more.Received
	}
	return merged
}

// Held: a host of the location holds all of a content.
func (t *Totals) Held(p Place) {
	t.at(p).Complete = true
}

// Each visits everything in any order.
func (t *Totals) Each(visit func(Total)) {
	for _, x := range t.places {
		visit(*x)
	}
}

// Places lists everything, by location and then by content.
func (t *Totals) Places() []Total {
	list := make([]Total, 0, len(t.places))
	for _, x := range t.places {
		list = append(list, *x)
	}
	slices.SortFunc(list, func(x, y Total) int {
		return cmp.Or(cmp.Compare(x.Location, y.Location), x.Content.Compare(y.Content))
	})
	return list
}

// Copy is a copy that changes by itself.
func (t *Totals) Copy() *Totals {
	c := NewTotals()
	for p, x := range t.places {
		y := *x
		c.places[p] = &y
	}
	return c
}

// Amplification is how often the distinct bytes of a content crossed the WAN link into the place; false: not known yet.
func (t Total) Amplification(distinct int64) (float64, bool) {
	if !t.Complete || distinct <= 0 {
		return 0, false
	}
	return float64(t.WAN+t.Origin) / float64(distinct), true
}
