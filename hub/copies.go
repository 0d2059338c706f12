// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/http"

	"github.com/ebbproject/ebb/fleet"
)

// copied takes what a host holds whole, and tells it how that stands in its location.
func (s *Server) copied(w http.ResponseWriter, r *http.Request, id fleet.Identity) {
	var req fleet.CopiesRequest
	if err := decode(r.Body, maxSync, &req); err != nil {
		s.fail(w, r, err)
		return
	}
	switch {
	case len(req.Kept) > fleet.MaxHoldings:
		s.fail(w, r, problem(http.StatusBadRequest, fleet.CodeTooLarge, "a report of %d contents: %d are allowed", len(req.Kept), fleet.MaxHoldings))
		return
	case req.Replicas < 1:
		s.fail(w, r, badRequest("%d copies: at least 1 is to be kept", req.Replicas))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, s.copies.Told(s.o.Clock(), id, req, s.catalogue.Current))
}
