// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the asker may have gone
}

// problem is an error that the asker hears in words.
func problem(status int, code, format string, args ...any) error {
	return &fleet.Problem{Title: fmt.Sprintf(format, args...), Status: status, Code: code}
}

func badRequest(format string, args ...any) error {
	return problem(http.StatusBadRequest, fleet.CodeBadRequest, format, args...)
}

var tokenProblems = []struct {
	err  error
	code string
}{
	{fleet.ErrTokenUsed, fleet.CodeTokenUsed}, {fleet.ErrTokenExpired, fleet.CodeTokenExpired},
	{fleet.ErrTokenUnknown, fleet.CodeTokenUnknown}, {fleet.ErrTokenFormat, fleet.CodeTokenUnknown}, {fleet.ErrTokenLocation, fleet.CodeDenied},
}

// asProblem is what a host hears of an error. What went wrong inside the hub is for its log alone.
func asProblem(err error) *fleet.Problem {
	var p *fleet.Problem
	if errors.As(err, &p) {
		return p
	}
	for _, t := range tokenProblems {
		if errors.Is(err, t.err) {
			return &fleet.Problem{Title: err.Error(), Status: http.StatusForbidden, Code: t.code}
		}
	}
	if errors.Is(err, store.ErrNoSpace) {
		return &fleet.Problem{Title: "the hub's disk is full; try again when there is room", Status: http.StatusServiceUnavailable,
			Code: fleet.CodeUnavailable}
	}
	return &fleet.Problem{Title: "the hub could not answer; its log says why", Status: http.StatusInternalServerError, Code: fleet.CodeInternal}
}

// fail answers a host with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError {
		s.o.Log.Error("a host got no answer", "remote", r.RemoteAddr, "path", r.URL.Path, "err", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Date", s.o.Clock().UTC().Format(http.TimeFormat)) // by which the asker may see how its own clock stands
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// decode reads one JSON document of at most limit bytes. An unknown field is an error, and so is anything behind the
// document.
func decode(body io.Reader, limit int64, v any) error {
	rest := &io.LimitedReader{R: body, N: limit + 1}
	dec := json.NewDecoder(rest)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("something follows it")
		}
	}
	switch {
	case rest.N <= 0:
		return problem(http.StatusRequestEntityTooLarge, fleet.CodeTooLarge, "the document is longer than %d bytes", limit)
	case err != nil:
		return badRequest("the document is not understood: %v", err)
	}
	return nil
}
