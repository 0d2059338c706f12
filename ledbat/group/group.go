// SPDX-License-Identifier: Apache-2.0

package group

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

const (
	// A grant to a share that does not ask is what the pace lets pass in this time, or one datagram.
	grantTime = time.Millisecond
	// How long a grant holds, within these bounds: a round trip. A busy host wakes its owner late, which is no reason to take it back.
	leastHold, mostHold = 100 * time.Millisecond, 200 * time.Millisecond
	// A share that leaves a grant unused is believed again after twice as long as it held, and after so many in a row after 2^n times as long.
	mostLapses = 5
	// How old the knowledge of the queue may be to be a newcomer's.
	freshFor = time.Second
	// What a round trip is taken for at most.
	longestTrip = time.Minute
	// The longest CTO of a member that is silent alone.
	mostSilence = 2 * time.Second
)

// A Group is one flow towards the network, made of many. Use New.
//
// The calling protocol: Join makes a Share, which the shim of one conversation drives like any ledbat.Controller. Whoever
// drives the shims calls Take after every call to any share, until it answers false, and lets the shares that it names
// send: they were granted something since they last asked. Time passes by Advance, of the group when its Deadline has come or
// of each share when its own has: one of them is enough. All of a group's shares belong to one owner at a time.
type Group struct {
	ctl ledbat.Controller
	mss int
	now time.Time // of the last event

	members []*Share // in order of joining
	joined  int      // how many ever joined: the next one's number
	paused  int      // members that send nothing because they were told to
	visited int      // the member that was last looked at for having become content
	flight  int      // bytes: the sum of the members'
	granted int      // bytes: the sum of the members' grants not yet used

	busy       int // members that wanted more than they got, lately
	busyFlight int // their part of flight

	needy  line      // who waits with less than an equal part in flight: served first
	sated  line      // who waits with more
	idle   line      // who left its last grants unused, and is not believed for a while
	grants line      // who has a grant, in order of their time
	woken  line      // for Take
	opened time.Time // when a report last made room

	pacer ledbat.Pacer // pays for grants when they are made
	limit float64      // bytes a second that a lease or an operator allows; infinite: there is none
	order order        // of what members report
	trips ledbat.Estimator
	base  time.Duration // the common base: the first member's, so that figures look familiar
	based bool

	fullAt time.Time // when a datagram of about the full size was heard of last,
	parts  int       // and how many have come since that may be parts of packets

	queue   time.Duration // that the last member with a base of its own saw
	queueAt time.Time
	quiet   time.Time // since when nothing was heard of anybody
}

// New makes a group of a controller that nobody else drives, and whose datagrams have at most mss bytes.
func New(ctl ledbat.Controller, mss int) *Group {
	return &Group{ctl: ctl, mss: mss, limit: math.Inf(1)}
}

// Limit says how many bytes a second the group may send whatever its controller thinks, as by a lease; infinite: no limit.
func (g *Group) Limit(now time.Time, bytesPerSecond float64) {
	g.limit = max(0, bytesPerSecond)
	if l, ok := g.ctl.(ledbat.Limiter); ok {
		l.Limit(now, g.limit)
	}
	g.deal(now, true)
}

// Demand is how many bytes a second the group could use: what its controller would let it have if members want more than they get,
// otherwise what they use. A lease is asked for by it; 0 while no round trip is known.
func (g *Group) Demand() float64 {
	if l, ok := g.ctl.(ledbat.Limiter); ok && g.busy > 0 {
		return l.Unlimited()
	}
	if g.busy > 0 {
		return g.ctl.Rate()
	}
	rtt := g.trip()
	if rtt <= 0 {
		return 0
	}
	return float64(g.flight) / rtt.Seconds()
}

// pace is the controller's, within the limit.
func (g *Group) pace() float64 {
	if _, ok := g.ctl.(ledbat.Limiter); ok {
		return g.ctl.Rate()
	}
	if r := g.ctl.Rate(); r > 0 && r < g.limit || math.IsInf(g.limit, 1) {
		return r
	}
	return g.limit
}

// Join adds a member.
func (g *Group) Join() *Share {
	s := &Share{group: g, number: g.joined}
	s.Unit(g.mss)
	s.waiting.share, s.granting.share, s.waking.share = s, s, s
	g.joined++
	g.members = append(g.members, s)
	return s
}

// Take names a share that was granted something since it last asked. It must be let send, or the grant lapses.
func (g *Group) Take() (*Share, bool) {
	for g.woken.size > 0 {
		s := g.woken.first.share
		s.waking.leave()
		if s.grant > 0 {
			return s, true
		}
	}
	return nil, false
}

// Members is how many there are.
func (g *Group) Members() int { return len(g.members) }

// waiting is how many wait.
func (g *Group) waiting() int { return g.needy.size + g.sated.size + g.idle.size }

// Advance lets time pass for all members.
func (g *Group) Advance(now time.Time) {
	g.catchUp(now)
	g.deal(now, true)
}

// Deadline is when Advance wants to be called; zero: never, because nobody wants to send, and nothing is in flight.
func (g *Group) Deadline() time.Time {
	if g.waiting()+g.flight+g.granted == 0 {
		return time.Time{}
	}
	return sooner(g.ctl.Deadline(), g.deadline())
}

// catchUp lets the controller's time pass.
func (g *Group) catchUp(now time.Time) {
	if d := g.ctl.Deadline(); !d.IsZero() && !now.Before(d) {
		g.ctl.Advance(now)
	}
}

// drop takes what a member has in flight out of the account, and the controller's.
func (g *Group) drop(s *Share) {
	g.setFlight(s, 0)
	if c, ok := g.ctl.(ledbat.Remainer); ok {
		c.Remains(g.flight)
	}
}

// left forgets a member, and what it had in flight.
func (g *Group) left(now time.Time, s *Share) {
	g.drop(s)
	if s.paused {
		s.Resumed(now)
	}
	g.content(s)
	g.lapse(now, s)
	s.waiting.leave()
	s.waking.leave()
	g.members = slices.DeleteFunc(g.members, func(o *Share) bool { return o == s })
	g.deal(now, true)
}

func (g *Group) setFlight(s *Share, bytes int) {
	g.flight += bytes - s.flight
	if s.busy {
		g.busyFlight += bytes - s.flight
	}
	s.flight = bytes
}

func (g *Group) setGrant(s *Share, bytes int) {
	g.granted += bytes - s.grant
	s.grant = bytes
	if bytes == 0 {
		s.granting.leave()
	}
}

// content takes a member out of those that want more than they get.
func (g *Group) content(s *Share) {
	if s.busy {
		s.busy = false
		g.busy--
		g.busyFlight -= s.flight
	}
}

// lookAround looks at one member an event, whether it has not waited for so long that its part is the others'.
func (g *Group) lookAround(now time.Time) {
	if len(g.members) == 0 {
		return
	}
	g.visited = (g.visited + 1) % len(g.members)
	s := g.members[g.visited]
	if s.waiting.in == nil && s.grant == 0 && now.Sub(s.waited) > 4*g.hold() {
		g.content(s)
	}
}

// part is the equal part of the window for those that want more than they get: what the others leave, divided among them and s.
func (g *Group) part(s *Share) int {
	if s.busy {
		return (g.ctl.Window() - (g.flight - g.busyFlight)) / g.busy
	}
	return (g.ctl.Window() - (g.flight - g.busyFlight - s.flight)) / (g.busy + 1)
}

// lacks is how many bytes a share has less in flight than its equal part: whole units, and at least one if it has nothing.
func (g *Group) lacks(s *Share) int {
	lacks := (g.part(s) - s.flight) / s.unit * s.unit
	if s.flight == 0 {
		lacks = max(lacks, s.unit)
	}
	return lacks
}

// room is how many bytes may leave that are not granted: by the window and by the pace. One unit of a share is always allowed by
// the window when there is nothing, unless that is 0.
func (g *Group) room(now time.Time, unit int) int {
	window := g.ctl.Window()
	if g.flight+g.granted == 0 && window > 0 {
		window = max(window, unit)
	}
	if g.limit < 1 {
		return 0 // a pacer would take a rate of 0 for no pace
	}
	room := window - g.flight - g.granted
	if credit := g.pacer.Credit(now); credit < float64(room) {
		room = int(credit)
	}
	return max(0, room)
}

// contested says whether others than s wanted more than they got, lately.
func (g *Group) contested(s *Share) bool { return g.busy > 1 || g.busy == 1 && !s.busy }

// hold is how long a grant holds.
func (g *Group) hold() time.Duration {
	return min(max(g.trip(), leastHold), mostHold)
}

// trip is a round trip of now; 0: not known.
func (g *Group) trip() time.Duration { return g.trips.Base() + g.trips.Fresh(freshFor) }

// deadline is when deal can do something that it cannot do now, apart from what a report changes.
func (g *Group) deadline() time.Time {
	if g.needy.size+g.sated.size == 0 {
		if g.idle.size > 0 {
			return g.now // there are no others to leave it to any more
		}
		return time.Time{}
	}
	unit := g.first().least()
	if g.room(g.now, unit) >= unit {
		return g.now // left for those who made the room, and who have been asked by now
	}
	due := time.Time{}
	if g.grants.size > 0 {
		due = g.grants.first.share.until
	}
	if g.idle.size > 0 {
		due = sooner(due, g.idle.first.share.barred)
	}
	if credit := g.pacer.Credit(g.now); g.limit >= 1 && credit < float64(unit) && g.flight+g.granted+unit <= max(g.ctl.Window(), unit) {
		wait := time.Duration((float64(unit)-credit)/g.pace()*float64(time.Second)) + 1
		due = sooner(due, g.now.Add(min(wait, time.Hour)))
	}
	return due
}

// first is who is served next; there must be somebody who waits.
func (g *Group) first() *Share {
	if g.needy.size > 0 {
		return g.needy.first.share
	}
	return g.sated.first.share
}

// sooner is the earlier of two deadlines, of which either may be zero: never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// known is the queue that a member with a base of its own saw a moment ago; below 0: there is none.
func (g *Group) known(now time.Time) time.Duration {
	if g.queueAt.IsZero() || now.Sub(g.queueAt) > freshFor {
		return -1
	}
	return g.queue
}

// newcomer is the queue that a member's first delay is taken to contain: what the others see, and no more than its round trip
// exceeds the smallest of the group. When nobody has looked for a while, the round trip alone tells. Where the two differ, the
// smaller is right: a base that was taken too high is corrected by the first smaller delay, one too low is not.
func (g *Group) newcomer(now time.Time, rtt time.Duration) time.Duration {
	if g.trips.Base() == 0 || rtt <= 0 {
		return 0
	}
	excess := max(0, rtt-g.trips.Base())
	if known := g.known(now); known >= 0 {
		return min(known, excess)
	}
	return excess
}

// String is the state in one line.
func (g *Group) String() string {
	return fmt.Sprintf("group of %d, %d waiting: in flight %d B, granted %d B; %v",
		len(g.members), g.waiting(), g.flight, g.granted, g.ctl)
}
