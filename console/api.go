// SPDX-License-Identifier: Apache-2.0

package console

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/scheduler"
)

//go:embed openapi.json
var openAPI []byte

// apiRoutes is the JSON API; openapi.json describes each of them, and a test holds the two together.
func apiRoutes() []route {
	return []route{
		{"GET", "/api/v1/overview", gate.Viewer, func(c *call) error { return c.answer(c.s.o.Fleet.Census().Overview) }},
		{"GET", "/api/v1/history", gate.Viewer, func(c *call) error { return c.answer(c.s.o.Fleet.History("")) }},
		{"GET", "/api/v1/locations", gate.Viewer, getLocations},
		{"GET", "/api/v1/locations/{location}", gate.Viewer, getLocation},
		{"GET", "/api/v1/locations/{location}/peers", gate.Viewer, getHosts},
		{"GET", "/api/v1/locations/{location}/history", gate.Viewer, getLocationHistory},
		{"GET", "/api/v1/types", gate.Viewer, func(c *call) error { return c.answer(types{list(c.s.o.Fleet.Census().Types)}) }},
		{"GET", "/api/v1/contents", gate.Viewer, getContents},
		{"GET", "/api/v1/contents/{content}", gate.Viewer, getContent},
		{"GET", "/api/v1/contents/{content}/locations", gate.Viewer, getShares},
		{"GET", "/api/v1/peers", gate.Viewer, getPeers},
		{"GET", "/api/v1/peers/{peer}", gate.Viewer, getPeer},
		{"GET", "/api/v1/waiting", gate.Viewer, func(c *call) error { return c.answer(waits{explain(c.s.o.Fleet.Census().Overview.Waiting)}) }},
		{"GET", "/api/v1/events", gate.Viewer, getEvents},
		{"GET", "/api/v1/session", gate.Viewer, func(c *call) error { return c.answer(sessionOf(c.pass)) }},
		{"DELETE", "/api/v1/session", gate.Viewer, deleteSession},
		{"GET", "/api/v1/audit", gate.Operator, getAudit},
		{"GET", "/api/v1/orders", gate.Viewer, func(c *call) error { return c.answer(orders{list(c.s.inForce())}) }},
		{"GET", "/api/v1/policies", gate.Viewer, getPolicies},
		{"GET", "/api/v1/policies/history", gate.Operator, getPolicyHistory},
		{"GET", "/api/v1/policies/diff", gate.Operator, getPolicyDiff},
		{"POST", "/api/v1/steer/preview", gate.Operator, postPreview},
		{"POST", "/api/v1/steer", gate.Operator, postSteer},
		{"POST", "/api/v1/links", gate.Admin, postLink},
		{"GET", "/api/v1/openapi.json", gate.Nobody, getOpenAPI},
	}
}

type (
	types struct {
		Types []board.Type `json:"types"`
	}
	waits struct {
		Waiting []Cause `json:"waiting"`
	}
	// session is who the asker is.
	session struct {
		Name    string `json:"name"`
		Role    string `json:"role"`
		Expires string `json:"expires"`
	}
)

// Cause is a reason for which flows wait, in words.
type Cause struct {
	board.Waiting
	Explain string `json:"explain"`
	Remedy  string `json:"remedy"`
}

// explain puts reasons into words.
func explain(list []board.Waiting) []Cause {
	causes := []Cause{}
	for _, w := range list {
		c := Cause{Waiting: w}
		if r, ok := scheduler.ParseReason(w.Reason); ok {
			c.Explain, c.Remedy = r.Explain(), r.Remedy()
		}
		causes = append(causes, c)
	}
	return causes
}

func sessionOf(p gate.Pass) session {
	return session{p.Name, p.Role.String(), p.Until.UTC().Format("2006-01-02T15:04:05Z")}
}

func (c *call) answer(v any) error {
	c.w.Header().Set("Content-Type", "application/json")
	_ = writeJSON(c.w, v) // the asker may have gone
	return nil
}

// created answers with what was made.
func (c *call) created(v any) error {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusCreated)
	return c.answer(v)
}

// readJSON reads the document of a request.
func readJSON(r *http.Request, to any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	return notUnderstood(dec.Decode(to))
}

// notUnderstood says so of a body that is no document, or no form; one that is too long stays what it is.
func notUnderstood(err error) error {
	if long := new(http.MaxBytesError); err == nil || errors.As(err, &long) {
		return err
	}
	return badRequest("what was sent is not understood: %v", err)
}

func writeJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// list is never null in JSON.
func list[T any](x []T) []T {
	if x == nil {
		return []T{}
	}
	return x
}

func getLocations(c *call) error {
	q, err := parseQuery(c.r.URL.Query(), locationColumns)
	if err != nil {
		return err
	}
	return c.answer(listLocations(c.s.o.Fleet.Census(), q))
}

func (c *call) location() (*board.LocationPage, error) {
	name := c.r.PathValue("location")
	page, ok := c.s.o.Fleet.Location(name)
	if !ok {
		return nil, noLocation(name)
	}
	return page, nil
}

func getLocation(c *call) error {
	page, err := c.location()
	if err != nil {
		return err
	}
	return c.answer(page)
}

// most is the list that was asked for, the most of the first column first when nothing is said.
func (c *call) most(columns []string) (query, error) {
	v := c.r.URL.Query()
	q, err := parseQuery(v, columns)
	if !v.Has("sort") && !v.Has("order") {
		q.Desc = true
	}
	return q, err
}

// hosts is a location with those of its hosts that were asked for.
func (c *call) hosts() (x location, err error) {
	if x.Asked, err = c.most(hostColumns); err != nil {
		return x, err
	}
	if x.LocationPage, err = c.location(); err != nil {
		return x, err
	}
	x.Listed = listHosts(x.Peers, x.Asked)
	return x, nil
}

func getHosts(c *call) error {
	page, err := c.hosts()
	if err != nil {
		return err
	}
	return c.answer(page.Listed)
}

func getLocationHistory(c *call) error {
	name := c.r.PathValue("location")
	if !slices.ContainsFunc(c.s.o.Fleet.Census().Locations, func(l board.Location) bool { return l.Name == name }) {
		return noLocation(name)
	}
	return c.answer(c.s.o.Fleet.History(name))
}

func noLocation(name string) error {
	return notFound("no location %q is known: neither the topology nor any host names it", name)
}

func getContents(c *call) error {
	q, err := parseQuery(c.r.URL.Query(), contentColumns)
	if err != nil {
		return err
	}
	return c.answer(listContents(c.s.o.Fleet.Census(), q))
}

func (c *call) content() (*board.ContentPage, error) {
	ref := c.r.PathValue("content")
	page, ok := c.s.o.Fleet.Content(ref)
	if !ok {
		return nil, notFound("no content %q was published here", ref)
	}
	return page, nil
}

func getContent(c *call) error {
	page, err := c.content()
	if err != nil {
		return err
	}
	return c.answer(page)
}

// shares is a content with those of its locations that were asked for.
func (c *call) shares() (x contentPage, err error) {
	if x.Asked, err = c.most(shareColumns); err != nil {
		return x, err
	}
	if x.ContentPage, err = c.content(); err != nil {
		return x, err
	}
	x.Listed = listShares(x.Shares, x.Asked)
	return x, nil
}

func getShares(c *call) error {
	page, err := c.shares()
	if err != nil {
		return err
	}
	return c.answer(page.Listed)
}

func (c *call) peer() (*board.PeerPage, error) {
	name := c.r.PathValue("peer")
	page, ok := c.s.o.Fleet.Peer(name)
	if !ok {
		return nil, notFound("the peer %q has not reported within the last hour", name)
	}
	return page, nil
}

func getPeer(c *call) error {
	page, err := c.peer()
	if err != nil {
		return err
	}
	return c.answer(page)
}

func deleteSession(c *call) error {
	c.leave()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// leave ends the session.
func (c *call) leave() {
	c.s.mu.Lock()
	c.s.gate.Left(c.session)
	c.s.mu.Unlock()
	c.s.setCookie(c.w, c.r, "", -1)
	c.s.note(c.r, c.pass, "sign out", "done")
}

// postLink makes a link for somebody else.
func postLink(c *call) error {
	link, err := c.s.linkFor(c.r)
	if err != nil {
		return err
	}
	c.s.note(c.r, c.pass, "link for "+link.Name+" as "+link.Role, "done")
	return c.created(link)
}

// linkFor reads who is to be let in, and makes the link.
func (s *Server) linkFor(r *http.Request) (Link, error) {
	var ask struct {
		Name string `json:"name"`
		Role string `json:"role"`
	}
	if err := readJSON(r, &ask); err != nil {
		return Link{}, err
	}
	role, err := gate.ParseRole(ask.Role)
	if err != nil {
		return Link{}, badRequest("%v", err)
	}
	link, err := s.NewLink(ask.Name, role)
	if err != nil {
		return Link{}, badRequest("%v", err)
	}
	return link, nil
}

// Mount adds the console's part to the local API of the hub: whoever can open its socket may let in whom they like.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/console/links", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		link, err := s.linkFor(r)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			p, ok := errors.AsType[*api.Problem](err)
			if !ok {
				p = &api.Problem{Title: err.Error(), Status: http.StatusBadRequest, Code: api.CodeBadRequest}
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(p.Status)
			_ = writeJSON(w, p)
			return
		}
		_ = writeJSON(w, link)
	})
}

func getOpenAPI(c *call) error {
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = c.w.Write(openAPI) // the asker may have gone
	return nil
}
