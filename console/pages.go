// SPDX-License-Identifier: Apache-2.0

package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/desired"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static
var static embed.FS

// pages are the templates by name, each with the frame around it.
type pages map[string]*template.Template

func parsePages() (pages, error) {
	frame, err := template.New("frame.html").Funcs(words).ParseFS(templates, "templates/frame.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range []string{"overview", "locations", "location", "contents", "content", "peer", "audit", "policies", "peers", "login", "problem", "preview", "entry"} {
		t, err := template.Must(frame.Clone()).ParseFS(templates, "templates/"+name+".html")
		if err != nil {
			return nil, err
		}
		all[name] = t
	}
	return all, nil
}

// view is what a template is filled with.
type view struct {
	Title   string
	Nav     string // of the menu, where this page is
	Self    string // its address, to ask for the part of it that moves
	Pass    gate.Pass
	Role    string
	Version string
	Now     time.Time
	Moves   bool // there is something that moves
	Steers  *steered
	Banners []banner
	Query   query
	Values  url.Values
	Data    any
}

// May reports whether the session may do what takes a role.
func (v *view) May(role string) bool {
	r, err := gate.ParseRole(role)
	return err == nil && v.Pass.Role >= r
}

// Heading is a column by which a table can be sorted.
type Heading struct {
	Label, URL, Aria string
	Number           bool
}

// Head is the heading of a column: its address sorts by it, the other way round when it is sorted by it already.
func (v *view) Head(column, label string, number bool) Heading {
	h := Heading{Label: label, Number: number}
	order := "asc"
	if number { // the greatest are what one looks for
		order = "desc"
	}
	if v.Query.Sort == column {
		h.Aria, order = "ascending", "desc"
		if v.Query.Desc {
			h.Aria, order = "descending", "asc"
		}
	}
	h.URL = v.with("sort", column, "order", order, "page", "")
	return h
}

// At is the address of another page of the list.
func (v *view) At(page int) string { return v.with("page", fmt.Sprint(page)) }

// with is the address of this page with some parameters changed.
func (v *view) with(pairs ...string) string {
	values := url.Values{}
	for k, list := range v.Values {
		values[k] = slices.Clone(list)
	}
	for i := 0; i < len(pairs); i += 2 {
		values.Del(pairs[i])
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return "?" + values.Encode()
}

// show answers with a page, or with the part of it that moves when that is what was asked for.
func (c *call) show(page, title, nav string, data any) error {
	v := &view{Title: title, Nav: nav, Moves: true, Data: data, Values: c.r.URL.Query()}
	v.Query, _ = data.(queried).asked()
	if v.Steers = c.steers(data); v.Steers != nil {
		v.Banners = c.banners(*v.Steers)
	}
	return c.s.pages.write(c, page, v, http.StatusOK)
}

// queried is data that came of a query, or not.
type queried interface{ asked() (query, bool) }

// steers is what the page lets one steer; nil: nothing.
func (c *call) steers(data any) *steered {
	switch x := data.(type) {
	case overview:
		return &steered{}
	case location:
		return &steered{desired.Selector{Location: x.Name}, desired.Subject{Location: x.Name}}
	case contentPage:
		return &steered{desired.Selector{Content: x.ID.String()}, desired.Subject{Content: x.ID, Name: x.Name, Type: x.Type}}
	case contents:
		if x.Asked.Type != "" {
			return &steered{desired.Selector{Type: x.Asked.Type}, desired.Subject{Type: x.Asked.Type}}
		}
	case peer:
		return &steered{desired.Selector{Peer: x.Peer}, desired.Subject{Location: x.Location, Peer: x.Peer}}
	}
	return nil
}

func (p pages) write(c *call, page string, v *view, status int) error {
	v.Self, v.Pass, v.Role, v.Version, v.Now = c.r.URL.RequestURI(), c.pass, c.pass.Role.String(), c.s.o.Version, c.s.o.Clock()
	part := "frame.html"
	switch {
	case c.r.Header.Get("HX-Request") != "" && v.Moves:
		part = "live"
	case steering(c.r):
		part = "still"
	}
	var b bytes.Buffer // so that a mistake in a template is an error and not half a page
	if err := p[page].ExecuteTemplate(&b, part, v); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.Header().Add("Vary", "HX-Request, HX-Target")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b.Bytes()) // the asker may have gone
	return nil
}

// problem is an error as a page.
func (c *call) problem(x *api.Problem) {
	if err := c.s.pages.write(c, "problem", &view{Title: x.Title, Data: x}, x.Status); err != nil {
		http.Error(c.w, x.Title, x.Status)
	}
}

// steering reports whether the answer goes into the part of a page that tells of orders.
func steering(r *http.Request) bool { return r.Header.Get("HX-Target") == "steering" }

func (s *Server) routes() []route {
	return append(slices.Concat(apiRoutes(), steerRoutes()),
		route{"GET", "/{$}", gate.Viewer, showOverview},
		route{"GET", "/locations", gate.Viewer, showLocations},
		route{"GET", "/locations/{location}", gate.Viewer, showLocation},
		route{"GET", "/contents", gate.Viewer, showContents},
		route{"GET", "/contents/{content}", gate.Viewer, showContent},
		route{"GET", "/peers", gate.Viewer, showPeers},
		route{"GET", "/peers/{peer}", gate.Viewer, showPeer},
		route{"GET", "/login", gate.Nobody, showLogin},
		route{"POST", "/login", gate.Nobody, login},
		route{"POST", "/logout", gate.Nobody, logout},
		route{"GET", "/static/", gate.Nobody, getStatic},
	)
}

// What the templates are filled with.
type (
	nothingAsked struct{}

	overview struct {
		nothingAsked
		board.Overview
		Waiting []Cause
		Busiest []board.Location
	}
	locations struct {
		List[board.Location]
		Regions []string
		Asked   query
	}
	location struct {
		*board.LocationPage
		Causes []Cause
		Listed List[board.Host]
		Asked  query
	}
	contents struct {
		List[board.Content]
		Types []board.Type
		Asked query
	}
	contentPage struct {
		*board.ContentPage
		Causes []Cause
		Listed List[board.Share]
		Asked  query
	}
	peer struct {
		nothingAsked
		*board.PeerPage
	}
)

func (nothingAsked) asked() (query, bool)  { return query{}, false }
func (x locations) asked() (query, bool)   { return x.Asked, true }
func (x location) asked() (query, bool)    { return x.Asked, true }
func (x contents) asked() (query, bool)    { return x.Asked, true }
func (x contentPage) asked() (query, bool) { return x.Asked, true }

// busiest is how many locations the overview lists.
const busiest = 8

func showOverview(c *call) error {
	census := c.s.o.Fleet.Census()
	page := overview{Overview: census.Overview, Waiting: explain(census.Overview.Waiting)}
	for _, l := range listLocations(census, query{Sort: "rate", Desc: true, Page: 1, Size: busiest}).Items {
		if l.Hosts.Total() > 0 {
			page.Busiest = append(page.Busiest, l)
		}
	}
	return c.show("overview", "Fleet", "overview", page)
}

func showLocations(c *call) error {
	q, err := parseQuery(c.r.URL.Query(), locationColumns)
	if err != nil {
		return err
	}
	census := c.s.o.Fleet.Census()
	page := locations{List: listLocations(census, q), Asked: q}
	for _, l := range census.Locations {
		if l.Region != "" {
			page.Regions = append(page.Regions, l.Region)
		}
	}
	slices.Sort(page.Regions)
	page.Regions = slices.Compact(page.Regions)
	return c.show("locations", "Locations", "locations", page)
}

func showLocation(c *call) error {
	page, err := c.hosts()
	if err != nil {
		return err
	}
	page.Causes = explain(page.Waiting)
	return c.show("location", page.Name, "locations", page)
}

func showContents(c *call) error {
	q, err := parseQuery(c.r.URL.Query(), contentColumns)
	if err != nil {
		return err
	}
	census := c.s.o.Fleet.Census()
	return c.show("contents", "Contents", "contents", contents{List: listContents(census, q), Types: census.Types, Asked: q})
}

func showContent(c *call) error {
	page, err := c.shares()
	if err != nil {
		return err
	}
	page.Causes = explain(page.Waiting)
	return c.show("content", page.Name, "contents", page)
}

func showPeer(c *call) error {
	page, err := c.peer()
	if err != nil {
		return err
	}
	return c.show("peer", "Peer "+page.Peer, "locations", peer{PeerPage: page})
}

// getStatic gives what pages are made of; it is the same for everybody.
func getStatic(c *call) error {
	root, err := fs.Sub(static, "static")
	if err != nil {
		return err
	}
	name := c.r.URL.Path[len("/static/"):]
	if info, err := fs.Stat(root, name); err != nil || info.IsDir() {
		return notFound("there is no page %s", c.r.URL.Path)
	}
	c.w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(c.w, c.r, root, name)
	return nil
}
