// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/pulse"
)

// longestRef is how much of what was asked for the hub hears while nobody knows what it is, in bytes.
const longestRef = 128

// pulse is what the hub hears of the flows: the open ones first, then those that ended last.
func (c *Core) pulse(now time.Time) pulse.Pulse {
	p := pulse.Pulse{Refuses: c.Serving(now).Reason}
	flows := c.Flows(now)
	for _, v := range flows {
		switch {
		case v.Ended():
		case len(p.Flows) < pulse.MaxFlows:
			p.Flows = append(p.Flows, beat(v))
		default:
			p.More++
		}
	}
	for _, v := range slices.Backward(flows) {
		if v.Ended() && len(p.Flows) < pulse.MaxFlows {
			p.Flows = append(p.Flows, beat(v))
		}
	}
	return p
}

func beat(v api.Flow) pulse.Flow {
	f := pulse.Flow{ID: v.ID, State: v.State, Reason: v.Reason, Have: min(v.Verified, v.Size), Size: v.Size, Rate: int64(v.Rate), Priority: v.Priority}
	if id, err := content.ParseID(v.Content); err == nil {
		f.Content = id
	} else {
		f.Ref = v.Ref[:min(len(v.Ref), longestRef)]
	}
	return f
}

// changed lets the hub hear soon that a flow is in another state, if it listens.
func (c *Core) changed(now time.Time) {
	if c.hub.every > 0 {
		c.hub.nextSync = now
	}
}
