// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"time"

	"github.com/ebbproject/ebb/fleet"
)

// Verdict is what holds for one flow now.
type Verdict struct {
	Paused      *Document // by which it stands still; nil: it does not
	Priority    int
	Prioritized bool // Priority holds, whatever the flow was asked for with
}

// On is what holds for a flow.
func (b *Book) On(now time.Time, x Subject) Verdict {
	var v Verdict
	if d, ok := b.newestOn(now, Priority, x); ok {
		v.Priority, v.Prioritized = d.Priority, true
	}
	if d, ok := b.newestOn(now, Pause, x); ok && d.Paused {
		v.Paused = &d
	}
	if d, ok := b.Stopped(now); ok {
		v.Paused = &d
	}
	return v
}

// newestOn is the newest document of a kind that is in force and picks the flow.
func (b *Book) newestOn(now time.Time, k Kind, x Subject) (Document, bool) {
	return b.first(now, x, func(d Document) bool { return d.Kind == k }, func(e, o entry) bool { return e.rank.above(o.rank) })
}

// first is the document, of those of a sort that are in force and pick the flow, that comes before all others.
func (b *Book) first(now time.Time, x Subject, sort func(Document) bool, before func(e, o entry) bool) (Document, bool) {
	var best entry
	found := false
	for _, e := range b.docs {
		if sort(e.Document) && e.InForce(now) && e.Scope.Picks(x) && (!found || before(e, best)) {
			best, found = e, true
		}
	}
	return best.Document, found
}

// Stopped is the stop that holds everything still, if there is one.
func (b *Book) Stopped(now time.Time) (Document, bool) {
	d, ok := b.Find(Register{Kind: Stop})
	return d, ok && d.InForce(now)
}

// Cancelled is the cancel that ends a flow which began at a time, or for an order of a version, which is the same in
// microseconds.
func (b *Book) Cancelled(now time.Time, x Subject, since uint64) (Document, bool) {
	d, ok := b.newestOn(now, Cancel, x)
	return d, ok && d.Version > since
}

// Orders lists what the host should hold, the newest order of each content first.
func (b *Book) Orders(now time.Time, id fleet.Identity) []Document {
	var list []Document
	for _, d := range b.Documents() {
		if d.Kind == Hold && d.Order != nil && d.InForce(now) && d.Scope.Concerns(id) {
			list = append(list, d)
		}
	}
	return list
}

// Revoked reports whether a host is none of the fleet any more.
func (b *Book) Revoked(now time.Time, peer string) bool {
	d, ok := b.Find(Register{Kind: Revoke, Name: peer})
	return ok && d.InForce(now)
}

// Change is when something ends by itself next; zero: nothing will.
func (b *Book) Change(now time.Time) (first time.Time) {
	for _, e := range b.docs {
		for _, t := range []time.Time{e.Until, e.Expires.Add(grace)} {
			if !t.IsZero() && now.Before(t) && (first.IsZero() || t.Before(first)) {
				first = t
			}
		}
	}
	return first
}
