// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// CopiesRequest tells the hub which contents this host holds whole, and asks who else in its location does. At most
// MaxHoldings.
type CopiesRequest struct {
	Kept     []content.ID `json:"kept,omitempty"`
	Replicas int          `json:"replicas"` // copies that the location is to keep of each; at least 1
}

// CopiesReply says how the contents of the request stand in the location of the caller.
type CopiesReply struct {
	Ahead []int        `json:"ahead,omitempty"` // for each of Kept, how many other hosts hold it and would keep it rather than the caller
	Fetch []content.ID `json:"fetch,omitempty"` // contents with too few copies, of which the caller is to make one
}

const (
	// CopiesEvery is how often a host tells and asks.
	CopiesEvery = time.Minute
	// IdleAsker is how long a host keeps its connection to the hub's control port between two questions, and the hub a little longer: it
	// outlasts CopiesEvery and a fifth, or each host would need a handshake for what it asks every minute.
	IdleAsker = 100 * time.Second
	// copiesFor is how long a host counts that does not tell any more.
	copiesFor = 3 * CopiesEvery
	// maxFetch bounds the contents that one reply asks to be fetched.
	maxFetch = 16
)

// Copies knows who holds what whole, location by location. All holders of a content stand in one order, by rendezvous
// hashing (Thaler and Ravishankar, 1998), so that of several that want to let it go at the same time the same few keep
// it, and of several that do not hold it the same few fetch it when copies are lacking. Nothing of it needs to survive
// a restart.
type Copies struct {
	locations map[string]map[string]*keeping // by location and peer
	where     map[string]string              // the location of each peer
	born      time.Time                      // when it was first told something
	swept     time.Time                      // when the silent were last looked for everywhere
}

// keeping is what one host holds whole.
type keeping struct {
	peer  string
	seen  time.Time
	whole map[content.ID]bool
}

// NewCopies knows of nobody.
func NewCopies() *Copies {
	return &Copies{locations: map[string]map[string]*keeping{}, where: map[string]string{}}
}

// Told: a host said what it holds whole; the answer says how that stands in its location. Only contents for which
// current is true are to be fetched for want of copies.
func (c *Copies) Told(now time.Time, id Identity, r CopiesRequest, current func(content.ID) bool) CopiesReply {
	if was, ok := c.where[id.Peer]; ok && was != id.Location {
		c.forget(was, id.Peer)
	}
	c.sweep(now, id.Location)
	here := c.locations[id.Location]
	if here == nil {
		here = map[string]*keeping{}
		c.locations[id.Location] = here
	}
	c.where[id.Peer] = id.Location
	k := &keeping{peer: id.Peer, seen: now, whole: make(map[content.ID]bool, len(r.Kept))}
	for _, x := range r.Kept {
		k.whole[x] = true
	}
	here[id.Peer] = k
	reply := CopiesReply{Ahead: make([]int, len(r.Kept))}
	for i, x := range r.Kept {
		reply.Ahead[i] = ahead(here, k, x, true)
	}
	if c.born.IsZero() {
		c.born = now
	}
	if r.Replicas < 2 || now.Sub(c.born) < copiesFor { // what is held has one copy; and not everybody may have told yet
		return reply
	}
	for x, holders := range held(here) {
		if !k.whole[x] && holders+ahead(here, k, x, false) < r.Replicas && current(x) {
			reply.Fetch = append(reply.Fetch, x)
		}
	}
	slices.SortFunc(reply.Fetch, content.ID.Compare)
	reply.Fetch = reply.Fetch[:min(len(reply.Fetch), maxFetch)]
	return reply
}

// sweep forgets who has been silent for long: in one location every time, everywhere now and then.
func (c *Copies) sweep(now time.Time, here string) {
	everywhere := now.Sub(c.swept) >= CopiesEvery
	if everywhere {
		c.swept = now
	}
	for peer, location := range c.where {
		if !everywhere {
			break
		}
		if now.Sub(c.locations[location][peer].seen) > copiesFor {
			c.forget(location, peer)
		}
	}
	for peer, k := range c.locations[here] {
		if now.Sub(k.seen) > copiesFor {
			c.forget(here, peer)
		}
	}
}

func (c *Copies) forget(location, peer string) {
	delete(c.where, peer)
	if delete(c.locations[location], peer); len(c.locations[location]) == 0 {
		delete(c.locations, location)
	}
}

// held counts the holders of each content in a location.
func held(hosts map[string]*keeping) map[content.ID]int {
	count := map[content.ID]int{}
	for _, k := range hosts {
		for x := range k.whole {
			count[x]++
		}
	}
	return count
}

// ahead counts the hosts that come before one in the order for a content, among those that hold it or among those that
// do not.
func ahead(hosts map[string]*keeping, self *keeping, x content.ID, holding bool) (n int) {
	for _, k := range hosts {
		if k != self && k.whole[x] == holding && place(x, k.peer, self.peer) < 0 {
			n++
		}
	}
	return n
}

// place orders two hosts for a content.
func place(x content.ID, a, b string) int {
	weight := func(peer string) uint64 {
		h := fnv.New64a()
		h.Write([]byte(peer))
		h.Write(x[:])
		return h.Sum64()
	}
	return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(a, b))
}
