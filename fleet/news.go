// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Presence must cost next to nothing: three hundred hosts that report every two seconds and heard of all others each time
// would send more of that than of anything else. So a reply carries a cursor, and who shows it again hears only what has
// changed since: the neighbours that came, changed or left, and those elsewhere if they are others than before. A cursor
// of another life of the hub, another location or other wishes, or one from before what is still known, gets everything.
//
// Reports are cut the same way: with a cursor of this life, only holdings that changed need to be named. They are told as
// they are, not as differences, so that a report that came twice or whose answer was lost does no harm.
type cursor struct {
	life   uint64
	asked  uint64 // hash of who asks, from where, for what
	change uint64 // the last one heard of
	far    uint64 // hash of the names elsewhere
	many   uint64 // hash of the names of the neighbours where there are too many to be told of all; 0: of all
}

func (c cursor) String() string {
	return fmt.Sprintf("%x.%x.%x.%x.%x", c.life, c.asked, c.change, c.far, c.many)
}

// parseCursor reads the one form; ok is false for anything else.
func parseCursor(s string) (c cursor, ok bool) {
	_, err := fmt.Sscanf(s, "%x.%x.%x.%x.%x", &c.life, &c.asked, &c.change, &c.far, &c.many)
	return c, err == nil && c.String() == s
}

// Answer is the reply to a report that was Announced, with what came of that.
func (d *Directory) Answer(now time.Time, caller Identity, r SyncRequest, h Hearing) SyncReply {
	e := d.members[caller.Peer]
	if e == nil || h.Twin != "" {
		reply := d.Reply(now, caller, r.Wanted)
		reply.Twin = h.Twin
		return reply
	}
	d.silences(now, caller.Location)
	near, far := d.neighbours(now, caller), d.elsewhere(now, caller, r.Wanted)
	fresh := cursor{d.Life, hashAsked(caller, e.place, r.Wanted), d.change, hashNames(far), 0}
	l := d.at(caller.Location)
	if len(near) == maxNeighbours {
		fresh.many = hashNames(near) | 1
	}
	reply := SyncReply{Hub: d.hub, Time: now.UTC(), Cursor: fresh.String(), Again: h.Again, Twin: e.twins.twin(now),
		TakesUnanswered: true, Apart: d.Apart(now, caller.Peer)}
	old, ok := parseCursor(r.Cursor)
	if !ok || !h.Known || old.life != fresh.life || old.asked != fresh.asked || old.many != fresh.many || old.change < l.floor || old.change > d.change {
		reply.Here = e.place
		reply.Peers = append(tell(spread(caller.Peer, near, maxNeighbours), r.Wanted), tell(far, r.Wanted)...)
		return reply
	}
	reply.Partial = true
	near = slices.DeleteFunc(near, func(e *entry) bool { return e.change <= old.change })
	if old.far == fresh.far {
		far = slices.DeleteFunc(far, func(e *entry) bool { return e.change <= old.change })
	}
	reply.Peers = append(tell(spread(caller.Peer, near, maxNeighbours), r.Wanted), tell(far, r.Wanted)...)
	reply.Gone = l.gone(old.change, caller.Peer)
	return reply
}

// silences notes who of a location is not listed any more, as a change of its own.
func (d *Directory) silences(now time.Time, name string) {
	for _, e := range d.at(name).members {
		if !e.silent && now.Sub(e.Seen) >= SilentAfter {
			e.silent = true
			d.changed(e)
		}
	}
}

// gone lists who was listed and is no more, since a change.
func (l *location) gone(since uint64, caller string) []string {
	var names []string
	for peer, e := range l.members {
		if e.change > since && peer != caller && (e.silent || e.Link == VPN) {
			names = append(names, peer)
		}
	}
	for peer, d := range l.left {
		if d.change > since {
			names = append(names, peer)
		}
	}
	slices.Sort(names)
	return names
}

func hashNames(list []*entry) uint64 {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Peer
	}
	slices.Sort(names)
	return hash(names...)
}

func hashAsked(caller Identity, p Place, wanted []content.ID) uint64 {
	texts := append([]string{caller.Peer, caller.Location, p.Subnet, string(p.Link)}, p.Near...)
	for _, id := range wanted {
		texts = append(texts, string(id[:]))
	}
	return hash(texts...)
}

func hash(texts ...string) uint64 {
	h := fnv.New64a()
	for _, t := range texts {
		h.Write([]byte(t))
		h.Write([]byte{0})
	}
	return h.Sum64()
}
