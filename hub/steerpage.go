// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/desired"
)

// maxPage bounds the entries of the audit log that one answer lists.
const maxPage = 1000

// postSteer carries out a command of the operator on this machine, or says what it would touch.
func (s *Server) postSteer(w http.ResponseWriter, r *http.Request) {
	var ask api.Steer
	if err := decode(r.Body, maxEnroll, &ask); err != nil {
		refuse(w, err)
		return
	}
	if ask.Size < 0 || ask.Size > 0 && !ask.DryRun {
		refuse(w, badRequest("size_bytes %d: only a dry run is about what is yet to be published", ask.Size))
		return
	}
	var e api.Steered
	var err error
	if ask.DryRun {
		e.Command, e.Who = ask.Command, ask.Who
		e.Touched, err = s.Preview(ask.Command, ask.Size)
	} else {
		e.Entry, err = s.Steer(r.Context(), ask.Who, ask.Command)
	}
	if err != nil {
		refuse(w, SteerProblem(err))
		return
	}
	e.Forecast = s.Forecast(ask.Command, ask.Size)
	answer(w, e)
}

// SteerProblem says in words of the API why something was not ordered; other errors stay as they are.
func SteerProblem(err error) error {
	var confirm *ConfirmError
	p := &api.Problem{Title: err.Error(), Status: http.StatusBadRequest, Code: api.CodeBadRequest}
	switch {
	case errors.As(err, &confirm):
		p.Status, p.Code, p.Hint = http.StatusConflict, api.CodeConfirm, "look at it with --dry-run; if it is meant, say --yes"
	case errors.Is(err, desired.ErrUnknown):
		p.Status, p.Code, p.Hint = http.StatusNotFound, api.CodeNotFound, "ebb audit"
	case errors.Is(err, ErrContent):
		p.Status, p.Code, p.Hint = http.StatusNotFound, api.CodeNotFound, "ebb content ls"
	case errors.Is(err, desired.ErrChanged):
		p.Status, p.Code, p.Hint = http.StatusConflict, api.CodeExists, "undo that first, or order what is wanted"
	case errors.Is(err, desired.ErrLocked):
		p.Status, p.Code, p.Hint = http.StatusConflict, api.CodeLocked, "ebb policy get"
	case errors.Is(err, desired.ErrFull):
		p.Status, p.Code = http.StatusInsufficientStorage, api.CodeNoSpace
	case errors.Is(err, desired.ErrCommand), errors.Is(err, desired.ErrSelector):
	default:
		return err
	}
	return p
}

func (s *Server) getAudit(w http.ResponseWriter, r *http.Request) {
	most, err := strconv.Atoi(r.FormValue("most"))
	if err != nil || most < 1 || most > maxPage {
		refuse(w, badRequest("most=%q: 1 to %d entries can be asked for", r.FormValue("most"), maxPage))
		return
	}
	list, err := s.Audit(r.FormValue("before"), most)
	if err != nil {
		refuse(w, SteerProblem(err))
		return
	}
	answer(w, map[string]any{"entries": list})
}

func (s *Server) getDesired(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"documents": s.Desired()})
}
