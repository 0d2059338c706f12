// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"maps"
	"slices"
	"time"
)

// Joined says that a host of the location fetches the content too. It hears how willing we are, and of every lease in
// force.
func (t *Table) Joined(now time.Time, peer string) {
	if t.peers[peer] != nil || peer == t.c.Self {
		return
	}
	t.peers[peer] = &neighbour{}
	if t.joined.IsZero() {
		t.joined = now
	}
	t.out = append(t.out, Stand{To: peer, Weight: t.weight()})
	for _, r := range slices.Sorted(maps.Keys(t.active)) {
		t.out = append(t.out, Say{To: peer, Claim: t.active[r].told(now)})
	}
}

// Stood says with which weight a neighbour stands in the line.
func (t *Table) Stood(peer string, weight int) {
	if p := t.peers[peer]; p != nil {
		p.weight = min(max(weight, 0), MaxWeight)
	}
}

// Left says that a neighbour is gone, or does not fetch the content any more. If it has leases, they last as long as
// it takes to hear of it through others.
func (t *Table) Left(now time.Time, peer string) {
	if t.peers[peer] == nil {
		return
	}
	delete(t.peers, peer)
	for _, e := range t.active {
		if limit := now.Add(t.c.Renew + lostGrace); e.by != nil && e.by.name == peer && e.until.After(limit) {
			e.until = limit
		}
	}
}

// Died says that a neighbour's process has ended: its leases end with it.
func (t *Table) Died(now time.Time, peer string) {
	if t.peers[peer] == nil {
		return
	}
	for _, r := range slices.Sorted(maps.Keys(t.active)) {
		if e := t.active[r]; e.by != nil && e.by.name == peer {
			t.lapse(now, e)
		}
	}
	t.Left(now, peer)
}

// Heard takes a claim from a neighbour, whose own it need not be.
func (t *Table) Heard(now time.Time, from string, c Claim) {
	e := t.entries[c.Range]
	switch {
	case int(c.Range) >= len(t.open) || t.peers[from] == nil || c.Weight < 1 || c.Token == 0:
		return
	case c.Holder == t.c.Self && c.Life == t.c.Life:
		return // our own, come round
	case e == nil && c.Token > maxJump || e != nil && c.Token > e.token && c.Token-e.token > maxJump:
		return // nobody has taken it over so often: it is to use the tokens up
	}
	if e == nil {
		e = &entry{Claim: Claim{Range: c.Range}}
		t.entries[c.Range] = e
	}
	if t.doubts(now, c.Holder) {
		e.token = max(e.token, c.Token)
		return
	}
	if e.Token > 0 && !t.beats(c, e.Claim) {
		if e.live() && !c.same(e.Claim) { // from the past: this is in force
			t.out = append(t.out, Say{To: from, Claim: e.told(now)})
		}
		return
	}
	t.adopt(now, e, c)
	for _, name := range t.names() {
		if name != from {
			t.out = append(t.out, Say{To: name, Claim: e.told(now)})
		}
	}
	t.Advance(now)
}

// adopt makes a claim of another host the one in force.
func (t *Table) adopt(now time.Time, e *entry, c Claim) {
	t.free(now, e)
	e.Claim, e.token = c, max(e.token, c.Token)
	e.since = now
	switch c.State {
	case Held:
		h := t.hold(now, c)
		h.leases++
		e.by, e.until = h, now.Add(min(c.Left, t.c.Term))
		t.active[c.Range] = e
	case Done:
		t.progress(now, t.holders[holderKey{c.Holder, c.Life}], c.Bytes)
		t.active[c.Range] = e
	case Released:
		t.freeFrom = now
	}
}

// hold finds the holder of a claim. While it held nothing its clocks stood still: giving back and claiming again wins
// no patience.
func (t *Table) hold(now time.Time, c Claim) *holder {
	key := holderKey{c.Holder, c.Life}
	h := t.holders[key]
	if h == nil {
		h = &holder{holderKey: key, bytes: c.Bytes, told: now, seen: now, idle: now}
		t.holders[key] = h
	}
	if h.leases == 0 {
		away := now.Sub(h.idle)
		h.told, h.seen = h.told.Add(away), h.seen.Add(away)
	}
	h.weight = c.Weight
	t.progress(now, h, c.Bytes)
	return h
}

func (t *Table) progress(now time.Time, h *holder, bytes uint64) {
	if h != nil && bytes > h.bytes {
		h.bytes, h.told = bytes, now
	}
}

// free takes the lease of a range from whoever has it.
func (t *Table) free(now time.Time, e *entry) {
	if h := e.by; h != nil {
		if h.leases--; h.leases == 0 {
			h.idle = now
		}
		e.by = nil
	}
	if t.mine[e.Range] == e {
		delete(t.mine, e.Range)
		t.version++
	}
	delete(t.active, e.Range)
}

// lapse ends a lease that nobody ended.
func (t *Table) lapse(now time.Time, e *entry) {
	t.free(now, e)
	e.State = Released
	t.freeFrom = now
}

// doubts reports whether a host brought nothing lately.
func (t *Table) doubts(now time.Time, name string) bool {
	s := t.suspect[name]
	return s != nil && now.Before(s.until)
}

// told is the claim as it is passed on now.
func (e *entry) told(now time.Time) Claim {
	c := e.Claim
	c.Left = 0
	if c.State == Held {
		c.Left = max(e.until.Sub(now), 0)
	}
	return c
}

func (t *Table) names() []string { return slices.Sorted(maps.Keys(t.peers)) }
