// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"fmt"
	"math"
	"time"

	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/sim"
)

// A Site is hosts that share the budget of their location by leases. The zero Site is none.
type Site struct {
	Hosts  int
	Flows  int           // of each host, in one group
	Budget float64       // bytes of payload a second, of all
	Kill   time.Duration // when the coordinator dies; 0: never
}

// site is one that runs. Its messages take no time: a LAN is fast.
type site struct {
	world  *sim.World
	names  []group.Host
	nodes  []*group.Node
	groups []*group.Group
	dead   int // -1: nobody
	at     time.Duration
}

// leaseTick is how often nodes are looked after.
const leaseTick = 10 * time.Millisecond

// addSite puts the flows of a site on a path. Flows that have nothing in flight send one datagram without asking; so a dead host's go
// on with one a round trip.
func (o Ours) addSite(w *sim.World, p *sim.Path, after time.Duration) []*sim.Bulk {
	s := &site{world: w, dead: -1}
	for i := range o.Site.Hosts {
		s.names = append(s.names, group.Host(fmt.Sprintf("host-%d", i)))
	}
	var flows []*sim.Bulk
	start := w.Clock(0)
	for i := range o.Site.Hosts {
		n, err := group.NewNode(start, s.names[i], o.Site.Budget)
		if err != nil {
			panic(err) // the table is ours
		}
		n.Known(start, s.names)
		g := group.New(o.controller(), mss)
		g.Limit(start, 0)
		s.nodes, s.groups = append(s.nodes, n), append(s.groups, g)
		for range o.Site.Flows {
			clock := sim.Clock{Offset: time.Duration(i) * 17 * time.Minute}
			flows = append(flows, w.Flow(p, sim.FlowConfig{Group: g, MSS: mss, Headers: headers, Start: after, Clock: clock}))
		}
	}
	w.At(0, s.tick)
	if o.Site.Kill > 0 {
		w.At(o.Site.Kill, s.kill)
	}
	return flows
}

// tick lets every node act and its groups use what its lease allows.
func (s *site) tick(now time.Time) {
	for i, n := range s.nodes {
		if i == s.dead {
			continue
		}
		n.Want(math.Max(s.groups[i].Demand(), 50e3), 1)
		n.Advance(now)
	}
	for again := true; again; {
		again = false
		for i, n := range s.nodes {
			for m, ok := n.Take(); ok; m, ok = n.Take() {
				if i != s.dead {
					again = s.post(now, m) || again
				}
			}
		}
	}
	for i, n := range s.nodes {
		if i != s.dead {
			s.groups[i].Limit(now, n.Rate(now))
		}
	}
	s.at += leaseTick
	s.world.At(s.at, s.tick)
}

// post brings a message to its host.
func (s *site) post(now time.Time, m group.Message) bool {
	for i, n := range s.nodes {
		if s.names[i] == m.To && i != s.dead {
			n.Deliver(now, m)
			return true
		}
	}
	return false
}

func (s *site) kill(now time.Time) {
	for i, n := range s.nodes {
		if n.Coordinates() {
			s.dead = i
			s.groups[i].Limit(now, 0)
		}
	}
}
