// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
)

// A LAN that is divided and a neighbour that is dead look alike from here. The hub is told who does not answer, and says which of those it
// still hears: see fleet/apart.go. What is fetched by whom does not depend on it.

// unanswered reports whether a host does not answer: the last attempt to reach it has failed, and nothing was heard of it since.
func (c *contact) unanswered() bool { return !c.vain.IsZero() && (c.silent || !c.connected) }

// tried enters that the attempt under way has failed.
func (c *contact) tried() {
	if c.dialing {
		c.vain = c.dialled
	}
}

// Unanswered lists the neighbours that are wanted and do not answer, for the hub to say whether they are there.
func (b *Book) Unanswered(now time.Time) (list []fleet.Unanswered) {
	for _, c := range b.wanted() {
		if b.near(c) && c.unanswered() && !c.listed.IsZero() && !b.Refuses(now, c.Peer) && len(list) < fleet.MaxUnanswered {
			list = append(list, fleet.Unanswered{Peer: c.Peer, Tried: max(now.Sub(c.vain).Milliseconds(), 0)})
		}
	}
	return list
}

// HeardElsewhere: the hub hears these of those that do not answer here.
func (b *Book) HeardElsewhere(names []string) {
	for _, c := range b.people {
		c.apart = slices.Contains(names, c.Peer)
	}
}

// Apart lists the wanted neighbours that do not answer though the hub hears them, by name, and tells of how many.
func (b *Book) Apart() (apart []string, of int) {
	for _, c := range b.wanted() {
		if !b.near(c) {
			continue
		}
		of++
		if c.apart && c.unanswered() {
			apart = append(apart, c.Peer)
		}
	}
	slices.Sort(apart)
	return apart, of
}

// Divided says who of the location does not answer though the hub hears them; nil: nobody, or the hub has not said anything lately.
func (c *Core) Divided(now time.Time) *api.Divided {
	apart, of := c.book.Apart()
	if len(apart) == 0 || now.Sub(c.hub.lastOK) >= fleet.SilentAfter {
		return nil
	}
	return &api.Divided{Peers: apart, Wanted: of}
}

// split says while a content is fetched that the location is divided, and counts as two.
func (c *Core) split(now time.Time, id content.ID) []api.Reason {
	d := c.Divided(now)
	if _, ok := c.sched.Flow(now, id); !ok || d == nil {
		return nil
	}
	why := scheduler.LocationSplit
	return []api.Reason{{Code: why.String(), Hint: why.Remedy(), Count: len(d.Peers),
		Detail: fmt.Sprintf("%s; what both sides fetch crosses the WAN twice", d)}}
}
