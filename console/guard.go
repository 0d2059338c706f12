// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/metrics"
)

// maxBody bounds what is read of a request, in bytes.
const maxBody = 16 << 10

// loadPolicy lets a page load what is in the binary and nothing else, and nobody frame it.
const loadPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// handler is the whole console: host, origin, body, then the routes, which look at the session.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.method+" "+r.path, s.serve(r))
	}
	if s.o.Figures != nil {
		for _, path := range metrics.Paths {
			mux.Handle("GET "+path, s.o.Figures)
		}
	}
	mux.HandleFunc("/", s.serve(route{method: "", path: "/", role: gate.Nobody, do: func(c *call) error {
		return notFound("there is no page %s", c.r.URL.Path)
	}}))
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, &api.Problem{Title: "this request comes from another site", Status: http.StatusForbidden, Code: api.CodeDenied})
	}))
	guarded := cross.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", loadPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !slices.Contains(s.hosts, strings.ToLower(r.Host)) {
			s.refuse(w, r, &api.Problem{Title: fmt.Sprintf("this console is not %q", r.Host), Status: http.StatusMisdirectedRequest, Code: api.CodeDenied,
				Hint: "ask for " + s.URL() + ", or name a proxy with --console-name"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		guarded.ServeHTTP(w, r)
	})
}

// route is one thing that can be asked for.
type route struct {
	method, path string
	role         gate.Role // that it takes; Nobody: no session is needed
	do           func(*call) error
}

// call is one request and whose it is.
type call struct {
	s       *Server
	w       http.ResponseWriter
	r       *http.Request
	pass    gate.Pass // zero: nobody's
	session gate.Secret
}

// serve lets a request through to its handler if its session may.
func (s *Server) serve(x route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: w, r: r}
		c.session, c.pass = s.who(r)
		switch {
		case x.role > gate.Nobody && c.pass.Role == gate.Nobody:
			if isPage(r) && r.Method == http.MethodGet && r.Header.Get("HX-Request") == "" {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			s.refuse(w, r, &api.Problem{Title: "sign in first", Status: http.StatusUnauthorized, Code: api.CodeDenied,
				Hint: "on the hub's machine: ebb console"})
			return
		case c.pass.Role < x.role:
			s.note(r, c.pass, r.Method+" "+r.URL.Path, "refused")
			s.refuse(w, r, &api.Problem{Title: fmt.Sprintf("this takes the role %s, and this session's is %s", x.role, c.pass.Role),
				Status: http.StatusForbidden, Code: api.CodeDenied, Hint: "on the hub's machine: ebb console --role " + x.role.String()})
			return
		}
		if err := x.do(c); err != nil {
			s.refuse(w, r, err)
		}
	}
}

// who is whose session a request shows.
func (s *Server) who(r *http.Request) (gate.Secret, gate.Pass) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return gate.Secret{}, gate.Pass{}
	}
	secret, ok := decodeSecret(cookie.Value)
	if !ok {
		return gate.Secret{}, gate.Pass{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, _ := s.gate.Holds(s.o.Clock(), secret) // nobody's if it has ended
	return secret, p
}

// cookieName tells the consoles of one machine apart: a browser does not, by their ports.
func (s *Server) cookieName() string { return "ebb_console_" + strconv.Itoa(int(s.addr.Port())) }

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	proxied := slices.Contains(s.o.Names, strings.ToLower(r.Host)) // which speaks TLS
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: proxied,
		SameSite: http.SameSiteStrictMode})
}

func isPage(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api/") }

// refuse answers with an error: a page where a person asks, else a problem (RFC 9457).
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *api.Problem
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &p):
	case errors.As(err, &long):
		p = &api.Problem{Title: fmt.Sprintf("a request has at most %d bytes", long.Limit), Status: http.StatusRequestEntityTooLarge, Code: api.CodeBadRequest}
	default:
		s.o.Log.Error("the console could not answer", "path", r.URL.Path, "err", err)
		p = &api.Problem{Title: "the console could not answer; the hub's log says why", Status: http.StatusInternalServerError, Code: api.CodeInternal}
	}
	if isPage(r) {
		c := &call{s: s, w: w, r: r}
		c.session, c.pass = s.who(r)
		c.problem(p)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = writeJSON(w, p)
}

func notFound(format string, args ...any) error {
	return &api.Problem{Title: fmt.Sprintf(format, args...), Status: http.StatusNotFound, Code: api.CodeNotFound}
}

func badRequest(format string, args ...any) error {
	return &api.Problem{Title: fmt.Sprintf(format, args...), Status: http.StatusBadRequest, Code: api.CodeBadRequest}
}
