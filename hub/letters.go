// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
)

const (
	// letterFresh is how old a letter may be, by the clock of its writer as it stood to the hub's when that last spoke itself: what was held
	// back for longer says nothing of its writer.
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
	reply := fleet.LettersReply{Answers: make([][]byte, len(req.Letters))}
	bytes := 0
	for i, raw := range req.Letters {
		answer, err := s.letter(bearer, raw)
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
func (s *Server) letter(bearer fleet.Identity, raw []byte) ([]byte, error) {
	l, err := relay.ParseLetter(raw)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	who, err := s.directory.Wrote(l)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	doc, err := who.Letter.Open(l)
	if err != nil {
		return nil, err
	}
	if err := s.admits(bearer, who, l); err != nil {
		return nil, fmt.Errorf("%w: of %s: %w", errLetter, who.Peer, err)
	}
	req, err := report(bytes.NewReader(doc))
	if err != nil {
		return nil, fmt.Errorf("%w: of %s: %w", errLetter, who.Peer, err)
	}
	s.mu.Lock()
	err = s.directory.Relayed(l)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	reply, err := s.hear(speaker{who, l.Seq, true}, req)
	if err != nil {
		return nil, fmt.Errorf("%w: of %s: %w", errLetter, who.Peer, err)
	}
	if doc, err = json.Marshal(reply); err != nil {
		return nil, err
	}
	if len(doc) > relay.MaxReport {
		return nil, nil // its asker fetches that
	}
	return who.Letter.Answer(l.Seq, doc)
}

// admits says why a letter that was opened is not taken all the same.
func (s *Server) admits(bearer fleet.Identity, who fleet.Voice, l relay.Letter) error {
	now := s.o.Clock()
	age := now.Add(who.Ahead).Sub(time.UnixMicro(int64(l.Seq)))
	switch {
	case who.Location != bearer.Location || who.Role != fleet.RoleAgent:
		return fmt.Errorf("it is in %s, and a host of %s hands it on", who.Location, bearer.Location)
	case now.After(who.Until):
		return fmt.Errorf("its certificate was good until %s", who.Until.UTC().Format(time.RFC3339))
	case age.Abs() > letterFresh:
		return fmt.Errorf("by its clock it was written %v ago", age.Round(time.Second))
	}
	return s.welcomes(now, who.Identity)
}

// reports is how many came since the start, and how.
type reports struct{ direct, relayed, refused int64 }

// Reports is how many reports of hosts were taken since the start, from themselves and by way of others, and how many of others were refused.
func (s *Server) Reports() (direct, relayed, refused int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports.direct, s.reports.relayed, s.reports.refused
}

// notTaken says who hands on what cannot be taken, now and then.
func (s *Server) notTaken(bearer fleet.Identity, err error) {
	if errors.Is(err, fleet.ErrOlder) || errors.Is(err, fleet.ErrUnheard) || errors.Is(err, relay.ErrKeys) { // it crossed its writer's own word, or a restart of this hub
		return
	}
	s.mu.Lock()
	s.reports.refused++
	said := (errors.Is(err, relay.ErrLetter) || errors.Is(err, errLetter)) && s.warnedOf(s.o.Clock(), "letters by "+bearer.Peer)
	s.mu.Unlock()
	if said {
		return
	}
	s.o.Log.Warn("a report that came by way of another host is not taken; its writer must report itself", "by", bearer.Peer, "location", bearer.Location,
		"err", err)
}
