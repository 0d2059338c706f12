// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
)

// How the neighbours are chosen among whom a host connects to at most maxNeighbours.
const (
	ringNeighbours   = 2               // the next ones in an order that all hosts of the location agree on
	subnetNeighbours = 10              // of the own subnet, before others get a turn
	doubtful         = 8 * time.Second // a neighbour that is tried this seldom takes nobody's place
)

// Placed: the hub says what network we are on.
func (b *Book) Placed(p fleet.Place) {
	b.here = p
	b.stale = true
}

// link is what kind of network this host is on, given what its own sensors say of it. That every byte of a location costs money, only its
// operator knows.
func (b *Book) link(sensed gentle.Link) gentle.Link {
	switch {
	case b.here.Link == fleet.Metered:
		return gentle.Metered
	case b.here.Link == fleet.WiFi && sensed == gentle.LinkUnknown:
		return gentle.WiFi
	}
	return sensed
}

// StillListed: the hub has told only what changed; whom it told of before it knows still, unless they are Gone.
func (b *Book) StillListed(now time.Time) {
	for _, c := range b.people {
		if !c.listed.IsZero() {
			c.listed = now
		}
	}
}

// Gone: the hub does not list a neighbour any more. With whom we are in conversation stays. It reports whether anything of
// that is to be written to the journal.
func (b *Book) Gone(peer string) bool {
	c := b.people[peer]
	if c == nil || c.Role == fleet.RoleHub {
		return false
	}
	c.listed, b.stale = time.Time{}, true
	if c.connected || c.dialing {
		return false
	}
	delete(b.people, peer)
	delete(b.holders, peer)
	b.stale = true
	return true
}

// Shares reports whether this host serves others. Over a VPN every byte would cross two tunnels.
func (b *Book) Shares() bool { return b.here.Link != fleet.VPN }

// near reports whether a host lives in our location and shares with it.
func (b *Book) near(c *contact) bool {
	return c.Role != fleet.RoleHub && c.Location == b.self.Location && c.Link != fleet.VPN && b.Shares()
}

// Class is how far away a host is: nearest first is by where it is, as its certificate and the topology say.
func (b *Book) Class(peer string) scheduler.Class {
	c := b.people[peer]
	switch {
	case c == nil:
		return scheduler.Far
	case c.Role == fleet.RoleHub:
		return scheduler.Origin
	case b.near(c) && c.Subnet != "" && c.Subnet == b.here.Subnet:
		return scheduler.Subnet
	case b.near(c):
		return scheduler.Location
	case c.Link != fleet.VPN && slices.Contains(b.here.Near, c.Location):
		return scheduler.Near
	}
	return scheduler.Far
}

// neighbours chooses whom of the location to connect to. The first are the next ones on a ring of all its hosts: since
// every host does so, there is a way from each to each. The others are those with the smallest hash of both names, first of
// the own subnet and then of the whole location: both ends of a pair have the same hash, so that most choose one another,
// nobody is chosen by all, and a host that comes or goes changes little. One that does not answer is tried all the same,
// and another takes its place meanwhile.
func (b *Book) neighbours(all []*contact) []*contact {
	ring, pair := b.ring(all), b.nearest(slices.Clone(all), len(all))
	var list []*contact
	places, doubts := maxNeighbours, maxNeighbours
	take := func(from []*contact, most int, fits func(*contact) bool) {
		for _, c := range from {
			if most == 0 || places == 0 {
				return
			}
			switch {
			case !fits(c) || slices.Contains(list, c):
			case !c.connected && c.backoff >= doubtful:
				if doubts > 0 {
					doubts--
					list = append(list, c)
				}
			default:
				most--
				places--
				list = append(list, c)
			}
		}
	}
	anyone := func(*contact) bool { return true }
	take(ring, ringNeighbours, anyone)
	take(pair, subnetNeighbours, func(c *contact) bool { return b.here.Subnet != "" && c.Subnet == b.here.Subnet })
	take(pair, maxNeighbours, anyone)
	return list
}

// ring orders hosts by how far they are along the ring from us; it ends where it begins.
func (b *Book) ring(all []*contact) []*contact {
	type place struct {
		far uint64
		*contact
	}
	own, places := hash(b.self.Peer), make([]place, len(all))
	for i, c := range all {
		places[i] = place{hash(c.Peer) - own, c}
	}
	slices.SortFunc(places, func(x, y place) int { return cmp.Or(cmp.Compare(x.far, y.far), cmp.Compare(x.Peer, y.Peer)) })
	list := make([]*contact, len(all))
	for i, p := range places {
		list[i] = p.contact
	}
	return list
}

// strangers chooses whom elsewhere to connect to: those in near locations first.
func (b *Book) strangers(all []*contact) []*contact {
	var near, far []*contact
	for _, c := range all {
		if b.Class(c.Peer) == scheduler.Near {
			near = append(near, c)
		} else {
			far = append(far, c)
		}
	}
	near = b.nearest(near, maxStrangers)
	return append(near, b.nearest(far, maxStrangers-len(near))...)
}

func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return mix(h.Sum64())
}

// mix spreads hashes of similar names (Steele, Lea, Flood, 2014: the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
