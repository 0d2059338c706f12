// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/store"
)

// ConfirmError says that a command touches so much, or nothing, that it must be meant: again with Command.Yes.
type ConfirmError struct{ Preview desired.Preview }

func (e *ConfirmError) Error() string {
	switch p := e.Preview; {
	case p.Nothing:
		return "this touches nothing that the hub knows of now; it would hold for whoever comes"
	case p.Everything:
		return fmt.Sprintf("this touches everything: %s", Tell(p))
	default:
		return fmt.Sprintf("this touches much: %s", Tell(p))
	}
}

// Tell says in words what a command touches.
func Tell(p desired.Preview) string {
	return fmt.Sprintf("%d endpoints in %d locations, %d contents, %d flows", p.Endpoints, p.Locations, p.Contents, p.Flows)
}

// keepAudit is how many lines of the audit log are kept.
const keepAudit = 100_000

// many is how many endpoints a command may touch unasked.
const many = 10

// Confirmed asks for Command.Yes where what is touched is everything, nothing or much. *ConfirmError.
func Confirmed(c desired.Command, touched desired.Preview) error {
	if !c.Yes && c.Verb != desired.DoUndo && (touched.Everything || touched.Nothing || touched.Endpoints > many) {
		return &ConfirmError{touched}
	}
	return nil
}

// Steer makes a command of the operator what the fleet obeys: signed, durable with its line in the audit log, and on its way to
// who it concerns when this returns. The errors are desired.ErrCommand, ErrSelector, ErrChanged, ErrUnknown, ErrLocked and ErrFull, ErrContent,
// a *ConfirmError, and store.ErrNoSpace: then nothing was ordered.
func (s *Server) Steer(_ context.Context, who string, c desired.Command) (desired.Entry, error) {
	now := s.o.Clock()
	undoes, err := s.valid(now, who, c)
	if err == nil {
		err = s.validOrder(c, 0)
	}
	if err != nil {
		return desired.Entry{}, err
	}
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	if undoes, err = s.back(now, c, undoes); err != nil {
		return desired.Entry{}, err
	}
	touched := s.preview(now, c, undoes)
	if err := Confirmed(c, touched); err != nil {
		return desired.Entry{}, err
	}
	docs, changes, err := s.orders.book.Plan(now, c, undoes)
	if err != nil {
		return desired.Entry{}, err
	}
	e := desired.Entry{ID: desired.EntryID(docs[0].Version), At: now.UTC(), Who: who, Command: c, Touched: touched, Changes: changes}
	line, err := json.Marshal(e)
	if err != nil {
		return desired.Entry{}, err
	}
	records := []store.Record{{Key: auditKey(docs[0].Version), Value: line}}
	old := max(len(s.orders.log)+1-keepAudit, 0)
	for _, version := range s.orders.log[:old] {
		records = append(records, store.Record{Key: auditKey(version)})
	}
	if err := s.orders.enter(now, docs, records...); err != nil {
		return desired.Entry{}, err
	}
	for _, version := range s.orders.log[:old] {
		delete(s.orders.undone, desired.EntryID(version))
	}
	if c.Undo != "" {
		s.orders.undone[c.Undo] = e.ID
	}
	s.orders.log = append(slices.Delete(s.orders.log, 0, old), docs[0].Version)
	s.o.Log.Info("ordered", "id", e.ID, "who", who, "verb", string(c.Verb), "selector", c.Selector.String(), "undoes", c.Undo,
		"endpoints", touched.Endpoints, "flows", touched.Flows)
	return e, nil
}

// Preview says what a command would touch, and changes nothing. size is the bytes of an ordered content that is yet to be published;
// 0: it was. The errors are those of Steer but for the *ConfirmError.
func (s *Server) Preview(c desired.Command, size int64) (desired.Preview, error) {
	now := s.o.Clock()
	undoes, err := s.valid(now, "preview", c)
	if err == nil {
		err = s.validOrder(c, size)
	}
	if err != nil {
		return desired.Preview{}, err
	}
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	if undoes, err = s.back(now, c, undoes); err != nil {
		return desired.Preview{}, err
	}
	if _, _, err := s.orders.book.Plan(now, c, undoes); err != nil {
		return desired.Preview{}, err
	}
	return s.preview(now, c, undoes), nil
}

// Audit lists who ordered what, the newest first: at most so many entries that are older than the one with this id; empty: of all.
func (s *Server) Audit(before string, most int) ([]desired.Entry, error) {
	s.orders.mu.Lock()
	log := slices.Clone(s.orders.log)
	s.orders.mu.Unlock()
	limit, ok := desired.EntryVersion(before)
	if before != "" && !ok {
		return nil, fmt.Errorf("%w: %q", desired.ErrUnknown, before)
	}
	list := []desired.Entry{}
	for i := len(log) - 1; i >= 0 && len(list) < most; i-- {
		if before != "" && log[i] >= limit {
			continue
		}
		e, err := s.entry(log[i])
		if err != nil {
			return nil, err
		}
		s.orders.mu.Lock()
		e.UndoneBy = s.orders.undone[e.ID]
		s.orders.mu.Unlock()
		list = append(list, e)
	}
	return list, nil
}

// Desired lists what is ordered now, the newest first.
func (s *Server) Desired() []desired.Document {
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	return s.orders.book.Documents()
}

func auditKey(version uint64) string { return fmt.Sprintf("%s%020d", keyAudit, version) }

func (s *Server) entry(version uint64) (e desired.Entry, err error) {
	line, err := s.o.Store.Lookup(auditKey(version))
	if err == nil {
		err = json.Unmarshal(line, &e)
	}
	return e, err
}

// valid refuses what cannot be ordered, and finds what an undo undoes.
func (s *Server) valid(now time.Time, who string, c desired.Command) (undoes desired.Entry, err error) {
	if who == "" || len(who) > 64 || strings.ContainsFunc(who, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return undoes, fmt.Errorf("%w: it is said by %q: a name of at most 64 characters is wanted", desired.ErrCommand, who)
	}
	if err := c.Valid(now); err != nil {
		return undoes, err
	}
	if err := validPolicy(c); err != nil {
		return undoes, err
	}
	if c.Verb != desired.DoUndo {
		return undoes, nil
	}
	version, ok := desired.EntryVersion(c.Undo)
	if ok {
		undoes, err = s.entry(version)
	}
	if !ok || errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %q", desired.ErrUnknown, c.Undo)
	}
	return undoes, err
}

// preview is what a command touches. The caller holds orders.mu.
func (s *Server) preview(now time.Time, c desired.Command, undoes desired.Entry) desired.Preview {
	if c.Verb == desired.DoUndo {
		p := s.preview(now, undoes.Command, desired.Entry{})
		if undoes.Command.Verb == desired.DoCancel {
			p.Notes = append(p.Notes, "what has ended stays ended; only who has not heard of it yet is spared")
		}
		return p
	}
	s.mu.Lock()
	members, wanted := s.directory.Members(now), s.directory.Wanted(now)
	shelf := s.shelf
	s.mu.Unlock()
	p, sel := desired.Preview{}, c.Selector
	locations, contents := map[string]bool{}, map[content.ID]bool{}
	named := sel.Content != "" || sel.Type != ""
	matching := 0
	for id, l := range shelf {
		if named && (desired.Selector{Content: sel.Content, Type: sel.Type}).Picks(desired.Subject{Content: id, Name: l.Name, Type: l.Type}) {
			matching++
			contents[id] = true
		}
	}
	for _, m := range members {
		if !sel.Concerns(fleet.Identity{Location: m.Location, Peer: m.Peer}) {
			continue
		}
		p.Endpoints++
		locations[m.Location] = true
		for _, id := range wanted[m.Peer] {
			l := shelf[id]
			if sel.Picks(desired.Subject{Location: m.Location, Peer: m.Peer, Content: id, Name: l.Name, Type: l.Type}) {
				p.Flows++
				contents[id] = true
			}
		}
	}
	if c.Verb == desired.DoOrder {
		contents = map[content.ID]bool{c.Order.Content: true}
		p.Flows = p.Endpoints
	}
	p.Locations, p.Contents = len(locations), len(contents)
	p.Nothing = p.Endpoints == 0 || named && len(contents) == 0
	p.Everything = !p.Nothing && p.Endpoints == len(members) && (!named || matching == len(shelf))
	if stop, ok := s.orders.book.Stopped(now); ok && c.Verb != desired.DoStop && !(c.Verb == desired.DoResume && sel.All()) {
		p.Notes = append(p.Notes, fmt.Sprintf("everything is stopped by %s until: ebb flow resume --all", desired.EntryID(stop.Version)))
	}
	return p
}
