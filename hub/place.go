// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/topology"
)

// whereabouts is the location of a host that is seen at one address and says that it has another.
func (s *Server) whereabouts(seen netip.Addr, own netip.Prefix) string {
	if m, ok := s.network().Place(seen, own); ok {
		return m.Location.Name
	}
	return topology.AutoName(seen, own)
}

// standing is what the topology says of a host.
type standing struct {
	place fleet.Place
	found string // the location that its addresses are in; empty: none that is known
}

// stands looks a host up. Without a topology its subnet is what it says.
func stands(x *topology.Index, location string, seen netip.Addr, own netip.Prefix) standing {
	m, ok := x.Place(seen, own)
	st := standing{place: fleet.Place{Near: x.Near(location)}}
	if l, known := x.Topology().Find(location); known {
		st.place.Link = l.Link
	}
	if ok {
		st.found = m.Location.Name
	}
	switch {
	case st.found == location && m.Subnet != nil:
		st.place.Subnet, st.place.Link = m.Subnet.Network.String(), m.Link()
	case own.IsValid():
		st.place.Subnet = own.Masked().String()
	}
	return st
}

// advise tells a host that roams to fetch a certificate for where it is, and one that does not that its certificate and
// its address contradict each other.
func (s *Server) advise(reply *fleet.SyncReply, id fleet.Identity, st standing, auto string, roams bool) {
	switch {
	case roams && st.found == "" && auto != id.Location:
		reply.Move = auto
	case roams && st.found != "" && st.found != id.Location:
		reply.Move = st.found
	case !roams && st.found != "" && st.found != id.Location:
		reply.Warning = fmt.Sprintf("its certificate says %s, and its address is in %s: enrol it there, or with --location auto, or correct the topology",
			id.Location, st.found)
	}
}

const (
	warnEvery = 10 * time.Minute // for each host
	maxWarned = 4096             // hosts remembered; beyond it all are forgotten
)

// warnedOf reports whether something was said of a host not long ago; otherwise it is now. The caller holds mu.
func (s *Server) warnedOf(now time.Time, what string) bool {
	if now.Sub(s.warned[what]) < warnEvery {
		return true
	}
	if len(s.warned) >= maxWarned {
		clear(s.warned)
	}
	s.warned[what] = now
	return false
}

// warn logs what is wrong with a host, now and then. The caller holds mu.
func (s *Server) warn(now time.Time, id fleet.Identity, lan string, reply fleet.SyncReply) {
	if reply.Twin == "" && reply.Warning == "" || s.warnedOf(now, id.Peer) {
		return
	}
	if reply.Twin != "" {
		s.o.Log.Warn("two hosts have one identity, such as a machine and the clone of its disk; enrol one of them again", "peer", id.Peer,
			"location", id.Location, "lan", lan, "other", reply.Twin)
	}
	if reply.Warning != "" {
		s.o.Log.Warn("a host is not where its certificate says", "peer", id.Peer, "location", id.Location, "lan", lan, "err", reply.Warning)
	}
}
