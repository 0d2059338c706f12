// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/forecast"
)

// ErrContent marks an order of a content that is not in the catalogue under this name.
var ErrContent = errors.New("it was not published here")

// validOrder refuses what only the hub can tell of an order: hosts obey without asking back. A content of a size is yet to be
// published. desired.ErrCommand, ErrContent.
func (s *Server) validOrder(c desired.Command, size int64) error {
	if c.Verb != desired.DoOrder {
		return nil
	}
	if c.Order.Window != "" {
		if _, err := window.Parse(c.Order.Window); err != nil {
			return fmt.Errorf("%w: the window %w", desired.ErrCommand, err)
		}
	}
	s.mu.Lock()
	x, ok := s.shelf[c.Order.Content]
	s.mu.Unlock()
	if ok && x.Name == c.Name || !ok && size > 0 {
		return nil
	}
	return fmt.Errorf("%w: %s, as %q", ErrContent, c.Order.Content.Short(), c.Name)
}

// Forecast says whether what a command orders can be where it is to be by its deadline; nil: it is no order, or has none. size is the
// bytes of a content that is yet to be published. The window's hours are reckoned by the hub's wall clock.
func (s *Server) Forecast(c desired.Command, size int64) (f *forecast.Forecast) {
	if c.Verb != desired.DoOrder || c.Order.By.IsZero() {
		return nil
	}
	var w window.Window
	if c.Order.Window != "" {
		w, _ = window.Parse(c.Order.Window) // validOrder has read it
	}
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	s.look(func(now time.Time, b *board.Board, world board.World) {
		if _, ok := world.Contents[c.Order.Content]; !ok {
			world.Contents[c.Order.Content] = board.Content{Distinct: size, Chunks: 1}
		}
		open := w.OpenUntil(now.Local(), c.Order.By)
		left, ordered := lefts{world, map[content.ID]map[string]int{}}, s.ordersByPlace(now, c, world)
		var places []forecast.Place
		for _, location := range ordersFor(c.Selector, now, world) {
			p := forecast.Place{Location: location, Left: left.at(location, c.Order.Content), Seen: b.Fastest(now, location), Open: open}
			for id, priority := range ordered[location] {
				if id != c.Order.Content && priority >= c.Order.Priority {
					p.Ahead += left.at(location, id)
				}
			}
			if l, ok := world.Topology.Find(location); ok {
				p.Link = l.Down
			}
			places = append(places, p)
		}
		f = forecast.Of(c.Order.By, places)
	})
	return f
}

// ordersFor are the locations in which somebody is there to carry out an order.
func ordersFor(sel desired.Selector, now time.Time, w board.World) []string {
	there := map[string]bool{}
	for _, m := range w.Directory.Members(now) {
		if sel.Concerns(fleet.Identity{Location: m.Location, Peer: m.Peer}) {
			there[m.Location] = true
		}
	}
	list := make([]string, 0, len(there))
	for location := range there {
		list = append(list, location)
	}
	slices.Sort(list)
	return list
}

// ordersByPlace is what somebody in each location is to hold by the orders in force that a command does not replace, with the
// highest priority of each. The caller holds orders.mu.
func (s *Server) ordersByPlace(now time.Time, c desired.Command, w board.World) map[string]map[content.ID]int {
	all := map[string]map[content.ID]int{}
	enter := func(location string, o *desired.Order) {
		if all[location] == nil {
			all[location] = map[content.ID]int{}
		}
		if before, ok := all[location][o.Content]; !ok || before < o.Priority {
			all[location][o.Content] = o.Priority
		}
	}
	for _, d := range s.orders.book.Documents() {
		if d.Kind != desired.Hold || d.Order == nil || !d.InForce(now) || d.Scope == c.Selector && d.Name == c.Name {
			continue
		}
		for _, location := range ordersFor(d.Scope, now, w) {
			enter(location, d.Order)
		}
	}
	return all
}

// lefts is what locations lack of contents; where chunks are is looked up once for each content.
type lefts struct {
	world board.World
	most  map[content.ID]map[string]int // by location: chunks that the host holds that has the most of them
}

// at is how many bytes of a content a location lacks at most: nobody knows which chunks its hosts hold, only how many.
func (x *lefts) at(location string, id content.ID) int64 {
	c := x.world.Contents[id]
	if c.Chunks == 0 {
		return 0
	}
	most, ok := x.most[id]
	if !ok {
		most = map[string]int{}
		x.most[id] = most
		x.world.Directory.Holders(id, func(m fleet.Member, h fleet.Holding) {
			n := h.Chunks
			if h.Complete {
				n = c.Chunks
			}
			most[m.Location] = max(most[m.Location], n)
		})
	}
	lacks := max(c.Chunks-most[location], 0)
	return int64(float64(c.Distinct) * float64(lacks) / float64(c.Chunks))
}
