// SPDX-License-Identifier: Apache-2.0

package site

import "github.com/ebbproject/ebb/sim/plan"

// What the time of a job may have gone for, as an index into job.why. Of two that took equally long the first is told.
const (
	thin = iota
	busy
	lossy
	shut
	asleep
	cutOff
	stopped
	upstream
	ahead
	noRoom
	metered
	reasons
)

var straggles = [reasons]plan.Straggle{plan.Thin, plan.Busy, plan.Lossy, plan.Shut, plan.Asleep, plan.Cut, plan.Paused, plan.Upstream, plan.Ahead,
	plan.NoRoom, plan.NoMetered}

// blame enters for each job what a time went for.
func (l *Location) blame(seconds float64, s Supply) {
	for i := range l.jobs {
		j := &l.jobs[i]
		if j.finished() && j.roomy > 0 || l.now < j.at {
			continue
		}
		if r := l.obstacle(j); r != thin {
			j.why[r] += seconds
			continue
		}
		b, y, u := float64(s.Busy*seconds), float64(s.Lossy*seconds), float64(s.Upstream*seconds)
		if j.front >= j.size && !l.direct {
			b, y, u = 0, 0, 0 // the LAN is what it waits for
		}
		j.why[busy] += b
		j.why[lossy] += y
		j.why[upstream] += u
		j.why[thin] += seconds - b - y - u
	}
}

// obstacle is what keeps a job from going on at all; thin: nothing does.
func (l *Location) obstacle(j *job) int {
	wan := l.direct || j.front < j.size
	switch {
	case j.roomy == 0:
		return noRoom
	case j.blocked && wan:
		return metered
	case !j.heard:
		if l.away > 0 {
			return cutOff
		}
		return thin
	case j.paused > 0:
		return stopped
	case !j.open:
		return shut
	case !l.lit || l.dark > 0 || j.active() == 0:
		return asleep
	case wan && (l.cut > 0 || l.away > 0):
		return cutOff
	case wan && j.rate == 0 && l.served(j):
		return ahead
	}
	return thin
}

// served reports whether a job of a higher priority fetches.
func (l *Location) served(j *job) bool {
	for i := range l.jobs {
		if k := &l.jobs[i]; k.turn.Priority > j.turn.Priority && k.rate > 0 {
			return true
		}
	}
	return false
}

// reason is what most of the time of the slowest order went for.
func (l *Location) reason() plan.Straggle {
	var slowest *job
	for i := range l.jobs {
		if j := &l.jobs[i]; slowest == nil || last(j) > last(slowest) {
			slowest = j
		}
	}
	if slowest == nil {
		return ""
	}
	switch {
	case slowest.finished() && slowest.roomy < slowest.hosts:
		return plan.NoRoom
	case slowest.blocked && !slowest.finished():
		return plan.NoMetered
	}
	most := 0
	for r, t := range slowest.why {
		if t > slowest.why[most] {
			most = r
		}
	}
	return straggles[most]
}
