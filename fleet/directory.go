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
	// MaxHoldings bounds the contents that one report says are held: with it, a report fits into 4 MiB.
	MaxHoldings = 16384
	// MaxWanted bounds the contents that one report asks about: with it, a reply fits into 16 MiB.
	MaxWanted = 256
)

// forgetAfter is how long a silent member's observed address is kept, in case it comes back.
const forgetAfter = time.Hour

// Directory knows who is where and who holds what, from what the members report. Nothing of it needs to survive a
// restart: members report again within seconds.
//
// Who owns it calls Announced for every report, Observed for what the data plane sees, Forget now and then, and asks
// with Reply and Members.
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
	e.Member = Member{Peer: id.Peer, Role: id.Role, Location: id.Location, Lan: r.Lan, TLS: r.TLS, Wan: e.Wan, Seen: now}
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

// Members lists everybody who is not silent, by name.
func (d *Directory) Members(now time.Time) []Member {
	list := []Member{}
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

// spread picks the members with the highest rendezvous weight for the caller (Thaler and Ravishankar, "Using Name-Based
// Mappings to Increase Hit Rates", 1998), heaviest first.
func spread(caller string, list []Member, most int) []Member {
	type weighed struct {
		weight uint64
		Member
	}
	all := make([]weighed, len(list))
	for i, m := range list {
		h := fnv.New64a()
		h.Write([]byte(caller + "\x00" + m.Peer))
		all[i] = weighed{h.Sum64(), m}
	}
	slices.SortFunc(all, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.Peer, b.Peer))
	})
	picked := make([]Member, min(len(all), most))
	for i := range picked {
		picked[i] = all[i].Member
	}
	return picked
}

// Forget drops members that have been silent for long.
func (d *Directory) Forget(now time.Time) {
	for name, e := range d.members {
		if now.Sub(e.Seen) > forgetAfter {
			delete(d.members, name)
		}
	}
}
