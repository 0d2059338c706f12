// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

const (
	oustedFor   = 2 * time.Minute  // an address whose conversation another took over is remembered for so long
	rivalFor    = 10 * time.Minute // after the last sign of it two hosts are taken to share an identity
	rivalReturn = 2                // addresses that came back within oustedFor; a host between two networks comes back once
	maxOusted   = 4
	maxRivals   = 64 // identities watched
)

// rivals tells a host that moved, or was started again, from two hosts with one identity, such as a machine and the clone of its
// disk. A conversation from another address takes over from the one there is, because a host that has moved comes at once. An address
// that comes back after it was ousted never went away; when that has happened both ways, two hosts are there. From then on the conversation
// that there is stays while it lives, so that the two do not drive each other out in turn; fleet/twins.go says the same of their reports.
type rivals map[string]*rivalry

type rivalry struct {
	ousted  []ousting // the last few, oldest first
	returns int
	until   time.Time // two hosts are there; zero: not as far as is known
	pair    [2]netip.Addr
	met     time.Time // last
}

type ousting struct {
	addr netip.Addr
	at   time.Time
}

// came decides between the conversation with a peer at one address, which is alive or not, and a new one from another. keep says that
// the new one is not to take over; news, that two hosts share the identity as was not known before.
func (r rivals) came(now time.Time, peer string, from, at netip.Addr, alive bool) (keep, news bool) {
	if from == at {
		return false, false
	}
	x := r.watch(now, peer)
	x.ousted = slices.DeleteFunc(x.ousted, func(o ousting) bool { return now.Sub(o.at) > oustedFor })
	if len(x.ousted) == 0 {
		x.returns = 0
	}
	if slices.ContainsFunc(x.ousted, func(o ousting) bool { return o.addr == from }) {
		x.returns++
	}
	if known := now.Before(x.until); known || x.returns >= rivalReturn {
		news = !known
		x.until, x.pair = now.Add(rivalFor), [2]netip.Addr{at, from}
		if alive {
			return true, news
		}
	}
	x.ousted = slices.DeleteFunc(x.ousted, func(o ousting) bool { return o.addr == at })
	if x.ousted = append(x.ousted, ousting{at, now}); len(x.ousted) > maxOusted {
		x.ousted = x.ousted[1:]
	}
	return false, news
}

// watch is what is known of a peer. Whoever was not met for longest makes room.
func (r rivals) watch(now time.Time, peer string) *rivalry {
	x := r[peer]
	if x == nil {
		if len(r) >= maxRivals {
			oldest := ""
			for _, name := range sortedKeys(r) {
				if oldest == "" || r[name].met.Before(r[oldest].met) {
					oldest = name
				}
			}
			delete(r, oldest)
		}
		x = &rivalry{}
		r[peer] = x
	}
	x.met = now
	return x
}

// tell is what is to be said of a peer; empty: nothing.
func (r rivals) tell(now time.Time, peer string) string {
	x := r[peer]
	if x == nil || !now.Before(x.until) {
		return ""
	}
	return fmt.Sprintf("two hosts use its identity, at %s and %s, such as a machine and the clone of its disk; enrol one of them again: ebb enroll --again",
		x.pair[0], x.pair[1])
}

// Returned: a peer that we are in conversation with began another, from an address, while the present one is with at. keep says that the
// present one stays; trouble, what is to be said of that now.
func (c *Core) Returned(now time.Time, peer string, from, at netip.Addr) (keep bool, trouble string) {
	p := c.book.people[peer]
	keep, news := c.rivals.came(now, peer, from, at, p == nil || !p.silent)
	if news {
		trouble = c.rivals.tell(now, peer)
	}
	return keep, trouble
}

// TwinMet: at an address that is not ours somebody has shown our own certificate.
func (c *Core) TwinMet(now time.Time, addr netip.Addr) (news bool) {
	news = !now.Before(c.twinUntil)
	c.twin, c.twinUntil = addr.String(), now.Add(rivalFor)
	return news
}

// PeerSilent: a peer in conversation has not been heard for a while, or is heard again.
func (c *Core) PeerSilent(name string, silent bool) { c.book.Silent(name, silent) }

// PeerNotReached: dialling a silent peer has failed; the conversation with it goes on.
func (c *Core) PeerNotReached(now time.Time, name string) { c.book.NotReached(now, name) }
