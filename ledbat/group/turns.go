// SPDX-License-Identifier: Apache-2.0

package group

import "time"

// wait puts a share in line, unless it has a grant to use first. One that is too small for what it wants now is no use to it.
func (g *Group) wait(now time.Time, s *Share) {
	s.waited = now
	if s.grant > 0 && s.grant < s.least() {
		g.lapse(now, s)
	}
	if s.again = s.grant > 0; s.again {
		return
	}
	if !s.busy {
		s.busy = true
		g.busy++
		g.busyFlight += s.flight
	}
	if s.waiting.in == nil && now.Before(s.barred) {
		g.idle.join(&s.waiting)
	}
	if s.waiting.in == nil || s.waiting.in == &g.sated && g.lacks(s) > 0 {
		g.line(s)
	}
}

// line puts a share in the line that it belongs to.
func (g *Group) line(s *Share) {
	if g.lacks(s) > 0 {
		g.needy.join(&s.waiting)
	} else {
		g.sated.join(&s.waiting)
	}
}

// expire takes back the grants that were not used in time, and believes those again who have left theirs to others for long enough, or whom
// there are no others to leave it to. Who has asked for more meanwhile still waits: its owner will not ask again before it is woken.
func (g *Group) expire(now time.Time) {
	for g.grants.size > 0 && !now.Before(g.grants.first.share.until) {
		s := g.grants.first.share
		g.lapse(now, s)
		s.lapses = min(s.lapses+1, mostLapses)
		s.barred = now.Add(g.hold() << s.lapses)
		if s.again {
			g.wait(now, s)
		}
	}
	for g.idle.size > 0 && (g.needy.size+g.sated.size == 0 || !now.Before(g.idle.first.share.barred)) {
		g.line(g.idle.first.share)
	}
}

// deal takes back what was not used in time, and grants what there is to those who wait: the needy in turn, then, if those who
// made the room have had a chance to use it, the others in turn.
func (g *Group) deal(now time.Time, settled bool) {
	g.now = now
	g.pacer.SetRate(g.pace())
	g.lookAround(now)
	g.expire(now)
	for g.needy.size > 0 {
		s := g.needy.first.share
		lacks := g.lacks(s)
		if lacks <= 0 {
			g.sated.join(&s.waiting)
			continue
		}
		if !g.grant(now, s, lacks) {
			return
		}
	}
	if settled || now.After(g.opened) {
		for g.sated.size > 0 && g.grant(now, g.sated.first.share, g.room(now, g.mss)/g.sated.size) {
		}
	}
}

// grant lets a share send up to most bytes, if there is room for a datagram. Who asks gets no more than it wants. Who is only presumed to
// want something gets little, because it may leave it unused.
func (g *Group) grant(now time.Time, s *Share, most int) bool {
	least := s.least()
	if s.asks {
		most = min(max(most/s.unit*s.unit, least), s.wants)
	} else {
		most = max(least, min(most, int(g.pace()*grantTime.Seconds())))
	}
	room := g.room(now, s.unit)
	if room < least {
		return false
	}
	if room < most {
		most = max(least, room/s.unit*s.unit)
	}
	s.waiting.leave()
	s.until = now.Add(g.hold())
	g.setGrant(s, most)
	g.pacer.Sent(now, most)
	g.grants.join(&s.granting)
	g.woken.join(&s.waking)
	return true
}

// lapse takes back what is left of a grant, and what the pacer was paid for it.
func (g *Group) lapse(now time.Time, s *Share) {
	g.pacer.Sent(now, -s.grant)
	g.setGrant(s, 0)
}
