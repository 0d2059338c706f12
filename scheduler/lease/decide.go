// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"maps"
	"slices"
	"time"
)

// Advance lets time pass: leases end and are renewed, and holders that bring nothing lose theirs.
func (t *Table) Advance(now time.Time) {
	t.checked = now
	for _, r := range slices.Sorted(maps.Keys(t.active)) {
		e := t.active[r]
		switch {
		case e.State == Done && t.open[r] == 0:
			delete(t.active, r)
		case e.State == Done:
			if t.willing && now.Sub(e.since) >= t.c.Patience {
				t.lapse(now, e) // what was said to be here never came
			}
		case !now.Before(e.until):
			t.lapse(now, e) // ours too: this host has slept, and others may have gone on
		case t.mine[r] != nil && !now.Before(e.renew):
			t.renew(now, e)
		}
	}
	for key, h := range t.holders {
		switch {
		case h.leases == 0 && now.Sub(h.idle) >= t.c.Patience:
			delete(t.holders, key)
		case h.leases > 0 && t.willing && !now.Before(t.limit(h)):
			t.doubt(now, h)
		}
	}
	t.yield(now)
}

// limit is when a holder must have brought something.
func (t *Table) limit(h *holder) time.Time {
	told, seen := h.told.Add(t.c.Patience), h.seen.Add(liarFactor*t.c.Patience)
	if seen.Before(told) {
		return seen
	}
	return told
}

// doubt takes all leases from a holder that brings nothing, and believes it no more for a while.
func (t *Table) doubt(now time.Time, h *holder) {
	maps.DeleteFunc(t.suspect, func(name string, s *suspect) bool { return now.Sub(s.until) > mostDoubt })
	s := t.suspect[h.name]
	if s == nil && len(t.suspect) < maxSuspect {
		s = &suspect{}
		t.suspect[h.name] = s
	}
	if s != nil {
		s.until = now.Add(min(distrust<<min(s.times, 8), mostDoubt))
		s.times++
	}
	for _, r := range slices.Sorted(maps.Keys(t.active)) {
		if e := t.active[r]; e.by == h {
			t.lapse(now, e)
		}
	}
}

// yield gives back what this host has not begun when others have all the seats.
func (t *Table) yield(now time.Time) {
	if len(t.mine) == 0 || t.before() < t.c.Seats {
		return
	}
	for _, r := range slices.Sorted(maps.Keys(t.mine)) {
		if !t.mine[r].began {
			t.end(now, r, Released)
		}
	}
}

// before is how many fetchers are before us in the line.
func (t *Table) before() (n int) {
	own := t.own()
	for _, h := range t.holders {
		if h.leases > 0 && t.score(h.name, h.weight) < own {
			n++
		}
	}
	return n
}

// fetchers is how many other hosts hold leases.
func (t *Table) fetchers() (n int) {
	for _, h := range t.holders {
		if h.leases > 0 {
			n++
		}
	}
	return n
}

// MayClaim reports whether this host may take a range now.
func (t *Table) MayClaim(now time.Time) bool {
	switch {
	case !t.willing || t.c.Weight == 0 && t.relieved(now):
		return false
	case len(t.mine) > 0:
		return t.before() < t.c.Seats
	}
	return t.fetchers() < t.c.Seats && !now.Before(t.due())
}

// due is when a free seat is ours to take.
func (t *Table) due() time.Time {
	at := t.joined.Add(t.c.Settle)
	switch {
	case t.Alone():
		return t.freeFrom
	case t.joined.IsZero():
		at = t.start.Add(t.c.Arrive)
	}
	if t.freeFrom.After(at) {
		at = t.freeFrom
	}
	own := t.own()
	steps := 1 - (t.c.Seats - t.fetchers())
	for name, p := range t.peers {
		if t.score(name, p.weight) < own && !t.holds(name) && !t.doubts(at, name) {
			steps++
		}
	}
	// Those who are first among the hosts they know do not all claim at once: the first of all is likely the first here.
	within := time.Duration(float64(own) / (1 << 63) / 2 * float64(spread) * float64(len(t.peers)+1))
	return at.Add(time.Duration(max(steps, 0))*t.c.Step + within)
}

func (t *Table) holds(name string) bool {
	for _, h := range t.holders {
		if h.name == name && h.leases > 0 {
			return true
		}
	}
	return false
}

// Vacant reports whether nobody has, or had, the lease of a range.
func (t *Table) Vacant(r uint32) bool {
	e := t.entries[r]
	return e == nil || e.State == Released || e.State == Done && t.Alone()
}

// Alone reports whether there is nobody to share with.
func (t *Table) Alone() bool { return len(t.peers) == 0 && !t.expected }

// Claim takes the lease of a vacant range. Ask MayClaim before.
func (t *Table) Claim(now time.Time, r uint32) {
	e := t.entries[r]
	if e == nil {
		e = &entry{}
		t.entries[r] = e
	}
	e.token++
	e.Claim = Claim{Range: r, Token: e.token, Holder: t.c.Self, Life: t.c.Life, Weight: max(t.c.Weight, 1), State: Held}
	e.began = false
	t.mine[r], t.active[r] = e, e
	t.version++
	t.renew(now, e)
}

// renew says that we hold a range, for another term.
func (t *Table) renew(now time.Time, e *entry) {
	e.Beat++
	e.Bytes = t.bytes
	e.until, e.renew = now.Add(t.c.Term), now.Add(t.c.Renew)
	t.sayAll(now, e)
}

// end ends a lease of ours.
func (t *Table) end(now time.Time, r uint32, s State) {
	e := t.mine[r]
	t.free(now, e)
	e.Beat++
	e.Bytes, e.State, e.since = t.bytes, s, now
	t.sayAll(now, e)
}

// GiveBack ends all leases of ours: those of which chunks are missing are free for others.
func (t *Table) GiveBack(now time.Time) {
	for _, r := range slices.Sorted(maps.Keys(t.mine)) {
		if t.open[r] == 0 {
			t.end(now, r, Done)
		} else {
			t.end(now, r, Released)
		}
	}
}

func (t *Table) sayAll(now time.Time, e *entry) {
	for _, name := range t.names() {
		t.out = append(t.out, Say{To: name, Claim: e.told(now)})
	}
}

// Deadline is when Advance, and MayClaim again, may change something; zero: not before something happens.
func (t *Table) Deadline() time.Time {
	var first time.Time
	earlier := func(at time.Time) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for r, e := range t.active {
		switch {
		case e.State == Done:
			if t.willing && t.open[r] != 0 {
				earlier(e.since.Add(t.c.Patience))
			}
		case t.mine[r] != nil:
			earlier(e.renew)
		default:
			earlier(e.until)
		}
	}
	if !t.willing {
		return first
	}
	for _, h := range t.holders {
		if h.leases > 0 {
			earlier(t.limit(h))
		}
	}
	if len(t.mine) > 0 || t.fetchers() >= t.c.Seats {
		return first
	}
	if due := t.due(); due.After(t.checked) {
		earlier(due)
	}
	return first
}
