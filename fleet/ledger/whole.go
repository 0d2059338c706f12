// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"hash/fnv"
	"time"
)

// Whole is when hosts of a place came to hold all of a content, as far as the hub heard of it.
type Whole struct {
	Place
	Hosts int       `json:"hosts"` // the most that ever did
	First time.Time `json:"first"`
	Last  time.Time `json:"last"` // when the last of them did
}

// Wholes keep that for all places. Hosts say what they hold again after each restart of the hub; so only what goes beyond the most hosts that a
// place ever had is news. A host that is replaced by another is none.
type Wholes struct {
	known map[Place]Whole
	hosts map[Place]map[uint64]struct{} // that were heard of since this began, by a hash of their names
}

// NewWholes is empty.
func NewWholes() *Wholes {
	return &Wholes{known: map[Place]Whole{}, hosts: map[Place]map[uint64]struct{}{}}
}

// Restore enters what was kept.
func (w *Wholes) Restore(x Whole) { w.known[x.Place] = x }

// Held: a host holds all of a content; news: this is to be kept.
func (w *Wholes) Held(now time.Time, p Place, peer string) (x Whole, news bool) {
	hosts := w.hosts[p]
	if hosts == nil {
		hosts = map[uint64]struct{}{}
		w.hosts[p] = hosts
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(peer)) // a hash takes everything
	hosts[h.Sum64()] = struct{}{}
	x = w.known[p]
	if len(hosts) <= x.Hosts {
		return x, false
	}
	if x.Hosts == 0 {
		x.Place, x.First = p, now
	}
	x.Hosts, x.Last = len(hosts), now
	w.known[p] = x
	return x, true
}

// At is what is known of a place; the zero value: nothing.
func (w *Wholes) At(p Place) Whole { return w.known[p] }
