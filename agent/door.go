// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/scheduler/lease"
	"github.com/ebbproject/ebb/transfer"
)

// admit puts a request on the desk, or says why not. Manifests are always told: they are small, and others need them to go elsewhere.
func (c *Core) admit(now time.Time, s Serve, priority uint8) (why transfer.Reason, ok bool) {
	if s.Kind == transfer.KindChunk {
		if _, stopped := c.orders.book.Stopped(now); stopped {
			return transfer.ReasonPaused, false
		}
		if !c.book.Shares() { // the topology knows the network as a VPN, whatever the sensors say
			return transfer.ReasonVPN, false
		}
		near := c.book.Class(s.Peer) <= scheduler.Location
		ask := gentle.Ask{Peer: s.Peer, Request: s.Request, Size: int64(s.Size), Near: near}
		if why, ok := c.door.Requested(now, ask); !ok {
			return why, false
		}
	}
	if !c.desk.Requested(s, priority) {
		c.door.Released(s.Peer, s.Request)
		return transfer.ReasonBusy, false
	}
	return 0, true
}

// Sensed: the sensors of this host were read. When it must not serve any more, what was not begun is refused at once, and others
// fetch for the location.
func (c *Core) Sensed(now time.Time, sample gentle.Sample) {
	sample.Link = c.book.link(sample.Link)
	closed := c.door.Sampled(now, sample)
	c.sched.Weigh(now, c.weight(now, sample))
	if !closed {
		return
	}
	why, _ := c.door.May(now)
	c.clearDesk(why)
}

// clearDesk refuses what was not begun.
func (c *Core) clearDesk(why transfer.Reason) {
	for _, s := range c.desk.Chunks() {
		c.Released(s.Peer, s.Request)
		c.do(Decline{Peer: s.Peer, Request: s.Request, Reason: why})
	}
}

// weight is this host's in the line of those that fetch for the location: as its owner says, or by what it is. What a host fetches that
// serves nobody helps nobody.
func (c *Core) weight(now time.Time, sample gentle.Sample) int {
	_, serves := c.door.May(now)
	switch {
	case c.cfg.Weight != nil:
		return *c.cfg.Weight
	case !serves:
		return lease.Never
	case sample.Link == gentle.WiFi:
		return lease.WiFi
	case sample.Power == gentle.Battery:
		return lease.Laptop
	}
	return lease.Wired
}

// Serving says whether others are served, and what the sensors told last.
func (c *Core) Serving(now time.Time) api.Serving {
	v := api.Serving{OK: true}
	if why, ok := c.door.May(now); !ok {
		v.OK, v.Reason = false, why.String()
	}
	if !c.cfg.Gentle.Watches() {
		return v
	}
	s := c.door.Last(now)
	v.Sensors = &api.Sensors{Power: s.Power.String(), Link: s.Link.String()}
	if s.CPU >= 0 {
		v.Sensors.CPU = &s.CPU
	}
	if s.Queue >= 0 {
		v.Sensors.DiskQueue = &s.Queue
	}
	return v
}

// refusal fills in that a peer said no, and for how long it is left alone.
func (c *Core) refusal(now time.Time, v *api.Peer) {
	why, until := c.sched.Refusal(now, scheduler.PeerID(v.Peer))
	if why == scheduler.None {
		return
	}
	v.Refusal = why.String()
	v.Reason = fmt.Sprintf("it refuses: %s; asked again in %s", why, until.Sub(now).Round(100*time.Millisecond))
}
