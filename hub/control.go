// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// Limits of what the control port reads.
const (
	maxEnroll = 16 << 10
	maxSync   = 4 << 20
)

// observeEvery is how often the data plane is asked where it sees its peers.
const observeEvery = 500 * time.Millisecond

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the asker may have gone
}

func fail(w http.ResponseWriter, err error) {
	var p *fleet.Problem
	if !errors.As(err, &p) {
		p = &fleet.Problem{Title: err.Error(), Status: http.StatusInternalServerError, Code: fleet.CodeInternal}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// decode reads one JSON document of limited size; an unknown field is an error.
func decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.Decode(new(any)) != io.EOF {
		err = errors.New("something follows the document")
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &fleet.Problem{Title: fmt.Sprintf("the document is longer than %d bytes", limit), Status: http.StatusRequestEntityTooLarge,
			Code: fleet.CodeTooLarge}
	}
	if err != nil {
		return &fleet.Problem{Title: "the document is not understood: " + err.Error(), Status: http.StatusBadRequest, Code: fleet.CodeBadRequest}
	}
	return nil
}

// member lets hosts with a certificate of the fleet through, and no one else.
func (s *Server) member(h func(http.ResponseWriter, *http.Request, fleet.Identity)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.VerifiedChains) == 0 {
			fail(w, &fleet.Problem{Title: "a certificate of the fleet is needed: enrol first", Status: http.StatusForbidden, Code: fleet.CodeDenied})
			return
		}
		id, err := fleet.IdentityOf(r.TLS.PeerCertificates[0])
		if err != nil {
			fail(w, &fleet.Problem{Title: err.Error(), Status: http.StatusForbidden, Code: fleet.CodeDenied})
			return
		}
		h(w, r, id)
	}
}

var tokenProblems = []struct {
	err  error
	code string
}{
	{fleet.ErrTokenUsed, fleet.CodeTokenUsed}, {fleet.ErrTokenExpired, fleet.CodeTokenExpired},
	{fleet.ErrTokenUnknown, fleet.CodeTokenUnknown}, {fleet.ErrTokenFormat, fleet.CodeTokenUnknown}, {fleet.ErrTokenLocation, fleet.CodeDenied},
}

// enroll lets a host in for a token. That the token is used is durable before the certificate leaves: a crash between
// the two costs a token and never gives two certificates.
func (s *Server) enroll(w http.ResponseWriter, r *http.Request) {
	now := s.o.Clock()
	if !s.attempts.allows(now, r.RemoteAddr) {
		fail(w, &fleet.Problem{Title: "too many attempts from this address; try again in a minute", Status: http.StatusTooManyRequests,
			Code: fleet.CodeBusy})
		return
	}
	var req fleet.EnrollRequest
	if err := decode(w, r, maxEnroll, &req); err != nil {
		fail(w, err)
		return
	}
	reply, err := s.admit(now, req)
	if err != nil {
		for _, p := range tokenProblems {
			if errors.Is(err, p.err) {
				err = &fleet.Problem{Title: err.Error(), Status: http.StatusForbidden, Code: p.code}
				break
			}
		}
		s.o.Log.Warn("a host was not let in", "remote", r.RemoteAddr, "location", req.Location, "err", err)
		fail(w, err)
		return
	}
	s.o.Log.Info("a host was let in", "remote", r.RemoteAddr, "location", req.Location)
	answer(w, reply)
}

func (s *Server) admit(now time.Time, req fleet.EnrollRequest) (*fleet.EnrollReply, error) {
	bad := func(err error) error {
		return &fleet.Problem{Title: err.Error(), Status: http.StatusBadRequest, Code: fleet.CodeBadRequest}
	}
	token, err := fleet.ParseToken(req.Token)
	if err != nil {
		return nil, err
	}
	if err := fleet.ValidLocation(req.Location); err != nil {
		return nil, bad(err)
	}
	key, err := request(req.CSR)
	if err != nil {
		return nil, bad(fmt.Errorf("certificate request: %w", err))
	}
	id, err := s.ca.identity(key, fleet.RoleAgent, req.Location)
	if err != nil {
		return nil, bad(err)
	}
	if err := s.redeem(now, token, req.Location); err != nil {
		return nil, err
	}
	der, err := s.ca.issue(key, id, now)
	if err != nil {
		return nil, err
	}
	return s.welcome(der), nil
}

func (s *Server) redeem(now time.Time, token fleet.Token, location string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.tokens.Redeem(now, token.Hash(), location)
	if err != nil {
		return err
	}
	return s.saveToken(state)
}

func (s *Server) welcome(certificate []byte) *fleet.EnrollReply {
	return &fleet.EnrollReply{Certificate: certificate, CA: s.ca.cert.Raw, Publishers: publisherTexts(s.node.Publishers), Hub: s.node.Hub}
}

// renew gives a host a new certificate for the same key, identity and location.
func (s *Server) renew(w http.ResponseWriter, r *http.Request, id fleet.Identity) {
	var req fleet.RenewRequest
	if err := decode(w, r, maxEnroll, &req); err != nil {
		fail(w, err)
		return
	}
	key, err := request(req.CSR)
	if err == nil && !key.Equal(r.TLS.PeerCertificates[0].PublicKey) {
		err = errors.New("the request is for another key")
	}
	if err != nil {
		fail(w, &fleet.Problem{Title: "certificate request: " + err.Error(), Status: http.StatusBadRequest, Code: fleet.CodeBadRequest})
		return
	}
	der, err := s.ca.issue(key, id, s.o.Clock())
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, s.welcome(der))
}

// sync takes a host's report and tells it whom it may ask.
func (s *Server) sync(w http.ResponseWriter, r *http.Request, id fleet.Identity) {
	var req fleet.SyncRequest
	if err := decode(w, r, maxSync, &req); err != nil {
		fail(w, err)
		return
	}
	if len(req.Holdings) > fleet.MaxHoldings || len(req.Wanted) > fleet.MaxHoldings {
		fail(w, &fleet.Problem{Title: fmt.Sprintf("more than %d contents in one report", fleet.MaxHoldings), Status: http.StatusBadRequest,
			Code: fleet.CodeTooLarge})
		return
	}
	answer(w, s.announced(s.o.Clock(), id, req))
}

func (s *Server) announced(now time.Time, id fleet.Identity, req fleet.SyncRequest) fleet.SyncReply {
	s.mu.Lock()
	look := now.Sub(s.observed) >= observeEvery
	if look {
		s.observed = now
	}
	s.mu.Unlock()
	var seen map[string]netip.AddrPort
	if look { // not under the lock: it asks another goroutine
		seen = s.o.Observed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directory.Announced(now, id, req)
	for peer, addr := range seen {
		s.directory.Observed(peer, addr)
	}
	s.directory.Forget(now)
	return s.directory.Reply(now, id, req.Wanted)
}

// content gives the signed manifest of a name or id.
func (s *Server) content(w http.ResponseWriter, r *http.Request, _ fleet.Identity) {
	ref := r.PathValue("ref")
	raw, ok := s.find(ref)
	if !ok {
		fail(w, &fleet.Problem{Title: fmt.Sprintf("no content %q was published here", ref), Status: http.StatusNotFound, Code: fleet.CodeNotFound})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(raw)
}

func (s *Server) find(ref string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := content.ParseID(ref)
	if err != nil {
		id = s.newest[ref].id
	}
	raw, ok := s.contents[id]
	return raw, ok
}
