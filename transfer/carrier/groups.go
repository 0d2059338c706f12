// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
)

const (
	// GroupDatagram is the largest datagram in bytes that a member of a group sends: what any WAN path takes. What is larger stays near by.
	GroupDatagram = 1500
	// What a group has learned of its path is kept that long after its last member has left, for so many groups.
	keepGroup  = 10 * time.Minute
	keptGroups = 64
	// A group's clock is no finer than this, so that a fast pace gathers some datagrams for each time that it wakes somebody.
	leastTick = 250 * time.Microsecond
)

// Groups gives the Conns of an Endpoint that go to one place one controller: towards the network they are one flow (package group).
// Its methods may be called from any goroutine.
type Groups struct {
	make func(mss int) ledbat.Controller

	mu     sync.Mutex
	places map[string]*flock
	limit  float64 // bytes a second that go to each of them at most
}

// NewGroups makes the controller of each group with that function.
func NewGroups(make func(mss int) ledbat.Controller) *Groups {
	return &Groups{make: make, places: map[string]*flock{}, limit: math.Inf(1)}
}

// Limit says how many bytes a second may go to any one place at most, as by a lease of the location's budget, whatever the path permits;
// infinite: there is no limit, as at first. It is an upper bound, by which a controller knows how large a part is this host's (ledbat.Limiter);
// that all places together keep to it is seen to at admission.
func (g *Groups) Limit(bytesPerSecond float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limit == bytesPerSecond {
		return
	}
	g.limit = bytesPerSecond
	for _, place := range slices.Sorted(maps.Keys(g.places)) {
		g.places[place].keepTo(g.limit)
	}
}

// Join makes the controller of one more Conn to a place. The Conn leaves by itself when it ends.
func (g *Groups) Join(place string) *Member {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.places[place]
	if f == nil || f.stale(now) {
		f = newFlock(g.make(wanDatagram))
		f.keepTo(g.limit)
		g.places[place] = f
		g.forget(now)
	}
	return f.join()
}

// forget drops groups that nobody has been a member of for long, or too many of them. Under mu.
func (g *Groups) forget(now time.Time) {
	var empty []string
	for place, f := range g.places {
		if f.stale(now) {
			delete(g.places, place)
		} else if !f.emptied().IsZero() {
			empty = append(empty, place)
		}
	}
	slices.SortFunc(empty, func(a, b string) int {
		return cmp.Or(g.places[a].emptied().Compare(g.places[b].emptied()), cmp.Compare(a, b))
	})
	for _, place := range empty[:max(0, len(empty)-keptGroups)] {
		delete(g.places, place)
	}
}

// Each tells of every place, in the order of their names, and of the state of its group in one line.
func (g *Groups) Each(tell func(place, state string)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(g.places)) {
		tell(place, g.places[place].String())
	}
}

// A flock is a group and its lock, because each Conn has goroutines of its own, and its clock.
type flock struct {
	mu      sync.Mutex
	group   *group.Group
	members map[*group.Share]*Member
	now     time.Time // of the last call: it never goes back
	empty   time.Time // since when; zero: it is not
	timer   *time.Timer
	armed   time.Time // when it rings; zero: it does not
}

func newFlock(ctl ledbat.Controller) *flock {
	f := &flock{group: group.New(ctl, wanDatagram), members: map[*group.Share]*Member{}}
	f.timer = time.AfterFunc(time.Hour, f.tick)
	f.timer.Stop()
	return f
}

func (f *flock) join() *Member {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &Member{flock: f, share: f.group.Join(), wake: func() {}}
	f.members[m.share], f.empty = m, time.Time{}
	return m
}

func (f *flock) keepTo(bytesPerSecond float64) {
	f.does(time.Now(), func(now time.Time) { f.group.Limit(now, bytesPerSecond) })
}

func (f *flock) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group.String()
}

// emptied is since when it has no members; zero: it has some.
func (f *flock) emptied() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.empty
}

// stale says that what it learned is too old.
func (f *flock) stale(now time.Time) bool {
	since := f.emptied()
	return !since.IsZero() && now.Sub(since) >= keepGroup
}

// tick lets time pass.
func (f *flock) tick() {
	f.does(time.Now(), func(now time.Time) {
		f.armed = time.Time{}
		f.group.Advance(now)
	})
}

// does calls the group, wakes those that it lets send, and winds the clock.
func (f *flock) does(now time.Time, call func(now time.Time)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.After(f.now) { // the goroutines may come in another order than they have looked at the clock
		f.now = now
	}
	call(f.now)
	for s, ok := f.group.Take(); ok; s, ok = f.group.Take() {
		f.members[s].wake()
	}
	if d := f.group.Deadline(); !d.IsZero() && (f.armed.IsZero() || d.Before(f.armed)) {
		wait := max(d.Sub(f.now), leastTick)
		f.armed = f.now.Add(wait)
		f.timer.Reset(wait)
	}
}

// A Member is the controller of one Conn, which shares what it permits with the others that go to the same place. Only its Conn calls it.
type Member struct {
	flock *flock
	share *group.Share
	wake  func()
}

var (
	_ ledbat.Controller = (*Member)(nil)
	_ ledbat.Waiter     = (*Member)(nil)
	_ ledbat.Pauser     = (*Member)(nil)
)

// serve says how many bytes the Conn sends at a time, and how it is told that it may. wake must neither block nor call the Member.
func (m *Member) serve(unit int, wake func()) {
	m.flock.mu.Lock()
	defer m.flock.mu.Unlock()
	m.share.Unit(unit)
	m.wake = wake
}

// leave ends the membership; nothing may be called after it.
func (m *Member) leave() {
	f := m.flock
	f.does(time.Now(), func(now time.Time) {
		m.share.Leave(now)
		delete(f.members, m.share)
		if len(f.members) == 0 {
			f.empty = now
		}
	})
}

// Waiting implements ledbat.Waiter.
func (m *Member) Waiting(now time.Time, bytes int) {
	m.flock.does(now, func(now time.Time) { m.share.Waiting(now, bytes) })
}

// Sent implements ledbat.Controller. Its time is the very one that an Arrival will name.
func (m *Member) Sent(now time.Time, bytes int) {
	m.flock.does(now, func(time.Time) { m.share.Sent(now, bytes) })
}

// Acked implements ledbat.Controller.
func (m *Member) Acked(now time.Time, a ledbat.Ack) {
	m.flock.does(now, func(now time.Time) { m.share.Acked(now, a) })
}

// Lost implements ledbat.Controller.
func (m *Member) Lost(now time.Time, bytes int, sentAt time.Time) {
	m.flock.does(now, func(now time.Time) { m.share.Lost(now, bytes, sentAt) })
}

// TimedOut implements ledbat.Controller.
func (m *Member) TimedOut(now time.Time) { m.flock.does(now, m.share.TimedOut) }

// Paused implements ledbat.Pauser.
func (m *Member) Paused(now time.Time) { m.flock.does(now, m.share.Paused) }

// Resumed implements ledbat.Pauser.
func (m *Member) Resumed(now time.Time) { m.flock.does(now, m.share.Resumed) }

// Advance does nothing: the group's own clock lets its time pass, and so nobody has to look after it for all.
func (m *Member) Advance(time.Time) {}

// Deadline is never.
func (m *Member) Deadline() time.Time { return time.Time{} }

// Window implements ledbat.Controller.
func (m *Member) Window() int { return read(m, (*group.Share).Window) }

// Rate implements ledbat.Controller.
func (m *Member) Rate() float64 { return read(m, (*group.Share).Rate) }

// CTO implements ledbat.Controller.
func (m *Member) CTO() time.Duration { return read(m, (*group.Share).CTO) }

// QueueDelay implements ledbat.Controller.
func (m *Member) QueueDelay() time.Duration { return read(m, (*group.Share).QueueDelay) }

// BaseDelay implements ledbat.Controller.
func (m *Member) BaseDelay() time.Duration { return read(m, (*group.Share).BaseDelay) }

// String is the state in one line.
func (m *Member) String() string { return read(m, (*group.Share).String) }

func read[T any](m *Member, what func(*group.Share) T) T {
	m.flock.mu.Lock()
	defer m.flock.mu.Unlock()
	return what(m.share)
}
