// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"fmt"
	"math"
	"time"

	"github.com/ebbproject/ebb/content"
)

const (
	lowWater  = 32 << 20         // bytes of room below which more is made for a flow: what the scheduler has under way
	highWater = 64 << 20         // bytes of room that are made then
	maxGroup  = 1024             // chunks that go at once
	lookFirst = time.Second      // after nothing was found that may go
	lookMost  = 16 * time.Second // and again, and again
	staleLook = time.Minute      // how often ages are looked at
)

// Short is what there is too little of.
type Short uint8

// What may be short.
const (
	Nothing Short = iota
	Quota         // our own bytes are as many as they may be
	Floor         // the volume has no more free than must stay so
)

// State is how things stand, as the owner knows it.
type State struct {
	Stored int64        // bytes of chunks on disk, exactly, those that are leaving included
	Coming int64        // bytes that running flows still miss
	Shelf  func() Shelf // asked only when something has to go
}

// Keeper makes room. Its owner tells it what the volume says (Measured), calls Take until it says false, removes what
// Take returned and says so (Left). One removal is under way at a time.
type Keeper struct {
	limits  Limits
	clock   Clock
	free    int64 // of the volume, when measured
	total   int64
	then    int64 // bytes of chunks at that moment
	known   bool  // the volume was measured
	leaving map[content.ID]bool
	lookAt  time.Time     // nothing may go: not looked for again before
	rest    time.Duration // the last pause between two looks in vain
	staleAt time.Time     // ages are looked at then
}

// NewKeeper is one that has not measured anything, and whose clock has just begun.
func NewKeeper(l Limits) *Keeper { return &Keeper{limits: l, leaving: map[content.ID]bool{}} }

// Limits are those that hold.
func (k *Keeper) Limits() Limits { return k.limits }

// SetLimits says what holds from now on.
func (k *Keeper) SetLimits(l Limits) {
	k.limits, k.staleAt = l, time.Time{}
	k.Changed()
}

// ages reports whether anything may become too old.
func (l Limits) ages() bool { return l.MaxAge > 0 || l.Apart }

// Clock tells ages.
func (k *Keeper) Clock() Clock { return k.clock }

// Lived is the present on the clock.
func (k *Keeper) Lived() time.Duration { return k.clock.Lived() }

// Measured says how many bytes of the volume are free, and how large it is, while our chunks on it had that many bytes.
func (k *Keeper) Measured(now time.Time, free, total, stored int64) {
	k.free, k.total, k.then, k.known = free, total, stored, true
	k.clock.Advance(now)
}

// Remembered sets the clock to where an earlier life left it, and on to now.
func (k *Keeper) Remembered(now time.Time, c Clock) {
	k.clock = c
	k.clock.Advance(now)
}

// Changed says that something may go that might not before: a flow has ended, a pin is gone.
func (k *Keeper) Changed() { k.lookAt, k.rest = time.Time{}, 0 }

// Quota is the most bytes that our chunks may have; math.MaxInt64: there is no limit, or it is not known yet.
func (k *Keeper) Quota() int64 {
	if k.limits.MaxSize.IsZero() || k.limits.MaxSize.Percent > 0 && !k.known {
		return math.MaxInt64
	}
	return k.limits.MaxSize.Of(k.total)
}

// Floor is how many bytes of the volume have to stay free. A floor of more than half of a small volume is half of it.
func (k *Keeper) Floor() int64 {
	if !k.known {
		return 0
	}
	return min(k.limits.MinFree.Of(k.total), k.total/2)
}

// Free is how many bytes of the volume are free, as far as is known: last measured, and what we stored since.
func (k *Keeper) Free(stored int64) int64 { return k.free - (stored - k.then) }

// Total is the size of the volume in bytes, 0 as long as it is not known.
func (k *Keeper) Total() int64 { return k.total }

// Room is how many bytes may come in, and what bounds them. Less than 0: so many must go.
func (k *Keeper) Room(stored int64) (int64, Short) {
	quota, floor := int64(math.MaxInt64), int64(math.MaxInt64)
	if q := k.Quota(); q != math.MaxInt64 {
		quota = q - stored
	}
	if k.known && !k.limits.MinFree.IsZero() {
		floor = k.Free(stored) - k.Floor()
	}
	switch {
	case floor < quota:
		return floor, Floor
	case quota < math.MaxInt64:
		return quota, Quota
	}
	return math.MaxInt64, Nothing
}

// A TooLargeError says that a content can never be kept here whole.
type TooLargeError struct {
	Bytes, Most int64 // what it takes, what it may take
	Why         Short
}

func (e *TooLargeError) Error() string {
	if e.Why == Floor {
		return fmt.Sprintf("it takes %s, and the volume with cache.min_free taken off has %s", inIEC(e.Bytes), inIEC(e.Most))
	}
	return fmt.Sprintf("it takes %s, and the cache may take %s: raise cache.max_size", inIEC(e.Bytes), inIEC(e.Most))
}

func inIEC(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// Fits returns a *TooLargeError when a content of so many bytes cannot be kept here even if all else goes.
func (k *Keeper) Fits(bytes int64) error {
	if q := k.Quota(); bytes > q {
		return &TooLargeError{bytes, q, Quota}
	}
	if most := k.total - k.Floor(); k.known && !k.limits.MinFree.IsZero() && bytes > most {
		return &TooLargeError{bytes, most, Floor}
	}
	return nil
}

// Take returns chunks that are to go now. They are leaving until Left says that they have gone, or have not.
func (k *Keeper) Take(now time.Time, s State) (Removal, bool) {
	if len(k.leaving) > 0 {
		return Removal{}, false
	}
	room, _ := k.Room(s.Stored)
	switch {
	case room >= min(s.Coming, lowWater):
		k.Changed()
	case !now.Before(k.lookAt):
		if r := s.Shelf().Pick(min(s.Coming, highWater)-room, maxGroup, nil); len(r.Chunks) > 0 {
			return k.leave(r), true
		}
		k.rest = min(max(2*k.rest, lookFirst), lookMost)
		k.lookAt = now.Add(k.rest)
	}
	if k.limits.ages() && !now.Before(k.staleAt) {
		lived := k.clock.Lived()
		r := s.Shelf().Pick(math.MaxInt64, maxGroup, func(x Item) bool { return k.limits.Stale(x, lived) })
		if len(r.Chunks) > 0 {
			return k.leave(r), true
		}
		k.staleAt = now.Add(staleLook)
	}
	return Removal{}, false
}

// Deadline is when Take may find something new without an event; zero: not before one.
func (k *Keeper) Deadline() time.Time {
	if len(k.leaving) > 0 {
		return time.Time{}
	}
	first := k.lookAt
	if k.limits.ages() && (first.IsZero() || k.staleAt.Before(first)) {
		first = k.staleAt
	}
	return first
}

// Remove makes chunks leave that somebody asked to be removed.
func (k *Keeper) Remove(r Removal) { k.leave(r) }

func (k *Keeper) leave(r Removal) Removal {
	for _, c := range r.Chunks {
		k.leaving[c.ID] = true
	}
	return r
}

// Leaving reports whether the chunk is being removed: it counts as gone.
func (k *Keeper) Leaving(id content.ID) bool { return k.leaving[id] }

// Left says that the removal of chunks is over.
func (k *Keeper) Left(ids ...content.ID) {
	for _, id := range ids {
		delete(k.leaving, id)
	}
}

// String tells the state in one line.
func (k *Keeper) String() string {
	return fmt.Sprintf("keeper free=%d of %d floor=%d quota=%d leaving=%d lived=%s", k.free, k.total, k.Floor(), k.Quota(), len(k.leaving), k.clock.Lived())
}
