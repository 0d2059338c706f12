// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
)

const (
	// letterFresh is by how much a letter's time may differ from the hub's: after a restart nobody remembers what was heard before.
	letterFresh = 5 * time.Minute
	// maxAnswers bounds the bytes of the answers to one batch, so that hosts read it with what they read of any document.
	maxAnswers = 8 << 20
)

// errLetter marks a letter that is not taken, besides those that are none.
var errLetter = errors.New("the seal is good, the report is refused")

// letters takes what hosts of a location report by way of one of them. Each is heard as if its writer had come itself, from where it last did.
func (s *Server) letters(w http.ResponseWriter, r *http.Request, bearer fleet.Identity) {
	var req fleet.LettersRequest
	if err := decode(r.Body, maxSync, &req); err != nil {
		s.fail(w, r, err)
		return
	}
	if len(req.Letters) > relay.MaxReports {
		s.fail(w, r, problem(http.StatusBadRequest, fleet.CodeTooLarge, "%d letters: %d are allowed", len(req.Letters), relay.MaxReports))
		return
	}
	known, _ := r.Context().Value(keyVerified{}).(*verified)
	reply := fleet.LettersReply{Answers: make([][]byte, len(req.Letters))}
	bytes := 0
	for i, raw := range req.Letters {
		answer, err := s.letter(known, bearer, raw)
		if err != nil {
			s.notTaken(bearer, err)
			continue
		}
		if bytes += len(answer); bytes <= maxAnswers {
			reply.Answers[i] = answer
		}
	}
	answer(w, reply)
}

// letter answers one.
func (s *Server) letter(known *verified, bearer fleet.Identity, raw []byte) ([]byte, error) {
	now := s.o.Clock()
	l, err := relay.Open(raw, known.parse)
	if err != nil {
		return nil, err
	}
	id, err := s.holder(known, l.Certificate, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLetter, err)
	}
	known.keep(l.Certificate)
	age := now.Sub(time.UnixMicro(int64(l.Seq)))
	switch {
	case id.Location != bearer.Location || id.Role != fleet.RoleAgent:
		return nil, fmt.Errorf("%w: %s of %s is none whose reports a host of %s hands on", errLetter, id.Peer, id.Location, bearer.Location)
	case age.Abs() > letterFresh:
		return nil, fmt.Errorf("%w: by the clock of %s it was written %v ago", errLetter, id.Peer, age.Round(time.Second))
	}
	req, err := report(bytes.NewReader(l.Report))
	if err != nil {
		return nil, fmt.Errorf("%w: of %s: %w", errLetter, id.Peer, err)
	}
	s.mu.Lock()
	from, err := s.directory.Relayed(id.Peer, l.Seq)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	reply, err := s.hear(speaker{id, l.Certificate, from, l.Seq, true}, req)
	if err != nil {
		return nil, fmt.Errorf("%w: of %s: %w", errLetter, id.Peer, err)
	}
	doc, err := json.Marshal(reply)
	if err != nil {
		return nil, err
	}
	hub := s.self().Certificate
	return relay.Seal(l.Seq, doc, hub.Certificate[0], hub.PrivateKey.(crypto.Signer)) // one that is too long its asker fetches
}

// notTaken says who hands on what cannot be taken, now and then.
func (s *Server) notTaken(bearer fleet.Identity, err error) {
	if errors.Is(err, fleet.ErrOlder) || errors.Is(err, fleet.ErrUnheard) { // it crossed its writer's own word, or a restart of this hub
		return
	}
	if errors.Is(err, relay.ErrLetter) || errors.Is(err, errLetter) {
		s.mu.Lock()
		said := s.warnedOf(s.o.Clock(), "letters by "+bearer.Peer)
		s.mu.Unlock()
		if said {
			return
		}
	}
	s.o.Log.Warn("a report that came by way of another host is not taken; its writer must report itself", "by", bearer.Peer, "location", bearer.Location,
		"err", err)
}
