// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/store"
)

// keyMoved stands while a host has told something of a location that the topology does not have yet.
const keyMoved = "hub/moved"

// mergeShare is how many times as long as a merge takes nothing is merged after it: many hosts tell of their locations at the same time.
const mergeShare = 5

// merged is when the topology was last made from what hosts told.
type merged struct {
	next    time.Time // not before
	version uint64    // that it had then
	behind  bool      // at the start it was older than what had been said
}

// errMoved: a host has told of a location what the topology does not have yet, and whoever changes it would take that back unseen.
var errMoved = errors.New("a host has told of its location")

// locate says to the hosts of each location what is new of it, and makes that durable with the records of the topology that says so. errMoved.
func (o *orders) locate(now time.Time, words map[string]json.RawMessage, records []store.Record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.moved {
		return errMoved
	}
	docs, err := o.book.Locate(now, words)
	if err != nil {
		return err
	}
	o.mu.Unlock() // thousands of signatures take their time
	raws, err := o.sign(docs)
	o.mu.Lock()
	if err != nil {
		return err
	}
	newest := o.book.Newest()
	for i, d := range docs {
		if o.book.Version(d.Register) >= d.Version { // a host has told of it meanwhile, and the operator's last word counts
			d.Version = max(newest, docs[len(docs)-1].Version) + 1
			newest = d.Version
			again, err := o.sign([]desired.Document{d})
			if err != nil {
				return err
			}
			docs[i], raws[i] = d, again[0]
		}
	}
	return o.put(now, docs, raws, append(records, recordsOf(docs, raws)...))
}

// hasMoved reports whether a host has told of its location what the topology does not have yet.
func (o *orders) hasMoved() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.moved
}

// settled makes the records of a topology durable that has what hosts had told of locations. Some may have told more meanwhile.
func (o *orders) settled(records []store.Record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.moved {
		records = append(records, store.Record{Key: keyMoved})
	}
	return o.store.Record(records...)
}

// takeUp makes the topology what hosts have told of their locations: a hub that was set up again from an older copy learns so what its operator
// had said of them.
func (s *Server) takeUp(now time.Time) {
	if !s.orders.hasMoved() || !s.changing.TryLock() {
		return
	}
	defer s.changing.Unlock()
	if now.Before(s.merged.next) {
		return
	}
	if err := s.takeUpAll(); err != nil {
		s.o.Log.Error("what hosts told of their locations could not be taken up", "err", err)
	}
	end := s.o.Clock()
	s.merged.next = end.Add(mergeShare * max(end.Sub(now), 0))
}

// takeUpAll takes up what hosts have told so far. The caller holds changing.
func (s *Server) takeUpAll() error {
	s.orders.mu.Lock()
	moved := s.orders.moved
	var docs []desired.Document
	if moved {
		docs, s.orders.moved = s.orders.book.Locations(), false
	}
	s.orders.mu.Unlock()
	if !moved {
		return nil
	}
	err := s.merge(docs)
	if err != nil {
		s.orders.mu.Lock()
		s.orders.moved = true
		s.orders.mu.Unlock()
	}
	return err
}

// merge enters what was said of locations, the newest first, into the topology. The caller holds changing.
func (s *Server) merge(docs []desired.Document) error {
	base := s.network().Topology()
	said := make([]topology.Said, 0, len(docs))
	for _, d := range docs {
		x := topology.Said{Name: d.Scope.Location}
		if !d.Void {
			word, err := topology.ParseWord(d.Location)
			if err == nil && word.Name != x.Name {
				err = fmt.Errorf("%w: it is of %s", topology.ErrDocument, word.Name)
			}
			if err != nil {
				s.o.Log.Error("a document of a location is left out of the topology", "location", x.Name, "err", err)
				continue
			}
			x.Word = word
		}
		said = append(said, x)
	}
	t := topology.Merge(base, said)
	if len(topology.Diff(base, t)) == 0 {
		return s.orders.settled(nil)
	}
	if err := t.Check(); err != nil {
		return err
	}
	t.Version++
	records, err := s.topologyRecords(t)
	if err != nil {
		return err
	}
	if s.merged.version == base.Version { // one that was on the way to this
		records = append(records, store.Record{Key: topologyKey(base.Version)})
	}
	if err := s.orders.settled(records); err != nil {
		return err
	}
	s.merged.version = t.Version
	s.setNetwork(topology.NewIndex(t))
	s.o.Log.Warn("hosts told of locations what this hub had forgotten", "version", t.Version, "locations", len(t.Locations))
	return nil
}

// openLocations takes up what hosts told before a crash. Of locations of which nothing was ever said, as before there were documents of
// them, it says what the topology does, as the oldest word that there can be: whatever a host has heard is newer.
func (s *Server) openLocations(now time.Time) error {
	s.orders.moved = s.orders.moved || s.merged.behind
	s.takeUp(now)
	t := s.network().Topology()
	var docs []desired.Document
	var words map[string]json.RawMessage
	for i := range t.Locations {
		r := desired.Register{Scope: desired.Selector{Location: t.Locations[i].Name}, Kind: desired.Location}
		if s.orders.book.Version(r) > 0 {
			continue
		}
		if words == nil {
			words = s.network().Words()
		}
		docs = append(docs, desired.Document{Register: r, Rule: desired.Rule{Location: words[t.Locations[i].Name]}, Version: t.Version,
			Issued: now.UTC().Truncate(time.Millisecond)})
	}
	raws, err := s.orders.sign(docs)
	if err != nil {
		return err
	}
	if err := s.o.Store.Record(recordsOf(docs, raws)...); err != nil {
		if errors.Is(err, store.ErrNoSpace) { // they are said with the next change, or the next start
			s.o.Log.Warn("there is no room to say to hosts what their locations are", "err", err)
			err = nil
		}
		return err
	}
	for i := range docs {
		if _, err := s.orders.book.Restored(now, raws[i]); err != nil {
			return err
		}
	}
	return nil
}
