// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

// Keys of the hub's records.
const (
	keyToken   = "hub/token/"   // and the hash of the secret, hex
	keyContent = "hub/content/" // and the content id
)

// restore reads tokens and catalogue. What cannot be read is left out: a token that is forgotten lets nobody in, and a
// content is published again. Manifests stay on the disk; only what names stand for is kept in memory.
func (s *Server) restore() error {
	skip := func(key string, err error) { s.o.Log.Error("left out of the hub's journal", "record", key, "err", err) }
	var known []fleet.TokenState
	err := s.o.Store.Scan(keyToken, func(key string, value []byte) bool {
		t, err := parseToken(key, value)
		if err != nil {
			skip(key, err)
			return true
		}
		known = append(known, t)
		return true
	})
	if err != nil {
		return fmt.Errorf("the hub's tokens: %w", err)
	}
	s.tokens = fleet.NewTokenBook(known)
	err = s.o.Store.Scan(keyContent, func(key string, value []byte) bool {
		signed, err := content.ParseSigned(value)
		if err != nil {
			skip(key, err)
			return true
		}
		m, err := content.ParseManifest(signed.Manifest)
		if err != nil {
			skip(key, err)
			return true
		}
		s.catalogue.Published(m.Name, fleet.Version{Content: signed.ID(), Created: m.Created})
		s.shelve(signed.ID(), m)
		return true
	})
	if err != nil {
		return fmt.Errorf("the hub's catalogue: %w", err)
	}
	return nil
}

func tokenKey(hash [sha256.Size]byte) string { return keyToken + hex.EncodeToString(hash[:]) }

func parseToken(key string, value []byte) (fleet.TokenState, error) {
	var t fleet.TokenState
	hash, err := hex.DecodeString(strings.TrimPrefix(key, keyToken))
	if err != nil || len(hash) != len(t.Hash) {
		return t, errors.New("its key names no token")
	}
	copy(t.Hash[:], hash)
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	return t, dec.Decode(&t)
}

func (s *Server) saveToken(t fleet.TokenState) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return s.o.Store.Record(store.Record{Key: tokenKey(t.Hash), Value: b})
}

// issue makes a new token good, and drops those that ended long ago.
func (s *Server) issue(now time.Time, t fleet.TokenState) error {
	if err := s.saveToken(t); err != nil {
		return err
	}
	s.mu.Lock()
	s.tokens.Issued(t)
	gone := s.tokens.Forget(now)
	s.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	records := make([]store.Record, len(gone))
	for i, old := range gone {
		records[i].Key = tokenKey(old.Hash)
	}
	return s.o.Store.Record(records...)
}

// redeem uses a token up, durably.
func (s *Server) redeem(now time.Time, token fleet.Token, location string) (fleet.TokenState, error) {
	hash := token.Hash()
	s.mu.Lock()
	state, err := s.tokens.Redeem(now, hash, location)
	s.mu.Unlock()
	if err != nil {
		return state, err
	}
	if err := s.saveToken(state); err != nil {
		s.mu.Lock()
		s.tokens.Returned(hash)
		s.mu.Unlock()
		return state, err
	}
	return state, nil
}

// enter makes a manifest durable, then known.
func (s *Server) enter(raw []byte, m *content.Manifest, v fleet.Version) error {
	if err := s.o.Store.Record(store.Record{Key: keyContent + v.Content.String(), Value: raw}); err != nil {
		return err
	}
	if err := s.o.Published(raw); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shelf = maps.Clone(s.shelf)
	s.shelve(v.Content, m)
	if !s.catalogue.Published(m.Name, v) {
		s.o.Log.Warn("the name stands for a newer content", "content", v.Content.Short(), "name", m.Name)
	}
	return nil
}

// find returns the signed manifest of a name or id. store.ErrNotFound.
func (s *Server) find(ref string) ([]byte, error) {
	id, err := content.ParseID(ref)
	if err != nil {
		s.mu.Lock()
		newest, ok := s.catalogue.Newest(ref)
		s.mu.Unlock()
		if !ok {
			return nil, store.ErrNotFound
		}
		id = newest
	}
	return s.o.Store.Lookup(keyContent + id.String())
}
