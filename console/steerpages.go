// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/hub"
)

// steered is what a page lets one steer, and what it shows of what was ordered.
type steered struct {
	Selector desired.Selector
	Subject  desired.Subject // as far as the page is about one flow or many
}

// banner is a pause that holds for what a page shows.
type banner struct {
	Entry string
	Scope desired.Selector
	Stop  bool
	Until time.Time // zero: until it is lifted
	Who   string
	All   bool // the whole fleet
}

// maxBanners bounds how many pauses the overview names.
const maxBanners = 5

// banners are the pauses that hold for all of what a page shows; the overview shows every pause that nothing newer lifts.
func (c *call) banners(x steered) (list []banner) {
	overview := x.Selector.All()
	decided := false
	var newer []desired.Document // that let flows go on
	for _, d := range c.s.inForce() {
		switch {
		case d.Kind == desired.Stop:
		case d.Kind != desired.Pause, !overview && (decided || !d.Scope.Picks(x.Subject)):
			continue
		default:
			decided = true
			if !d.Paused {
				newer = append(newer, d)
				continue
			}
			if overview && slices.ContainsFunc(newer, func(n desired.Document) bool { return d.Scope.Within(n.Scope) }) {
				continue
			}
		}
		if len(list) == maxBanners {
			break
		}
		b := banner{Entry: desired.EntryID(d.Version), Scope: d.Scope, Stop: d.Kind == desired.Stop, Until: d.Until, Who: "somebody", All: d.Scope.All()}
		if e, err := c.s.o.Fleet.Audit(desired.EntryID(d.Version+1), 1); err == nil && len(e) == 1 &&
			slices.ContainsFunc(e[0].Changes, func(x desired.Change) bool { return x.Version == d.Version }) {
			b.Entry, b.Who = e[0].ID, e[0].Who
		}
		list = append(list, b)
	}
	return list
}

// pageOf is where what a selector selects is shown.
func pageOf(s desired.Selector) string {
	switch {
	case s.Peer != "":
		return "/peers/" + url.PathEscape(s.Peer)
	case s.Content != "":
		return "/contents/" + url.PathEscape(s.Content)
	case s.Location != "":
		return "/locations/" + url.PathEscape(s.Location)
	case s.Type != "":
		return "/contents?type=" + url.QueryEscape(s.Type)
	}
	return "/"
}

// pageAfter is where what a command orders is shown.
func pageAfter(c desired.Command) string {
	if c.Verb == desired.DoSet || c.Verb == desired.DoRollback {
		return "/policies"
	}
	return pageOf(c.Selector)
}

func steerRoutes() []route {
	return []route{
		{"GET", "/steer", gate.Operator, showPreview},
		{"POST", "/steer", gate.Operator, doSteer},
		{"GET", "/steer/{entry}", gate.Operator, showEntry},
		{"GET", "/audit", gate.Operator, showAudit},
		{"GET", "/policies", gate.Viewer, showPolicies},
	}
}

// asked is a page that asks whether what it shows is meant.
type asked struct {
	nothingAsked
	Order   order
	Command desired.Command
	Touched desired.Preview
	Seen    string // Touched, to be sent back
	Again   bool   // it has become more than what was shown
	Back    string
}

// ask shows what an order would touch.
func (c *call) ask(o order, again bool) error {
	command, touched, err := c.preview(o)
	if err != nil {
		return err
	}
	seen, err := json.Marshal(touched)
	if err != nil {
		return err
	}
	page := asked{Order: o, Command: command, Touched: touched, Seen: string(seen), Again: again, Back: pageAfter(command)}
	if command.Verb == desired.DoUndo {
		e, err := c.entry(command.Undo)
		if err != nil {
			return orderProblem(err)
		}
		page.Back = pageAfter(e.Command)
	}
	status := http.StatusOK
	if again {
		status = http.StatusConflict
	}
	return c.s.pages.write(c, "preview", &view{Title: "Is this meant?", Data: page}, status)
}

func showPreview(c *call) error {
	o, err := c.formOrder()
	if err != nil {
		return err
	}
	o.Seen = nil
	return c.ask(o, false)
}

// doSteer carries out what was previewed, and sends the browser to what came of it. What has become more is shown again.
func doSteer(c *call) error {
	o, err := c.formOrder()
	if err != nil {
		return err
	}
	e, err := c.steer(o)
	if confirm := new(hub.ConfirmError); errors.As(err, &confirm) {
		return c.ask(o, o.Seen != nil)
	}
	if err != nil {
		return orderProblem(err)
	}
	http.Redirect(c.w, c.r, "/steer/"+e.ID, http.StatusSeeOther)
	return nil
}

// done is a page about one entry of the audit.
type done struct {
	nothingAsked
	desired.Entry
	Back string
}

func showEntry(c *call) error {
	e, err := c.entry(c.r.PathValue("entry"))
	if err != nil {
		return orderProblem(err)
	}
	page := done{Entry: e, Back: pageAfter(e.Command)}
	if e.Command.Verb == desired.DoUndo {
		if undone, err := c.entry(e.Command.Undo); err == nil {
			page.Back = pageAfter(undone.Command)
		}
	}
	return c.s.pages.write(c, "entry", &view{Title: "Ordered", Data: page}, http.StatusOK)
}

// auditPage is a page of the audit.
type auditPage struct {
	nothingAsked
	audit
	Older string // before which entry there may be more; empty: there are none
	First bool   // these are the newest
}

func showAudit(c *call) error {
	a, err := c.readAudit()
	if err != nil {
		return err
	}
	page := auditPage{audit: a, First: c.r.URL.Query().Get("before") == ""}
	if n := len(a.Entries); n == entriesPerPage {
		page.Older = a.Entries[n-1].ID
	}
	return c.show("audit", "Audit", "audit", page)
}
