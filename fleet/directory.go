// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/content"
)

const (
	// SilentAfter is how long a member that does not report is still listed.
	SilentAfter = 60 * time.Second
	// maxHolders bounds the hosts outside the caller's location that one reply names, and maxNear those of them that are in
	// near locations.
	maxHolders = 32
	maxNear    = 16
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
// A member that reports every few seconds is told every few seconds what has changed, and no more: see news.go.
//
// Who owns it calls Announced for every report, Placed with what the topology says of its address, Observed for what the
// data plane sees, Forget now and then, and asks with Answer, Reply and Members.
type Directory struct {
	// Life tells one life of the hub from the next, so that nobody goes on with what it heard in an earlier one.
	Life uint64

	hub       Member
	members   map[string]*entry
	locations map[string]*location
	holders   map[content.ID]map[*entry]part
	whole     map[content.ID]int // how many of the holders have all of it
	change    uint64             // number of the last change of anything that others are told
}

type entry struct {
	Member
	place  Place
	holds  map[content.ID]bool
	wanted []content.ID // as last reported
	change uint64       // the last one of what others are told of it
	silent bool         // as the others were told
	whole  bool         // all it holds was told since its daemon started
	twins  twins
	spoke  spoke
	born   time.Time // when its daemon was first heard since that started
	vain   []attempt // to reach its neighbours, as last reported
}

// part is how much of a content a host holds.
type part struct {
	chunks   int
	complete bool
}

// location is who is in one.
type location struct {
	members map[string]*entry
	left    map[string]departure // who moved elsewhere
	floor   uint64               // changes up to here are no longer known one by one
}

type departure struct {
	change uint64
	at     time.Time
}

// Place is what the topology says of the network that a host is on.
type Place struct {
	Subnet string   `json:"subnet,omitempty"` // in CIDR notation; empty: not known
	Link   Link     `json:"link,omitempty"`   // empty: not known, taken for LAN
	Near   []string `json:"near,omitempty"`   // locations
}

// NewDirectory is a directory in which only the hub stands.
func NewDirectory(hub Member) *Directory {
	return &Directory{hub: hub, members: map[string]*entry{}, locations: map[string]*location{}, holders: map[content.ID]map[*entry]part{},
		whole: map[content.ID]int{}}
}

// Announced: a member reported. The hearing says whether that was enough.
func (d *Directory) Announced(now time.Time, id Identity, r SyncRequest) Hearing {
	e := d.members[id.Peer]
	fresh := e == nil
	if fresh {
		e = &entry{holds: map[content.ID]bool{}}
		d.members[id.Peer] = e
	}
	h := e.twins.heard(now, r, now.Sub(e.Seen) < SilentAfter)
	if h.Twin != "" {
		return h
	}
	if !h.Known {
		e.born = now
	}
	d.tried(now, e, r.Unanswered)
	m := Member{Peer: id.Peer, Role: id.Role, Location: id.Location, Lan: r.Lan, TLS: r.TLS, Wan: e.Wan, Subnet: e.Subnet, Link: e.Link, Relay: r.Relay, Seen: now}
	if fresh || e.Location != m.Location {
		d.moved(now, e, id.Peer, m.Location)
	}
	if told(m) != told(e.Member) || e.silent {
		d.changed(e)
	}
	e.Member, e.silent, e.wanted = m, false, r.Wanted
	e.whole = !r.Partial || e.whole && h.Known
	if !e.whole {
		h.Again = true
		return h
	}
	if d.report(e, r) {
		d.changed(e)
	}
	return h
}

// told is what others see of a member.
func told(m Member) [8]string {
	return [8]string{m.Location, string(m.Role), m.Lan, strconv.Itoa(int(m.TLS)), m.Wan, m.Subnet, string(m.Link), strconv.FormatBool(m.Relay)}
}

func (d *Directory) changed(e *entry) {
	d.change++
	e.change = d.change
}

// at is a location by its name.
func (d *Directory) at(name string) *location {
	l := d.locations[name]
	if l == nil {
		// One of that name may have been forgotten, and what was told of it is not known any more.
		l = &location{members: map[string]*entry{}, left: map[string]departure{}, floor: d.change}
		d.locations[name] = l
	}
	return l
}

// moved takes a member from its location, if it had one, to another.
func (d *Directory) moved(now time.Time, e *entry, peer, to string) {
	d.changed(e)
	if from := d.locations[e.Location]; from != nil && from.members[peer] == e {
		delete(from.members, peer)
		from.left[peer] = departure{e.change, now}
	}
	l := d.at(to)
	delete(l.left, peer)
	l.members[peer] = e
}

// report enters what a member holds, and reports whether that is news.
func (d *Directory) report(e *entry, r SyncRequest) bool {
	news := false
	drop := func(id content.ID) {
		if !e.holds[id] {
			return
		}
		news = true
		d.held(e, id, part{})
		delete(e.holds, id)
		if delete(d.holders[id], e); len(d.holders[id]) == 0 {
			delete(d.holders, id)
		}
	}
	if !r.Partial {
		held := make(map[content.ID]bool, len(r.Holdings))
		for _, h := range r.Holdings {
			held[h.Content] = true
		}
		for id := range e.holds {
			if !held[id] {
				drop(id)
			}
		}
	}
	for _, h := range r.Holdings {
		news = news || !e.holds[h.Content]
		e.holds[h.Content] = true
		d.held(e, h.Content, part{h.Chunks, h.Complete})
	}
	for _, id := range r.Dropped {
		drop(id)
	}
	return news
}

// held enters how much a member has of a content.
func (d *Directory) held(e *entry, id content.ID, p part) {
	if d.holders[id] == nil {
		d.holders[id] = map[*entry]part{}
	}
	was := d.holders[id][e].complete
	d.holders[id][e] = p
	switch {
	case p.complete && !was:
		d.whole[id]++
	case was && !p.complete:
		if d.whole[id]--; d.whole[id] == 0 {
			delete(d.whole, id)
		}
	}
}

// Placed: the topology says that the member is in this place.
func (d *Directory) Placed(peer string, p Place) {
	e := d.members[peer]
	if e == nil {
		return
	}
	e.place = p
	if e.Subnet != p.Subnet || e.Link != p.Link {
		e.Subnet, e.Link = p.Subnet, p.Link
		d.changed(e)
	}
}

// Observed: the hub sees the member at this address on the data plane.
func (d *Directory) Observed(peer string, addr netip.AddrPort) {
	if e := d.members[peer]; e != nil && addr.IsValid() && e.Wan != addr.String() {
		e.Wan = addr.String()
		d.changed(e)
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

// Wanted lists what each member that is not silent wants and has not got.
func (d *Directory) Wanted(now time.Time) map[string][]content.ID {
	all := map[string][]content.ID{}
	for name, e := range d.members {
		if now.Sub(e.Seen) < SilentAfter {
			all[name] = e.wanted
		}
	}
	return all
}

// Reply is what a member hears that knows nothing yet: the hub, its neighbours, and some of those elsewhere who hold what
// it wants, those of near locations first. Which of them differs from caller to caller, so that the load is spread. A host
// on a VPN is told of no neighbours, and nobody is told of it.
func (d *Directory) Reply(now time.Time, caller Identity, wanted []content.ID) SyncReply {
	reply := SyncReply{Hub: d.hub, Time: now.UTC()}
	reply.Peers = append(tell(spread(caller.Peer, d.neighbours(now, caller), maxNeighbours), wanted), tell(d.elsewhere(now, caller, wanted), wanted)...)
	if e := d.members[caller.Peer]; e != nil {
		reply.Here = e.place
	}
	return reply
}

// neighbours lists who is to be told of in the caller's own location, in any order.
func (d *Directory) neighbours(now time.Time, caller Identity) []*entry {
	l := d.locations[caller.Location]
	if e := d.members[caller.Peer]; l == nil || e != nil && e.Link == VPN {
		return nil
	}
	list := make([]*entry, 0, len(l.members))
	for _, e := range l.members {
		if e.Peer != caller.Peer && e.Link != VPN && now.Sub(e.Seen) < SilentAfter {
			list = append(list, e)
		}
	}
	if len(list) <= maxNeighbours {
		return list
	}
	return spread(caller.Peer, list, maxNeighbours)
}

// elsewhere lists who holds what is wanted outside the caller's location.
func (d *Directory) elsewhere(now time.Time, caller Identity, wanted []content.ID) []*entry {
	var near, far []*entry
	var places []string
	if e := d.members[caller.Peer]; e != nil {
		places = e.place.Near
	}
	seen := map[*entry]bool{}
	for _, id := range wanted {
		for e := range d.holders[id] {
			if seen[e] || e.Location == caller.Location || e.Peer == caller.Peer || e.Link == VPN || now.Sub(e.Seen) >= SilentAfter {
				continue
			}
			seen[e] = true
			if slices.Contains(places, e.Location) {
				near = append(near, e)
			} else {
				far = append(far, e)
			}
		}
	}
	near = spread(caller.Peer, near, maxNear)
	return append(near, spread(caller.Peer, far, maxHolders-len(near))...)
}

// tell makes what a reply says of members.
func tell(list []*entry, wanted []content.ID) []Member {
	members := make([]Member, len(list))
	for i, e := range list {
		m := e.Member
		m.Seen = time.Time{}
		for _, id := range wanted {
			if e.holds[id] {
				m.Holds = append(m.Holds, id)
			}
		}
		members[i] = m
	}
	return members
}

// spread picks the members with the highest rendezvous weight for the caller (Thaler and Ravishankar, "Using Name-Based
// Mappings to Increase Hit Rates", 1998), heaviest first.
func spread(caller string, list []*entry, most int) []*entry {
	type weighed struct {
		weight uint64
		*entry
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
	picked := make([]*entry, min(len(all), most))
	for i := range picked {
		picked[i] = all[i].entry
	}
	return picked
}

// Forget drops members that have been silent for long.
func (d *Directory) Forget(now time.Time) {
	for name, e := range d.members {
		if now.Sub(e.Seen) <= forgetAfter {
			continue
		}
		if d.report(e, SyncRequest{}); !e.silent { // nobody was told that it is not listed any more
			d.changed(e)
		}
		l := d.at(e.Location)
		l.floor = max(l.floor, e.change)
		delete(l.members, name)
		delete(d.members, name)
	}
	for name, l := range d.locations {
		for peer, gone := range l.left {
			if now.Sub(gone.at) > forgetAfter {
				l.floor = max(l.floor, gone.change)
				delete(l.left, peer)
			}
		}
		if len(l.members)+len(l.left) == 0 {
			delete(d.locations, name)
		}
	}
}
