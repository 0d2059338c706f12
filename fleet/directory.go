// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

const (
	// SilentAfter is how long a member that does not report is still listed.
	SilentAfter = 60 * time.Second
	// maxHolders bounds the hosts outside the caller's location that one reply names.
	maxHolders = 32
	// maxNeighbours bounds the hosts of the caller's location that one reply names.
	maxNeighbours = 512
	// MaxHoldings bounds the contents one report speaks of.
	MaxHoldings = 65536
)

// Directory knows who is where and who holds what, from what the members report. It forgets nothing that a restart
// must not lose: members report again within seconds.
type Directory struct {
	hub     Member
	members map[string]*entry
}

type entry struct {
	Member
	holds map[content.ID]bool
}

// NewDirectory is a directory in which only the hub stands.
func NewDirectory(hub Member) *Directory { return &Directory{hub: hub, members: map[string]*entry{}} }

// Announced: a member reported.
func (d *Directory) Announced(now time.Time, id Identity, r SyncRequest) {
	e := d.members[id.Peer]
	if e == nil {
		e = &entry{}
		d.members[id.Peer] = e
	}
	e.Member = Member{Peer: id.Peer, Role: id.Role, Location: id.Location, Lan: r.Lan, Wan: e.Wan, Seen: now}
	e.holds = make(map[content.ID]bool, len(r.Holdings))
	for _, h := range r.Holdings {
		e.holds[h.Content] = true
	}
}

// Observed: the hub sees the member at this address on the data plane.
func (d *Directory) Observed(peer string, addr netip.AddrPort) {
	if e := d.members[peer]; e != nil && addr.IsValid() {
		e.Wan = addr.String()
	}
}

// Members lists everybody who is not silent.
func (d *Directory) Members(now time.Time) []Member {
	var list []Member
	for _, e := range d.members {
		if now.Sub(e.Seen) < SilentAfter {
			list = append(list, e.Member)
		}
	}
	slices.SortFunc(list, func(a, b Member) int { return cmp.Compare(a.Peer, b.Peer) })
	return list
}

// Reply is what a member hears: the hub, its neighbours, and some of those elsewhere who hold what it wants. Which of
// them differs from caller to caller, so that the load is spread.
func (d *Directory) Reply(now time.Time, caller Identity, wanted []content.ID) SyncReply {
	reply := SyncReply{Hub: d.hub, Time: now.UTC()}
	var near, far []Member
	for _, e := range d.members {
		if e.Peer == caller.Peer || now.Sub(e.Seen) >= SilentAfter {
			continue
		}
		m := e.Member
		for _, id := range wanted {
			if e.holds[id] {
				m.Holds = append(m.Holds, id)
			}
		}
		switch {
		case m.Location == caller.Location:
			near = append(near, m)
		case len(m.Holds) > 0:
			far = append(far, m)
		}
	}
	reply.Peers = append(spread(caller.Peer, near, maxNeighbours), spread(caller.Peer, far, maxHolders)...)
	return reply
}

// spread picks the members with the highest rendezvous weight for the caller.
func spread(caller string, list []Member, most int) []Member {
	weight := func(m Member) uint64 {
		h := fnv.New64a()
		h.Write([]byte(caller))
		h.Write([]byte{0})
		h.Write([]byte(m.Peer))
		return h.Sum64()
	}
	slices.SortFunc(list, func(a, b Member) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Peer, b.Peer))
	})
	return list[:min(len(list), most)]
}

// Forget drops members that have been silent for an hour.
func (d *Directory) Forget(now time.Time) {
	for name, e := range d.members {
		if now.Sub(e.Seen) > time.Hour {
			delete(d.members, name)
		}
	}
}
