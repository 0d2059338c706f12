// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/store"
)

// validPolicy refuses what hosts would not understand: they obey without asking back. desired.ErrCommand.
func validPolicy(c desired.Command) error {
	if c.Verb != desired.DoSet {
		return nil
	}
	if err := policy.Check(c.Key, c.Value, c.Selector); err != nil {
		return fmt.Errorf("%w: %w", desired.ErrCommand, err)
	}
	return nil
}

// back is what a rollback takes back; any other command's undoes stays as it is. The caller holds orders.mu. desired.ErrUnknown.
func (s *Server) back(now time.Time, c desired.Command, undoes desired.Entry) (desired.Entry, error) {
	if c.Verb != desired.DoRollback {
		return undoes, nil
	}
	return s.since(now, c.Back)
}

// since is which policies are not as they were after an entry of the audit log, or before all if it is empty. The caller holds orders.mu.
func (s *Server) since(now time.Time, id string) (desired.Entry, error) {
	version, ok := desired.EntryVersion(id)
	at, found := slices.BinarySearch(s.orders.log, version)
	if id == "" {
		at = -1
	} else if !ok || !found {
		return desired.Entry{}, fmt.Errorf("%w: %q", desired.ErrUnknown, id)
	}
	var newer []desired.Entry
	for _, v := range slices.Backward(s.orders.log[at+1:]) {
		e, err := s.entry(v)
		if err != nil {
			return desired.Entry{}, err
		}
		newer = append(newer, e)
	}
	return s.orders.book.Since(now, newer), nil
}

// Policies lists what is said of a key, or of all keys if it is empty, the newest first. Where at is given, of each key the one that
// decides there.
func (s *Server) Policies(key string, at *desired.Selector) []api.Policy {
	now := s.o.Clock()
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	list := []api.Policy{}
	for _, d := range s.orders.book.Policies(now, key) {
		if at != nil {
			best, ok := s.orders.book.Policy(now, d.Name, s.subject(*at))
			if !ok || best.Version != d.Version {
				continue
			}
		}
		list = append(list, api.Policy{Key: d.Name, Scope: d.Scope.String(), Value: d.Value, Locked: d.Locked, Until: d.Until,
			Entry: desired.EntryID(d.Version), Issued: d.Issued})
	}
	return list
}

// subject is what a selector names, with what the catalogue says of the content.
func (s *Server) subject(at desired.Selector) desired.Subject {
	x := desired.Subject{Location: at.Location, Peer: at.Peer, Name: at.Content, Type: at.Type}
	id, err := content.ParseID(at.Content)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		for shelved, l := range s.shelf {
			if l.Name == at.Content {
				id = shelved
			}
		}
	}
	if l, ok := s.shelf[id]; ok {
		x.Content, x.Name, x.Type = id, l.Name, l.Type
	}
	return x
}

// PolicyHistory lists the entries of the audit log that changed a policy of a key, or any if it is empty, the newest first.
func (s *Server) PolicyHistory(key string, most int) ([]desired.Entry, error) {
	s.orders.mu.Lock()
	log := slices.Clone(s.orders.log)
	s.orders.mu.Unlock()
	list := []desired.Entry{}
	for _, v := range slices.Backward(log) {
		if len(list) == most {
			break
		}
		e, err := s.entry(v)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue // dropped meanwhile
		case err != nil:
			return nil, err
		}
		if slices.ContainsFunc(e.Changes, func(x desired.Change) bool { return x.Kind == desired.Policy && (key == "" || x.Name == key) }) {
			list = append(list, e)
		}
	}
	return list, nil
}

// PolicyDiff lists the policies that are not as they were after an entry of the audit log, or before all if it is empty. desired.ErrUnknown.
func (s *Server) PolicyDiff(since string) ([]api.PolicyChange, error) {
	s.orders.mu.Lock()
	defer s.orders.mu.Unlock()
	back, err := s.since(s.o.Clock(), since)
	if err != nil {
		return nil, err
	}
	list := []api.PolicyChange{}
	for _, x := range back.Changes {
		list = append(list, api.PolicyChange{Key: x.Name, Scope: x.Scope.String(), Before: valueOf(x.Before), After: valueOf(x.After), Locked: x.After.Locked})
	}
	return list, nil
}

func valueOf(r desired.Rule) string {
	if r.Void {
		return desired.Inherit
	}
	return r.Value
}

func (s *Server) getPolicies(w http.ResponseWriter, r *http.Request) {
	var at *desired.Selector
	if text := r.FormValue("at"); text != "" {
		x, err := desired.ParseSelector(text)
		if err != nil {
			refuse(w, SteerProblem(err))
			return
		}
		at = &x
	}
	answer(w, map[string]any{"policies": s.Policies(r.FormValue("key"), at)})
}

func (s *Server) getPolicyHistory(w http.ResponseWriter, r *http.Request) {
	most, err := strconv.Atoi(r.FormValue("most"))
	if err != nil || most < 1 || most > maxPage {
		refuse(w, badRequest("most=%q: 1 to %d entries can be asked for", r.FormValue("most"), maxPage))
		return
	}
	list, err := s.PolicyHistory(r.FormValue("key"), most)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]any{"entries": list})
}

func (s *Server) getPolicyDiff(w http.ResponseWriter, r *http.Request) {
	list, err := s.PolicyDiff(r.FormValue("since"))
	if err != nil {
		refuse(w, SteerProblem(err))
		return
	}
	answer(w, map[string]any{"changes": list})
}
