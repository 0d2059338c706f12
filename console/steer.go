// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/hub"
	"github.com/ebbproject/ebb/store"
)

// order is what somebody asks for, in a form or as JSON. Orders of contents and bans are given on the hub's machine.
type order struct {
	Verb     desired.Verb     `json:"verb"`               // pause, resume, prioritize, cancel, stop, set, rollback or undo
	Selector string           `json:"selector,omitempty"` // all, or such as location=berlin; of all but undo and rollback
	For      string           `json:"for,omitempty"`      // such as 2h: it ends by itself; of pause, prioritize, stop and set
	Priority *int             `json:"priority,omitempty"` // of prioritize
	Undo     string           `json:"undo,omitempty"`     // the entry of the audit, of undo
	Key      string           `json:"key,omitempty"`      // of the policy, of set
	Value    string           `json:"value,omitempty"`    // of the policy, or inherit; of set
	Lock     bool             `json:"lock,omitempty"`     // the policy counts whatever hosts and flows were told themselves; of set
	Back     string           `json:"back,omitempty"`     // the entry of the audit, of rollback
	Seen     *desired.Preview `json:"seen,omitempty"`     // what a preview said: no more than that is touched
}

// verbs that can be ordered here.
var verbs = []desired.Verb{desired.DoPause, desired.DoResume, desired.DoPrioritize, desired.DoCancel, desired.DoStop, desired.DoSet, desired.DoRollback, desired.DoUndo}

// ending are those that can be given for a time.
var ending = []desired.Verb{desired.DoPause, desired.DoPrioritize, desired.DoStop, desired.DoSet}

// command is what an order means now. Problems, and desired.ErrSelector.
func (o order) command(now time.Time) (c desired.Command, err error) {
	c = desired.Command{Verb: o.Verb, Undo: o.Undo, Key: o.Key, Value: o.Value, Locked: o.Lock, Back: o.Back}
	if !slices.Contains(verbs, o.Verb) {
		return c, badRequest("%q is nothing that can be ordered here: there are pause, resume, prioritize, cancel, stop, set, rollback and undo", o.Verb)
	}
	if o.Verb != desired.DoUndo && o.Verb != desired.DoRollback {
		if c.Selector, err = desired.ParseSelector(o.Selector); err != nil {
			return c, err
		}
	}
	if o.For != "" {
		d, err := time.ParseDuration(o.For)
		if err != nil || d < time.Second || !slices.Contains(ending, o.Verb) {
			return c, badRequest("%s for %q: a time such as 30m or 2h goes with pause, prioritize, stop and set", o.Verb, o.For)
		}
		c.Until = now.Add(d).UTC().Truncate(time.Second)
	}
	if (o.Priority != nil) != (o.Verb == desired.DoPrioritize) {
		return c, badRequest("a priority from -%d to %d goes with prioritize, and with nothing else", desired.MaxPriority, desired.MaxPriority)
	}
	if o.Priority != nil {
		c.Priority = *o.Priority
	}
	return c, nil
}

// covers reports whether who saw the one has seen the other: what is touched may have become less meanwhile, and all that there
// is may have grown.
func covers(seen, now desired.Preview) bool {
	return seen.Everything || now.Endpoints <= seen.Endpoints && now.Locations <= seen.Locations && now.Contents <= seen.Contents &&
		now.Flows <= seen.Flows && !now.Everything && (seen.Nothing || !now.Nothing)
}

// preview is what an order would do, and what that would touch.
func (c *call) preview(o order) (desired.Command, desired.Preview, error) {
	command, err := o.command(c.s.o.Clock())
	if err == nil {
		err = c.mayOrder(command)
	}
	if err != nil {
		return command, desired.Preview{}, orderProblem(err)
	}
	p, err := c.s.o.Fleet.Preview(command, 0)
	return command, p, orderProblem(err)
}

// steer carries out an order; who it was is the name of the session.
func (c *call) steer(o order) (desired.Entry, error) {
	command, now, err := c.preview(o)
	if err != nil {
		return desired.Entry{}, err
	}
	if o.Seen != nil {
		if !covers(*o.Seen, now) {
			return desired.Entry{}, &hub.ConfirmError{Preview: now}
		}
		command.Yes = true
	}
	return c.s.o.Fleet.Steer(c.r.Context(), c.pass.Name, command)
}

// mayOrder: policies are for an admin, and so is whatever undoes them or lets in again who was banned.
func (c *call) mayOrder(command desired.Command) error {
	verb, what := command.Verb, ""
	if verb == desired.DoUndo {
		e, err := c.entry(command.Undo)
		if err != nil {
			return err
		}
		verb = e.Command.Verb
	}
	switch verb {
	case desired.DoRevoke:
		what = "to undo a ban"
	case desired.DoSet, desired.DoRollback:
		what = "to change policies"
	}
	if what == "" || c.pass.Role >= gate.Admin {
		return nil
	}
	return &api.Problem{Title: what + " takes the role admin", Status: http.StatusForbidden, Code: api.CodeDenied}
}

// entry finds one line of the audit. desired.ErrUnknown.
func (c *call) entry(id string) (desired.Entry, error) {
	version, ok := desired.EntryVersion(id)
	if ok {
		list, err := c.s.o.Fleet.Audit(desired.EntryID(version+1), 1)
		if err != nil {
			return desired.Entry{}, err
		}
		if len(list) == 1 && list[0].ID == id {
			return list[0], nil
		}
	}
	return desired.Entry{}, fmt.Errorf("%w: %q", desired.ErrUnknown, id)
}

// orderProblem says why something was not ordered; other errors stay as they are.
func orderProblem(err error) error {
	switch {
	case errors.Is(err, store.ErrNoSpace):
		return &api.Problem{Title: err.Error(), Status: http.StatusInsufficientStorage, Code: api.CodeNoSpace}
	case err == nil:
		return nil
	}
	p, ok := errors.AsType[*api.Problem](hub.SteerProblem(err))
	if !ok {
		return err
	}
	switch p.Code { // its hints are commands
	case api.CodeConfirm:
		p.Hint = "look at the preview; if it is meant, send what it said as seen"
	case api.CodeNotFound:
		p.Hint = ""
	}
	return p
}

// Previewed is what an order would do.
type Previewed struct {
	Command desired.Command `json:"command"`
	Touched desired.Preview `json:"touched"`
}

type (
	// audit is what was ordered, and who signed in or was refused lately.
	audit struct {
		Entries []desired.Entry `json:"entries"`
		Events  []Event         `json:"events"`
	}
	// orders is what holds now.
	orders struct {
		Documents []desired.Document `json:"documents"`
	}
)

// entriesPerPage of the audit.
const entriesPerPage = 50

// readAudit reads a page of the audit: entries that are older than the parameter before, or the newest.
func (c *call) readAudit() (audit, error) {
	list, err := c.s.o.Fleet.Audit(c.r.URL.Query().Get("before"), entriesPerPage)
	return audit{Entries: list, Events: c.s.events()}, orderProblem(err)
}

func getAudit(c *call) error {
	a, err := c.readAudit()
	if err != nil {
		return err
	}
	return c.answer(a)
}

func (s *Server) inForce() []desired.Document {
	now := s.o.Clock()
	return slices.DeleteFunc(slices.Clone(s.o.Fleet.Desired()), func(d desired.Document) bool { return !d.InForce(now) })
}

func postPreview(c *call) error {
	var o order
	if err := readJSON(c.r, &o); err != nil {
		return err
	}
	command, touched, err := c.preview(o)
	if err != nil {
		return err
	}
	return c.answer(Previewed{command, touched})
}

func postSteer(c *call) error {
	var o order
	if err := readJSON(c.r, &o); err != nil {
		return err
	}
	e, err := c.steer(o)
	if err != nil {
		return orderProblem(err)
	}
	return c.created(e)
}

// formOrder reads a form, of which only those fields count that belong to its verb.
func (c *call) formOrder() (o order, err error) {
	if err := notUnderstood(c.r.ParseForm()); err != nil {
		return o, err
	}
	f := c.r.Form
	o = order{Verb: desired.Verb(f.Get("verb")), Selector: f.Get("selector"), Undo: f.Get("undo")}
	if o.Verb == desired.DoSet {
		o.Key, o.Value, o.Lock = f.Get("key"), strings.TrimSpace(f.Get("value")), f.Get("lock") != ""
	}
	if o.Verb == desired.DoRollback {
		o.Back = f.Get("back")
	}
	if slices.Contains(ending, o.Verb) {
		o.For = strings.TrimSpace(f.Get("for"))
	}
	if o.Verb == desired.DoPrioritize {
		n, err := strconv.Atoi(strings.TrimSpace(f.Get("priority")))
		if err != nil {
			return o, badRequest("the priority %q is not a number from -%d to %d", f.Get("priority"), desired.MaxPriority, desired.MaxPriority)
		}
		o.Priority = &n
	}
	if seen := f.Get("seen"); seen != "" {
		if err := json.Unmarshal([]byte(seen), &o.Seen); err != nil {
			return o, badRequest("what the preview said is not understood: %v", err)
		}
	}
	return o, nil
}
