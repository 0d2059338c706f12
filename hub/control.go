// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/fleet/relay"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/store"
)

// Limits of what the control port reads, in bytes.
const (
	maxEnroll = 16 << 10
	maxSync   = 4 << 20
)

// observeEvery is how often the data plane is asked where it sees its peers.
const observeEvery = 500 * time.Millisecond

// pathLetters is where hosts hand on what others report.
const pathLetters = "/v1/letters"

// control serves the control port.
func (s *Server) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enroll", s.enroll)
	mux.HandleFunc("POST /v1/renew", s.member(s.renew))
	mux.HandleFunc("POST /v1/sync", s.member(s.sync))
	mux.HandleFunc("POST "+pathLetters, s.member(s.letters))
	mux.HandleFunc("POST /v1/copies", s.member(s.copied))
	mux.HandleFunc("GET /v1/contents/{ref}", s.member(s.content))
	mux.HandleFunc("GET "+bus.Path, s.member(s.throughControl))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, problem(http.StatusNotFound, fleet.CodeNotFound, "no such page: %s", r.URL.Path))
	})
	return mux
}

// member lets hosts with a certificate of the fleet through, and no one else.
func (s *Server) member(h func(http.ResponseWriter, *http.Request, fleet.Identity)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := s.caller(r, s.o.Clock())
		if err != nil {
			s.fail(w, r, err)
			return
		}
		h(w, r, id)
	}
}

// caller is who asks. TLS has proved that the asker holds the key of the certificate it showed.
func (s *Server) caller(r *http.Request, now time.Time) (fleet.Identity, error) {
	if len(r.TLS.PeerCertificates) == 0 {
		return fleet.Identity{}, problem(http.StatusForbidden, fleet.CodeDenied, "a certificate of the fleet is needed: enrol first")
	}
	known, _ := r.Context().Value(keyVerified{}).(*verified)
	id, err := s.holder(known, r.TLS.PeerCertificates[0], now)
	if err == nil {
		known.shown(r.TLS.PeerCertificates[0])
	}
	return id, err
}

// holder is the host whose certificate it is, if it belongs to the fleet now.
func (s *Server) holder(known *verified, leaf *x509.Certificate, now time.Time) (fleet.Identity, error) {
	denied := func(code, format string, args ...any) (fleet.Identity, error) {
		return fleet.Identity{}, problem(http.StatusForbidden, code, format, args...)
	}
	err := s.verify(known, leaf, now)
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		hint := "compare the clocks, or enrol again: ebb enroll --again"
		if behind := fleet.Behind(leaf, now); behind > 0 {
			hint = fmt.Sprintf("the hub's clock is at least %s behind what it was when it made that; set the hub's clock", fleet.Span(behind))
		}
		return denied(fleet.CodeExpired, "this host's is valid from %s to %s, and here it is %s: %s",
			leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), hint)
	case err != nil:
		return denied(fleet.CodeDenied, "this host's certificate is of another fleet: enrol with this hub")
	}
	id, err := fleet.IdentityOf(leaf)
	if err != nil {
		return denied(fleet.CodeDenied, "%v", err)
	}
	return id, s.welcomes(now, id)
}

// welcomes says why a host does not belong to the fleet any more.
func (s *Server) welcomes(now time.Time, id fleet.Identity) error {
	if s.orders.revoked(now, id.Peer) {
		return problem(http.StatusForbidden, fleet.CodeDenied, "this host was revoked: its operator must let it in anew, with another key: ebb enroll --again")
	}
	return nil
}

// enroll lets a host in for a token. That the token is used is durable before the certificate leaves: a crash between
// the two costs a token and never gives two certificates.
func (s *Server) enroll(w http.ResponseWriter, r *http.Request) {
	now := s.o.Clock()
	if !s.attempts.allows(now, r.RemoteAddr) {
		s.fail(w, r, problem(http.StatusTooManyRequests, fleet.CodeBusy, "too many attempts from this address; try again in a minute"))
		return
	}
	var req fleet.EnrollRequest
	if err := decode(r.Body, maxEnroll, &req); err != nil {
		s.fail(w, r, err)
		return
	}
	reply, location, err := s.admit(now, remote(r), req)
	if err != nil {
		s.o.Log.Warn("a host was not let in", "remote", r.RemoteAddr, "location", req.Location, "err", err)
		s.fail(w, r, err)
		return
	}
	s.o.Log.Info("a host was let in", "remote", r.RemoteAddr, "location", location)
	answer(w, reply)
}

// admit decides whether a host is let in, and where it is. One that asked for LocationAuto roams from then on, unless its
// token is good for one location only.
func (s *Server) admit(now time.Time, seen netip.Addr, req fleet.EnrollRequest) (reply *fleet.EnrollReply, location string, err error) {
	token, err := fleet.ParseToken(req.Token)
	if err != nil {
		return nil, "", err
	}
	auto := req.Location == fleet.LocationAuto
	if auto {
		own, _ := netip.ParsePrefix(req.Net) // what is not understood was not said
		req.Location = s.whereabouts(seen, own)
	}
	if err := fleet.ValidLocation(req.Location); err != nil {
		return nil, "", badRequest("%v", err)
	}
	key, err := request(req.CSR)
	if err != nil {
		return nil, "", badRequest("certificate request: %v", err)
	}
	id, err := s.ca.identity(key, fleet.RoleAgent, req.Location)
	if err != nil {
		return nil, "", err
	}
	state, err := s.redeem(now, token, req.Location)
	if err != nil {
		return nil, "", err
	}
	der, err := s.ca.issue(key, id, auto && state.Location == "", now)
	if err != nil {
		return nil, "", err
	}
	return s.welcome(der), req.Location, nil
}

// welcome is what a host needs besides its certificate.
func (s *Server) welcome(certificate []byte) *fleet.EnrollReply {
	n := s.self()
	return &fleet.EnrollReply{Certificate: certificate, CA: s.ca.cert.Raw, Publishers: node.PublisherTexts(n.Publishers), Hub: n.Hub}
}

// renew gives a host a new certificate for the same key and identity. The location is that of the old certificate, or where
// the host is now if it roams.
func (s *Server) renew(w http.ResponseWriter, r *http.Request, id fleet.Identity) {
	var req fleet.RenewRequest
	if err := decode(r.Body, maxEnroll, &req); err != nil {
		s.fail(w, r, err)
		return
	}
	key, err := request(req.CSR)
	if err == nil && !key.Equal(r.TLS.PeerCertificates[0].PublicKey) {
		err = errors.New("it is for another key")
	}
	if err != nil {
		s.fail(w, r, badRequest("certificate request: %v", err))
		return
	}
	own, err := netip.ParsePrefix(req.Net)
	moves := fleet.Roams(r.TLS.PeerCertificates[0])
	if moves && err == nil {
		from := id.Location
		if id.Location = s.whereabouts(remote(r), own); id.Location != from {
			s.o.Log.Info("a host has moved", "peer", id.Peer, "from", from, "location", id.Location, "remote", r.RemoteAddr, "net", req.Net)
		}
	}
	der, err := s.ca.issue(key, id, moves, s.o.Clock())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, s.welcome(der))
}

// sync takes a host's report and tells it whom it may ask.
func (s *Server) sync(w http.ResponseWriter, r *http.Request, id fleet.Identity) {
	req, err := report(r.Body)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	leaf := r.TLS.PeerCertificates[0]
	who := speaker{Voice: fleet.Voice{Identity: id, From: remote(r), Roams: fleet.Roams(leaf), Until: leaf.NotAfter}, seq: req.Seq}
	if req.Seq > 0 { // it writes letters from now on
		who.Ahead = time.UnixMicro(int64(min(req.Seq, math.MaxInt64))).Sub(s.o.Clock())
		if who.Letter, err = relay.Agree(r.TLS.ExportKeyingMaterial, req.Seq); err != nil {
			s.fail(w, r, fmt.Errorf("keys for letters of %s: %w", id.Peer, err))
			return
		}
	}
	reply, err := s.hear(who, req)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, reply)
}

// speaker is a host that reports.
type speaker struct {
	fleet.Voice
	seq uint64 // of the report
	far bool   // it came by way of another host
}

// hear takes a report, whichever way it came.
func (s *Server) hear(who speaker, req fleet.SyncRequest) (reply fleet.SyncReply, err error) {
	id := who.Identity
	if req.Location != "" && req.Location != id.Location {
		return reply, problem(http.StatusForbidden, fleet.CodeDenied, "this host says that it is in %s, and its certificate says %s: enrol again for where it is: "+
			"ebb enroll --again --location %s", req.Location, id.Location, req.Location)
	}
	now := s.o.Clock()
	news, handed, err := s.orders.exchange(now, id, req.Desired)
	if err != nil {
		return reply, err
	}
	if handed > 0 {
		s.o.Log.Warn("a host handed in orders that this hub had forgotten", "peer", id.Peer, "location", id.Location, "documents", handed)
	}
	s.takeUp(now)
	if reply, err = s.announced(now, who, req); err != nil {
		return reply, err
	}
	reply.Desired, reply.Relay = news, true
	if s.bus != nil {
		reply.Bus = s.bus.Told(req.Bus)
	}
	reply.Ledger = s.accounted(id, req)
	return reply, nil
}

// report reads what a host says of itself. Others will dial the address, so it must be one.
func report(body io.Reader) (fleet.SyncRequest, error) {
	var req fleet.SyncRequest
	if err := decode(body, maxSync, &req); err != nil {
		return req, err
	}
	if len(req.Holdings) > fleet.MaxHoldings || len(req.Wanted) > fleet.MaxWanted {
		return req, problem(http.StatusBadRequest, fleet.CodeTooLarge, "a report of %d holdings and %d wishes: %d and %d are allowed",
			len(req.Holdings), len(req.Wanted), fleet.MaxHoldings, fleet.MaxWanted)
	}
	if req.Net != "" {
		if p, err := netip.ParsePrefix(req.Net); err != nil || p.String() != req.Net {
			return req, badRequest("net %q is not an address with the length of its network", req.Net)
		}
	}
	if len(req.Unanswered) > fleet.MaxUnanswered {
		return req, badRequest("%d neighbours that do not answer: %d are allowed", len(req.Unanswered), fleet.MaxUnanswered)
	}
	if len(req.Instance) > 64 || len(req.Cursor) > 128 || len(req.Dropped) > fleet.MaxHoldings {
		return req, badRequest("an instance of %d characters, a cursor of %d and %d contents dropped are too much", len(req.Instance), len(req.Cursor),
			len(req.Dropped))
	}
	if req.Lan == "" {
		req.TLS = 0
		return req, nil
	}
	addr, err := netip.ParseAddrPort(req.Lan)
	if err != nil || addr.String() != req.Lan {
		return req, badRequest("lan %q is not an address and a port", req.Lan)
	}
	if addr.Addr().IsUnspecified() || addr.Port() == 0 { // nobody can dial that
		req.Lan, req.TLS = "", 0
	}
	return req, nil
}

func (s *Server) announced(now time.Time, who speaker, req fleet.SyncRequest) (fleet.SyncReply, error) {
	id := who.Identity
	s.mu.Lock()
	look := now.Sub(s.observed) >= observeEvery
	if look {
		s.observed = now
	}
	s.mu.Unlock()
	var seen map[string]netip.AddrPort
	var ways []pulse.Way
	if look { // not under the lock: it asks another goroutine
		seen, ways = s.o.Observed(), s.o.Ways()
	}
	s.forgive(id, &req)
	own, _ := netip.ParsePrefix(req.Net) // empty or good
	st := stands(s.network(), id.Location, who.From, own)
	var due []store.Record
	defer func() { s.keepWeeks(due) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if who.far && !s.directory.Newest(id.Peer, who.seq) { // it has spoken itself meanwhile
		return fleet.SyncReply{}, fleet.ErrOlder
	}
	h := s.directory.Announced(now, id, req)
	if who.far {
		s.reports.relayed++
	} else {
		s.reports.direct++
		s.directory.Spoke(who.seq, who.Voice)
	}
	if h.Twin == "" {
		s.directory.Placed(id.Peer, st.place)
		s.board.Heard(now, id, req)
	}
	for peer, addr := range seen {
		s.directory.Observed(peer, addr)
	}
	if look {
		s.directory.Forget(now)
		s.board.Measured(now, s.node.Identity.Peer, ways)
		s.board.Forget(now)
		due = s.watchWeeks(now)
	}
	reply := s.directory.Answer(now, id, req, h)
	reply.Every = int(s.board.Pace() / time.Second)
	if own.IsValid() {
		s.advise(&reply, id, st, topology.AutoName(who.From, own), who.Roams)
	}
	s.warn(now, id, req.Lan, reply)
	return reply, nil
}

// remote is where the hub sees who asks.
func remote(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // net/http made it
	return from.Addr().Unmap()
}

// content gives the signed manifest of a name or id.
func (s *Server) content(w http.ResponseWriter, r *http.Request, _ fleet.Identity) {
	ref := r.PathValue("ref")
	raw, err := s.find(ref)
	if errors.Is(err, store.ErrNotFound) {
		err = problem(http.StatusNotFound, fleet.CodeNotFound, "no content %q was published here", ref)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(raw) // the asker may have gone
}
