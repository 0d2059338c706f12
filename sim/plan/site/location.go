// SPDX-License-Identifier: Apache-2.0

package site

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/scheduler"
)

// Location is one location.
type Location struct {
	Class, Index int
	Hosts        int
	Link         Link
	Loads        [7 * 24]float64 // of the foreground, 0..1, by hour of the week
	Tally        Tally

	now     time.Duration
	end     time.Duration // of the scenario
	direct  bool
	lan     float64  // bytes a second of each host
	changes []change // in order; those before next have happened
	next    int
	online  flips
	lit     bool // hosts are on by the hour
	cut     int  // reasons why nothing crosses the link
	away    int
	dark    int
	jobs    []job // by scheduler.Turn
}

// change is something that is known beforehand. It begins with by 1 and ends with -1.
type change struct {
	at   time.Duration
	kind kind
	arg  int
	by   int
}

type kind uint8

const (
	told      kind = iota // of an order, arg
	linkCut               // nothing crosses the link
	hubAway               // nor is anything heard of
	paused                // a content, arg; -1: everything
	dark                  // no host is on
	rebooting             // one host more is off
)

// What the way of an order takes: the push, and then the conversations with the source, in round trips (greeting, handshake, association,
// manifest, first request).
const (
	pushed     = 500 * time.Millisecond
	roundTrips = 7
)

// Hearing is how long after an order was given its first byte may cross a link.
func Hearing(rtt time.Duration) time.Duration { return pushed + roundTrips*rtt }

// Location draws one. Index counts within its class.
func (f *Fleet) Location(class, index int) *Location {
	c := f.Scenario.Classes[class]
	l := &Location{Class: class, Index: index, Hosts: f.drawHosts(class, index), Link: f.drawLink(class, index), Loads: f.drawLoads(class, index),
		end: f.Scenario.Horizon, direct: c.Direct, lan: float64(c.Hosts.LAN) / 8, online: f.online[class], lit: f.online[class].open}
	if l.lan == 0 {
		l.lan = fastLAN
	}
	for i, o := range f.Scenario.Orders {
		if slices.Contains(o.To, class) {
			l.jobs = append(l.jobs, l.newJob(f, i))
			l.changes = append(l.changes, change{at: o.At + Hearing(l.Link.RTT), kind: told, arg: i})
		}
	}
	slices.SortFunc(l.jobs, func(a, b job) int { return a.turn.Compare(b.turn) })
	l.drawEvents(f)
	slices.SortStableFunc(l.changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	l.settle()
	return l
}

// fastLAN is the rate of hosts whose links nobody has named, in bytes a second.
const fastLAN = 1e9 / 8

// Now is until when it has been played.
func (l *Location) Now() time.Duration { return l.now }

// Done reports whether nothing can change any more: every host that ever can has everything.
func (l *Location) Done() bool {
	if l.now >= l.end {
		return true
	}
	for i := range l.jobs {
		if !l.jobs[i].finished() && !l.jobs[i].blocked {
			return false
		}
	}
	return true
}

// settle lets what is due happen.
func (l *Location) settle() {
	for ; l.next < len(l.changes) && l.changes[l.next].at <= l.now; l.next++ {
		l.apply(l.changes[l.next])
	}
	for len(l.online.at) > 0 && l.online.at[0] <= l.now {
		l.lit = !l.lit
		l.online.at = l.online.at[1:]
	}
	for i := range l.jobs {
		j := &l.jobs[i]
		for len(j.hours.at) > 0 && j.hours.at[0] <= l.now {
			j.open = !j.open
			j.hours.at = j.hours.at[1:]
		}
	}
}

func (l *Location) apply(c change) {
	switch c.kind {
	case linkCut:
		l.cut += c.by
	case hubAway:
		l.away += c.by
	case dark:
		l.dark += c.by
	}
	for i := range l.jobs {
		j := &l.jobs[i]
		switch {
		case c.kind == told && j.order == c.arg:
			j.waits = true
		case c.kind == paused && (c.arg < 0 || c.arg == j.content):
			j.paused += c.by
		case c.kind == rebooting && c.by > 0:
			j.split()
		case c.kind == rebooting:
			j.rejoin()
		}
		if j.waits && l.away == 0 {
			j.waits, j.heard = false, true
		}
	}
}

// Next is when something changes that was known beforehand.
func (l *Location) Next() time.Duration {
	at := l.end
	if l.next < len(l.changes) {
		at = min(at, l.changes[l.next].at)
	}
	if len(l.online.at) > 0 {
		at = min(at, l.online.at[0])
	}
	for i := range l.jobs {
		if j := &l.jobs[i]; len(j.hours.at) > 0 && !j.finished() {
			at = min(at, j.hours.at[0])
		}
	}
	return at
}

// moves reports whether a job goes on now, over the LAN at least.
func (l *Location) moves(j *job) bool {
	return j.heard && j.open && j.paused == 0 && l.lit && l.dark == 0 && j.active() > 0
}

// crosses reports whether a job lacks what only the WAN can bring, and may fetch it.
func (l *Location) crosses(j *job) bool {
	return l.moves(j) && (l.direct || j.front < j.size) && l.cut == 0 && l.away == 0 && !j.blocked
}

// Wanting reports whether something would cross the WAN link now.
func (l *Location) Wanting() bool {
	for i := range l.jobs {
		if l.crosses(&l.jobs[i]) {
			return true
		}
	}
	return false
}

// Most is how many bytes of content a second the hosts could take from the WAN now.
func (l *Location) Most() float64 {
	most := 0.0
	for i := range l.jobs {
		if j := &l.jobs[i]; l.crosses(j) {
			most += l.most(j)
		}
	}
	return most
}

// seats is how many hosts of a location fetch a content from beyond it at a time.
var seats = scheduler.Default("").Seats

// most is how many bytes a second the links of those hosts take that fetch for a job.
func (l *Location) most(j *job) float64 {
	n := j.active()
	if !l.direct {
		n = min(n, seats)
	}
	return float64(float64(n) * l.lan)
}

// turns divides a rate among the jobs: strictly by priority, and alike among equals.
func (l *Location) turns(rate float64) {
	for i := 0; i < len(l.jobs); {
		k := i
		for ; k < len(l.jobs) && l.jobs[k].turn.Priority == l.jobs[i].turn.Priority; k++ {
			l.jobs[k].rate = 0
		}
		rate -= l.share(l.jobs[i:k], rate)
		i = k
	}
}

// share gives equals alike of a rate, but none more than its hosts can take, and returns what it gave.
func (l *Location) share(equals []job, rate float64) (given float64) {
	for again := true; again; {
		open := 0
		for i := range equals {
			if j := &equals[i]; l.crosses(j) && j.rate < l.most(j) {
				open++
			}
		}
		again = false
		if open == 0 || rate-given <= 0 {
			return given
		}
		each := (rate - given) / float64(open)
		for i := range equals {
			j := &equals[i]
			most := l.most(j)
			if !l.crosses(j) || j.rate >= most {
				continue
			}
			step := min(each, most-j.rate)
			j.rate += step
			given += step
			again = again || step < each && open > 1
			if step < each {
				j.rate = most
			}
		}
	}
	return given
}

// Supply is what the WAN link can bring now.
type Supply struct {
	Rate float64 // bytes of content a second
	// Parts of the link's rate, 0..1, that are missing, by the reason: the rest is what the link is too thin for.
	Busy, Lossy, Upstream float64
}

// Advance lets time pass until the moment given, or until something changes, while the link brings what s says. It returns
// how many bytes of content have crossed.
func (l *Location) Advance(to time.Duration, s Supply) (crossed float64) {
	l.turns(s.Rate)
	soon := math.Inf(1)
	for i := range l.jobs {
		if j := &l.jobs[i]; l.moves(j) {
			soon = min(soon, j.soon(l.lan, l.direct))
		}
	}
	to = min(to, l.Next())
	if soon < 1e9 {
		to = min(to, l.now+time.Duration(math.Ceil(soon*1e9)))
	}
	to = max(to, l.now)
	seconds := (to - l.now).Seconds()
	l.blame(seconds, s)
	for i := range l.jobs {
		j := &l.jobs[i]
		before := j.crossed
		switch {
		case !l.moves(j):
		case l.direct:
			j.alone(seconds, l.lan)
		default:
			j.swarm(seconds, l.lan)
		}
		j.complete(to)
		crossed += j.crossed - before
	}
	l.now = to
	l.settle()
	return crossed
}

// orderOf finds a job by its order; nil: the order is not for this location.
func (l *Location) orderOf(order int) *job {
	for i := range l.jobs {
		if l.jobs[i].order == order {
			return &l.jobs[i]
		}
	}
	return nil
}
