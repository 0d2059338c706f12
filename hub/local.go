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
	mux.HandleFunc("GET /api/v1/weeks", s.getWeeks)
	mux.HandleFunc("GET /api/v1/topology", s.getTopology)
	mux.HandleFunc("PUT /api/v1/topology", s.putTopology)
	mux.HandleFunc("GET /api/v1/ledger", s.getLedger)
	mux.HandleFunc("POST /api/v1/steer", s.postSteer)
	mux.HandleFunc("GET /api/v1/audit", s.getAudit)
	mux.HandleFunc("GET /api/v1/desired", s.getDesired)
	mux.HandleFunc("GET /api/v1/policies", s.getPolicies)
	mux.HandleFunc("GET /api/v1/policies/history", s.getPolicyHistory)
	mux.HandleFunc("GET /api/v1/policies/diff", s.getPolicyDiff)
	mux.HandleFunc("GET /api/v1/publishers", s.getPublishers)
	mux.HandleFunc("POST /api/v1/publishers", s.postPublisher)
	mux.HandleFunc("DELETE /api/v1/publishers", s.deletePublisher)
}

// refuse writes an error as a problem of the local API. The operator hears all of it.
func refuse(w http.ResponseWriter, err error) {
	var p *api.Problem
	var known *fleet.Problem
	switch {
	case errors.As(err, &p):
	case errors.As(err, &known): // only requests that are not understood
		p = &api.Problem{Title: known.Title, Status: known.Status, Code: api.CodeBadRequest}
	case errors.Is(err, store.ErrNoSpace):
		p = &api.Problem{Title: err.Error(), Status: http.StatusInsufficientStorage, Code: api.CodeNoSpace, Hint: "make room on the hub's disk and try again"}
	default:
		p = &api.Problem{Title: err.Error(), Status: http.StatusInternalServerError, Code: api.CodeInternal}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the asker may have gone
}

func (s *Server) postToken(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		TTL      string `json:"ttl"`
		Location string `json:"location"`
	}
	if err := decode(r.Body, maxEnroll, &ask); err != nil {
		refuse(w, err)
		return
	}
	life, err := time.ParseDuration(ask.TTL)
	if err != nil || life <= 0 || life > maxTokenLife {
		refuse(w, badRequest("a token's life of %q is not between 0 and %.0fh", ask.TTL, maxTokenLife.Hours()))
		return
	}
	if ask.Location == fleet.LocationAuto {
		refuse(w, badRequest("a token for the location %q would fit nowhere: leave the location out, and give it to ebb enroll", ask.Location))
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
	now := s.o.Clock()
	state := fleet.TokenState{Hash: token.Hash(), Expires: now.Add(life).UTC(), Location: ask.Location}
	if err := s.issue(now, state); err != nil {
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
	if r.ContentLength < 1 || r.ContentLength > content.MaxChunk {
		refuse(w, badRequest("chunk %s of %d bytes: 1 to %d are allowed, and the length must be said first", id.Short(), r.ContentLength, content.MaxChunk))
		return
	}
	data := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, data); err != nil {
		refuse(w, badRequest("chunk %s: %v", id.Short(), err))
		return
	}
	err = s.o.Store.Put(store.Blob{ID: id, Data: data})
	if errors.Is(err, store.ErrMismatch) {
		err = &api.Problem{Title: fmt.Sprintf("the %d bytes sent are not chunk %s", len(data), id.Short()), Status: http.StatusUnprocessableEntity,
			Code: api.CodeIntegrity}
	}
	if err != nil {
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
	id, m, err := s.publishable(raw, s.o.Clock())
	if err == nil {
		err = s.enter(raw, m, fleet.Version{Content: id, Created: m.Created})
	}
	if err != nil {
		refuse(w, err)
		return
	}
	s.o.Log.Info("published", "content", id.Short(), "name", m.Name, "version", m.Version, "bytes", m.Size())
	files := 0
	for _, e := range m.Entries {
		if e.Kind == content.File {
			files++
		}
	}
	answer(w, api.Publish{ID: id, Name: m.Name, Version: m.Version, Type: m.Type, Size: m.Size(), Files: files, Chunks: len(m.Chunks)})
}

// madeAhead is by how much a publisher's clock may be ahead of the hub's. It is less than what is borne of hosts: until then the content's
// name stands for it, and whatever replaces it comes too early.
const madeAhead = time.Hour

// publishable is a signed manifest that the fleet may believe and the hub can serve.
func (s *Server) publishable(raw []byte, now time.Time) (content.ID, *content.Manifest, error) {
	signed, err := content.ParseSigned(raw)
	if err != nil {
		return content.ID{}, nil, badRequest("%v", err)
	}
	m, err := signed.Verify(s.self().Publishers, now)
	if err != nil {
		p := &api.Problem{Title: "the manifest is not accepted", Detail: err.Error(), Status: http.StatusForbidden, Code: api.CodeIntegrity}
		if errors.Is(err, content.ErrUnknownPublisher) {
			p.Hint = "pin its publisher at the hub: ebb publisher add " + content.MarshalPublisherKey(signed.Key)
		}
		return content.ID{}, nil, p
	}
	if ahead := m.Created.Sub(now); ahead > madeAhead {
		return content.ID{}, nil, badRequest("%s was made at %s, and here it is %s: the publisher's clock is %s ahead of the hub's, and %s is borne; set it, and sign again",
			m.Name, m.Created.Format(time.RFC3339), now.UTC().Format(time.RFC3339), fleet.Span(ahead), fleet.Span(madeAhead))
	}
	missing := 0
	for _, c := range m.Chunks {
		if !s.o.Store.Has(c.ID) {
			missing++
		}
	}
	if missing > 0 {
		return content.ID{}, nil, &api.Problem{Title: fmt.Sprintf("%d of %d chunks of %s are not here", missing, len(m.Chunks), m.Name),
			Status: http.StatusConflict, Code: api.CodeIncomplete, Hint: "publish it again"}
	}
	return signed.ID(), m, nil
}

func (s *Server) getMembers(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	now := s.o.Clock()
	members, seen := s.directory.Members(now), map[string]float64{}
	for _, m := range members {
		if _, known := seen[m.Location]; !known {
			seen[m.Location] = s.board.Fastest(now, m.Location)
		}
	}
	s.mu.Unlock()
	// seen: the greatest rate over the WAN of the last ten minutes, in bits a second; 0: nothing came
	answer(w, map[string]any{"members": members, "seen_bits_per_second": seen})
}
