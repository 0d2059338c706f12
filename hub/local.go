// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

const maxTokenLife = 30 * 24 * time.Hour

// Mount adds the hub's part of the local API.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/tokens", s.postToken)
	mux.HandleFunc("PUT /api/v1/chunks/{id}", s.putChunk)
	mux.HandleFunc("HEAD /api/v1/chunks/{id}", s.headChunk)
	mux.HandleFunc("POST /api/v1/contents", s.postContent)
	mux.HandleFunc("GET /api/v1/members", s.getMembers)
}

// refuse writes an error as a problem of the local API.
func refuse(w http.ResponseWriter, err error) {
	var p *api.Problem
	var known *fleet.Problem
	switch {
	case errors.As(err, &p):
	case errors.As(err, &known): // from decode
		p = &api.Problem{Title: known.Title, Status: known.Status, Code: api.CodeBadRequest}
	case errors.Is(err, store.ErrNoSpace):
		p = &api.Problem{Title: err.Error(), Status: http.StatusInsufficientStorage, Code: api.CodeNoSpace, Hint: "make room on the hub's disk and publish again"}
	default:
		p = &api.Problem{Title: err.Error(), Status: http.StatusInternalServerError, Code: api.CodeInternal}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func badRequest(format string, args ...any) error {
	return &api.Problem{Title: fmt.Sprintf(format, args...), Status: http.StatusBadRequest, Code: api.CodeBadRequest}
}

func (s *Server) postToken(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		TTL      string `json:"ttl"`
		Location string `json:"location"`
	}
	if err := decode(w, r, maxEnroll, &ask); err != nil {
		refuse(w, err)
		return
	}
	life, err := time.ParseDuration(ask.TTL)
	if err != nil || life <= 0 || life > maxTokenLife {
		refuse(w, badRequest("a token's life of %q is not between 1s and %s", ask.TTL, maxTokenLife))
		return
	}
	if ask.Location != "" {
		if err := fleet.ValidLocation(ask.Location); err != nil {
			refuse(w, badRequest("%v", err))
			return
		}
	}
	token := fleet.Token{CA: s.ca.fingerprint()}
	_, _ = rand.Read(token.Secret[:]) // never fails: crypto/rand ends the program instead
	state, err := s.newToken(s.o.Clock(), token, life, ask.Location)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, api.Token{Token: token.String(), Location: state.Location, Expires: state.Expires})
}

// putChunk takes over a chunk that a publisher cut. The store verifies its hash.
func (s *Server) putChunk(w http.ResponseWriter, r *http.Request) {
	id, err := content.ParseID(r.PathValue("id"))
	if err != nil {
		refuse(w, badRequest("%v", err))
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(content.MaxChunk)))
	if err != nil {
		refuse(w, badRequest("chunk %s: %v", id.Short(), err))
		return
	}
	if content.Sum(data) != id {
		refuse(w, &api.Problem{Title: fmt.Sprintf("the %d bytes sent are not chunk %s", len(data), id.Short()), Status: http.StatusUnprocessableEntity,
			Code: api.CodeIntegrity})
		return
	}
	if err := s.o.Store.Put(store.Blob{ID: id, Data: data}); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) headChunk(w http.ResponseWriter, r *http.Request) {
	id, err := content.ParseID(r.PathValue("id"))
	if err != nil || !s.o.Store.Has(id) {
		w.WriteHeader(http.StatusNotFound)
	}
}

// postContent catalogues a signed manifest whose chunks are here.
func (s *Server) postContent(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(content.MaxSigned)))
	if err != nil {
		refuse(w, badRequest("the manifest: %v", err))
		return
	}
	signed, err := content.ParseSigned(raw)
	if err != nil {
		refuse(w, badRequest("%v", err))
		return
	}
	m, err := signed.Verify(s.node.Publishers, s.o.Clock())
	if err != nil {
		refuse(w, &api.Problem{Title: "the manifest is not accepted", Detail: err.Error(), Status: http.StatusForbidden, Code: api.CodeIntegrity})
		return
	}
	missing := 0
	for _, c := range m.Chunks {
		if !s.o.Store.Has(c.ID) {
			missing++
		}
	}
	if missing > 0 {
		refuse(w, &api.Problem{Title: fmt.Sprintf("%d of %d chunks of %s are not here", missing, len(m.Chunks), m.Name), Status: http.StatusConflict,
			Code: api.CodeIncomplete, Hint: "publish it again"})
		return
	}
	if err := s.enter(raw, signed.ID()); err != nil {
		refuse(w, err)
		return
	}
	s.o.Log.Info("published", "content", signed.ID().Short(), "name", m.Name, "version", m.Version, "bytes", m.Size())
	files := 0
	for _, e := range m.Entries {
		if e.Kind == content.File {
			files++
		}
	}
	answer(w, api.Publish{ID: signed.ID(), Name: m.Name, Version: m.Version, Type: m.Type, Size: m.Size(), Files: files, Chunks: len(m.Chunks)})
}

// enter makes a manifest durable, then known.
func (s *Server) enter(raw []byte, id content.ID) error {
	if err := s.o.Store.Record(store.Record{Key: keyContent + id.String(), Value: raw}); err != nil {
		return err
	}
	if err := s.o.Published(raw); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.catalogue(raw)
}

func (s *Server) getMembers(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, map[string]any{"members": s.directory.Members(s.o.Clock())})
}
