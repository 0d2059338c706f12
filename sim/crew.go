// SPDX-License-Identifier: Apache-2.0

package sim

import "github.com/ebbproject/ebb/ledbat/group"

// A crew is the members of a group: what one of them hears may let another send.
type crew struct {
	group *group.Group
	ends  []*end // by the number of their share
}

// enrol notes which end a share belongs to.
func (w *World) enrol(g *group.Group, s *group.Share, e *end) {
	for _, c := range w.crews {
		if c.group == g {
			e.crew = c
		}
	}
	if e.crew == nil {
		e.crew = &crew{group: g}
		w.crews = append(w.crews, e.crew)
	}
	for len(e.crew.ends) <= s.Number() {
		e.crew.ends = append(e.crew.ends, nil) // members that are not this world's
	}
	e.crew.ends[s.Number()] = e
}

// rouse lets those send that the group names, until there is nobody: "Whoever drives the shims calls Take after every call to any share,
// until it answers false, and lets the shares that it names send" (group.Group).
func (w *World) rouse(c *crew) {
	for s, ok := c.group.Take(); ok; s, ok = c.group.Take() {
		w.drain(c.ends[s.Number()])
	}
}
