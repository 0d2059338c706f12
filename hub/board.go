// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/pulse"
)

const (
	// countEvery is how old a census may be, and countShare how many times as long as it took it is left alone: it costs a
	// twentieth of a core at most, however large the fleet.
	countEvery = time.Second
	countShare = 20
)

// census is the last one, for all who look.
type census struct {
	last *board.Census
	next time.Time // before it there is no other
}

// forgive leaves out what a host says of its flows where that is not possible: it is not worth refusing the news.
func (s *Server) forgive(id fleet.Identity, r *fleet.SyncRequest) {
	err := pulse.ValidateWays(r.Ways, fleet.ValidLocation)
	if err != nil {
		r.Ways = nil
	}
	if r.Pulse != nil {
		if bad := r.Pulse.Validate(); bad != nil {
			r.Pulse, err = &pulse.Pulse{}, bad
		}
	}
	if err != nil {
		s.o.Log.Debug("what a host says of its flows is not taken", "peer", id.Peer, "location", id.Location, "err", err)
	}
}

// shelve remembers what tables show of a content. The caller holds mu, or is alone.
func (s *Server) shelve(id content.ID, m *content.Manifest) {
	x := board.Content{ID: id, Name: m.Name, Version: m.Version, Type: m.Type, Tree: m.Tree, Size: m.Size(), Created: m.Created.UTC()}
	seen := make(map[content.ID]bool, len(m.Chunks))
	for _, c := range m.Chunks {
		if !seen[c.ID] {
			seen[c.ID] = true
			x.Distinct += int64(c.Size)
		}
	}
	x.Chunks = len(seen)
	for _, e := range m.Entries {
		if e.Kind == content.File {
			x.Files++
		}
	}
	s.shelf[id] = x
}

// look runs f with all that the hub knows, which stands still meanwhile.
func (s *Server) look(f func(now time.Time, b *board.Board, w board.World)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	w := board.World{Directory: s.directory, Totals: s.accounts.totals, Topology: s.topology.Topology(), Contents: make(map[content.ID]board.Content, len(s.shelf))}
	for id, x := range s.shelf {
		newest, _ := s.catalogue.Newest(x.Name)
		x.Current = newest == id
		w.Contents[id] = x
	}
	f(s.o.Clock(), s.board, w)
}

// Census is what tables show, a second old at most in a fleet of some ten thousand hosts. It is never changed.
func (s *Server) Census() *board.Census {
	s.counting.Lock()
	defer s.counting.Unlock()
	if begun := s.o.Clock(); s.census.last == nil || !begun.Before(s.census.next) {
		s.look(func(now time.Time, b *board.Board, w board.World) { s.census.last = b.Census(now, w) })
		s.census.next = begun.Add(max(countEvery, countShare*s.o.Clock().Sub(begun)))
	}
	return s.census.last
}

// History is the recent past of a location, or of the fleet where the name is empty.
func (s *Server) History(location string) (h board.History) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.board.History(s.o.Clock(), location)
}

// Location is the page of one location; false: nobody knows it.
func (s *Server) Location(name string) (page *board.LocationPage, ok bool) {
	c := s.Census()
	s.look(func(_ time.Time, b *board.Board, w board.World) { page, ok = b.Location(w, c, name) })
	return page, ok
}

// Content is the page of one content, by its id or name; false: it was not published here.
func (s *Server) Content(ref string) (page *board.ContentPage, ok bool) {
	c := s.Census()
	s.look(func(_ time.Time, b *board.Board, w board.World) { page, ok = b.Content(w, c, ref) })
	return page, ok
}

// Peer is the page of one host; false: it is not remembered.
func (s *Server) Peer(peer string) (page *board.PeerPage, ok bool) {
	s.look(func(now time.Time, b *board.Board, w board.World) { page, ok = b.Peer(now, w, peer) })
	return page, ok
}

// FindPeers lists the hosts whose name begins like that, at most so many, and tells how many there are.
func (s *Server) FindPeers(prefix string, most int) (list []board.Found, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.board.Find(prefix, most)
}
