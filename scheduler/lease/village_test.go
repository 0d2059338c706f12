// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

var dawn = time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)

const beat = 50 * time.Millisecond // the grain of the village's time, and the way of a word from house to house

// village is a location: hosts with a table each, of which not everybody talks to everybody. Their clocks are hours
// apart. What one fetches the others have a little later, if a way leads to them.
type village struct {
	t       rapid.TB
	now     time.Time
	hosts   []*host
	chunks  int
	words   []word
	crossed int      // chunks that came from beyond the village
	log     []string // what holders said of their leases
}

type host struct {
	name  string
	t     *Table
	clock time.Duration // ahead of the village's
	gone  bool
	idle  bool // it fetches nothing, whatever it holds
	away  int  // which side of a divide it is on
	knows map[*host]bool
	has   []bool
	heard []bool // chunks that the table was told of
	busy  int    // the chunk on its way, or -1
	since time.Time
	pace  time.Duration // a chunk takes so long
}

type word struct {
	at       time.Time
	from, to *host
	a        Action
}

func newVillage(t rapid.TB, n, chunks int) *village {
	v := &village{t: t, now: dawn, chunks: chunks}
	for i := range n {
		h := &host{name: fmt.Sprintf("till-%d", i+1), clock: time.Duration(i*7-20) * time.Hour, knows: map[*host]bool{}, has: make([]bool, chunks),
			pace: time.Second}
		v.hosts = append(v.hosts, h)
		v.start(h, uint32(i+1))
	}
	return v
}

func (v *village) start(h *host, life uint32) {
	c := Default(h.name)
	c.Life = life
	h.t = New(v.at(h), c, content.Sum([]byte("image")), v.chunks)
	h.heard, h.busy, h.gone = make([]bool, v.chunks), -1, false
	h.t.Willing(v.at(h), true)
}

func (v *village) at(h *host) time.Time { return v.now.Add(h.clock) }

// meet lets two hosts talk to each other.
func (v *village) meet(a, b *host) {
	a.knows[b], b.knows[a] = true, true
	a.t.Joined(v.at(a), b.name)
	b.t.Joined(v.at(b), a.name)
}

// ring lets everybody know the next two.
func (v *village) ring() {
	for i, h := range v.hosts {
		for d := 1; d <= 2; d++ {
			if o := v.hosts[(i+d)%len(v.hosts)]; o != h {
				v.meet(h, o)
			}
		}
	}
}

func (v *village) kill(h *host) { v.end(h, (*Table).Left) }

// end takes a host away; its neighbours hear of it as told says.
func (v *village) end(h *host, told func(*Table, time.Time, string)) {
	h.gone, h.busy = true, -1
	for o := range h.knows {
		delete(o.knows, h)
		told(o.t, v.at(o), h.name)
	}
	h.knows = map[*host]bool{}
}

func (v *village) reach(a, b *host) bool { return a.knows[b] && a.away == b.away && !a.gone && !b.gone }

// run lets time pass.
func (v *village) run(d time.Duration) {
	for end := v.now.Add(d); v.now.Before(end); v.now = v.now.Add(beat) {
		v.step()
	}
}

func (v *village) step() {
	words := v.words
	v.words = nil
	for _, w := range words {
		switch {
		case w.to.gone || w.from.gone:
		case !v.reach(w.from, w.to) || w.at.After(v.now):
			v.words = append(v.words, w) // it waits for the end of the divide
		default:
			v.hear(w)
		}
	}
	for _, h := range v.hosts {
		if h.gone {
			continue
		}
		if at := h.t.Deadline(); !at.IsZero() && !v.at(h).Before(at) {
			h.t.Advance(v.at(h))
		}
		v.spread(h)
		v.work(h)
		for a, ok := h.t.Take(); ok; a, ok = h.t.Take() {
			to := ""
			switch a := a.(type) {
			case Say:
				to = a.To
				if line := fmt.Sprintf("%6.2fs %s says: %v", v.now.Sub(dawn).Seconds(), h.name, a.Claim); a.Claim.Holder == h.name && !slices.Contains(v.log, line) {
					v.log = append(v.log, line)
				}
			case Stand:
				to = a.To
			}
			for o := range h.knows {
				if o.name == to {
					v.words = append(v.words, word{v.now.Add(beat), h, o, a})
				}
			}
		}
	}
}

func (v *village) hear(w word) {
	switch a := w.a.(type) {
	case Say:
		w.to.t.Heard(v.at(w.to), w.from.name, a.Claim)
	case Stand:
		w.to.t.Stood(w.from.name, a.Weight)
	}
}

// spread lets a host see and take what its neighbours have.
func (v *village) spread(h *host) {
	for i := range v.chunks {
		seen := h.has[i]
		for o := range h.knows {
			seen = seen || v.reach(h, o) && o.has[i]
		}
		if seen && !h.heard[i] {
			h.heard[i] = true
			h.t.Appeared(v.at(h), i)
			h.has[i] = true
		}
	}
}

// work lets a host fetch from beyond the village what it holds the leases of.
func (v *village) work(h *host) {
	if h.busy >= 0 {
		mine := h.t.Mine(h.t.Range(h.busy))
		if mine && v.now.Sub(h.since) < h.pace {
			return
		}
		if mine {
			v.crossed++
			h.has[h.busy] = true
			h.t.Fetched(h.busy, 1<<20)
		}
		h.busy = -1
	}
	if h.idle {
		h.t.MayClaim(v.at(h))
	}
	for range 2 {
		for i := range v.chunks {
			if !h.has[i] && h.t.Mine(h.t.Range(i)) && !h.idle {
				h.busy, h.since = i, v.now
				return
			}
		}
		if !v.claim(h) {
			return
		}
	}
}

func (v *village) claim(h *host) bool {
	if !h.t.MayClaim(v.at(h)) {
		return false
	}
	n := h.t.Ranges()
	first := int(mix(uint64(h.name[len(h.name)-1]))) & 0xffff
	for i := range n {
		r := uint32((i + first) % n)
		if f, end := h.t.Chunks(r); h.t.Vacant(r) && slices.Contains(h.has[f:min(end, v.chunks)], false) {
			h.t.Claim(v.at(h), r)
			return true
		}
	}
	return false
}

func (v *village) fetchers() (list []*host) {
	for _, h := range v.hosts {
		if !h.gone && len(h.t.mine) > 0 {
			list = append(list, h)
		}
	}
	return list
}

func (v *village) complete() bool {
	for _, h := range v.hosts {
		if !h.gone && slices.Contains(h.has, false) {
			return false
		}
	}
	return true
}

// once fails when two hosts hold one range.
func (v *village) once() {
	v.t.Helper()
	owner := map[uint32]string{}
	for _, h := range v.hosts {
		if h.gone {
			continue
		}
		for r := range h.t.mine {
			if owner[r] != "" {
				v.t.Fatalf("%s: range %d is held by %s and by %s", v.now.Sub(dawn), r, owner[r], h.name)
			}
			owner[r] = h.name
		}
	}
}

func (v *village) until(limit time.Duration, holds func() bool) bool {
	for end := v.now.Add(limit); v.now.Before(end) && !holds(); {
		v.run(beat)
	}
	return holds()
}
