// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

// Keys of the hub's records.
const (
	keyToken   = "hub/token/"
	keyContent = "hub/content/"
)

// restore reads tokens and catalogue. A manifest was verified before it was written; expiry is decided anew by every
// endpoint.
func (s *Server) restore() error {
	var known []fleet.TokenState
	var bad error
	err := s.o.Store.Scan(keyToken, func(key string, value []byte) bool {
		var t fleet.TokenState
		if bad = json.Unmarshal(value, &t); bad != nil {
			bad = fmt.Errorf("record %s: %w", key, bad)
			return false
		}
		known = append(known, t)
		return true
	})
	if err != nil || bad != nil {
		return firstOf(err, bad)
	}
	s.tokens = fleet.NewTokenBook(known)
	s.contents, s.newest = map[content.ID][]byte{}, map[string]version{}
	err = s.o.Store.Scan(keyContent, func(key string, value []byte) bool {
		if bad = s.catalogue(slices.Clone(value)); bad != nil {
			bad = fmt.Errorf("record %s: %w", key, bad)
		}
		return bad == nil
	})
	return firstOf(err, bad)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// catalogue enters a manifest that is durable already. A name stands for the newest manifest ever published under it,
// by its signed time of making, so that it never goes back.
func (s *Server) catalogue(raw []byte) error {
	signed, err := content.ParseSigned(raw)
	if err != nil {
		return err
	}
	m, err := content.ParseManifest(signed.Manifest)
	if err != nil {
		return err
	}
	v := version{signed.ID(), m.Created}
	s.contents[v.id] = raw
	if old, ok := s.newest[m.Name]; !ok || v.after(old) {
		s.newest[m.Name] = v
	}
	return nil
}

// after orders versions like the agents do: by time of making, and by id between equals.
func (v version) after(old version) bool {
	if !v.created.Equal(old.created) {
		return v.created.After(old.created)
	}
	return v.id.Compare(old.id) > 0
}

func (s *Server) saveToken(t fleet.TokenState) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return s.o.Store.Record(store.Record{Key: keyToken + hex.EncodeToString(t.Hash[:]), Value: b})
}

// newToken issues a token.
func (s *Server) newToken(now time.Time, t fleet.Token, life time.Duration, location string) (fleet.TokenState, error) {
	state := fleet.TokenState{Hash: t.Hash(), Expires: now.Add(life).UTC(), Location: location}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.saveToken(state); err != nil {
		return state, err
	}
	s.tokens.Issued(state)
	var gone []store.Record
	for _, old := range s.tokens.Forget(now) {
		gone = append(gone, store.Record{Key: keyToken + hex.EncodeToString(old.Hash[:])})
	}
	if len(gone) == 0 {
		return state, nil
	}
	return state, s.o.Store.Record(gone...)
}
