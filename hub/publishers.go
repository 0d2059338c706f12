// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/ed25519"
	"net/http"
	"slices"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/node"
)

// maxPublishers bounds the publisher keys that a fleet pins.
const maxPublishers = 256

func (s *Server) getPublishers(w http.ResponseWriter, _ *http.Request) { s.tellPublishers(w) }

func (s *Server) tellPublishers(w http.ResponseWriter) {
	answer(w, map[string][]string{"publishers": node.PublisherTexts(s.self().Publishers)})
}

// postPublisher pins one more publisher. Who holds its secret is not the hub's business.
func (s *Server) postPublisher(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Key string `json:"key"`
	}
	err := decode(r.Body, maxEnroll, &ask)
	if err == nil {
		err = s.changePublishers(ask.Key, func(keys []ed25519.PublicKey, i int, key ed25519.PublicKey) []ed25519.PublicKey {
			if i >= 0 {
				return keys
			}
			return append(keys, key)
		})
	}
	if err != nil {
		refuse(w, err)
		return
	}
	s.tellPublishers(w)
}

// deletePublisher trusts a publisher no longer; what it published stays.
func (s *Server) deletePublisher(w http.ResponseWriter, r *http.Request) {
	err := s.changePublishers(r.FormValue("key"), func(keys []ed25519.PublicKey, i int, _ ed25519.PublicKey) []ed25519.PublicKey {
		if i < 0 {
			return keys
		}
		return slices.Delete(keys, i, i+1)
	})
	if err != nil {
		refuse(w, err)
		return
	}
	s.tellPublishers(w)
}

// changePublishers makes a change of the pinned keys durable, then true. i is where the key stands, -1 if nowhere; keys
// is the caller's to change.
func (s *Server) changePublishers(text string, change func(keys []ed25519.PublicKey, i int, key ed25519.PublicKey) []ed25519.PublicKey) error {
	key, err := content.ParsePublisherKey(text)
	if err != nil {
		return badRequest("%v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := *s.node
	i := slices.IndexFunc(fresh.Publishers, func(k ed25519.PublicKey) bool { return k.Equal(key) })
	fresh.Publishers = change(slices.Clone(fresh.Publishers), i, key)
	if len(fresh.Publishers) == len(s.node.Publishers) { // a change adds or removes one
		return nil
	}
	if len(fresh.Publishers) > maxPublishers {
		return badRequest("a fleet pins at most %d publishers", maxPublishers)
	}
	if err := fresh.Save(); err != nil {
		return err
	}
	s.node = &fresh
	s.o.Pinned(slices.Clone(fresh.Publishers))
	s.o.Log.Info("publishers pinned", "count", len(fresh.Publishers))
	return nil
}
