// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Why a command is refused.
var (
	ErrCommand = errors.New("not a command")
	ErrChanged = errors.New("something else was ordered since") // of an undo
	ErrUnknown = errors.New("there is no such entry")           // of an undo or a rollback
	ErrLocked  = errors.New("it is locked")                     // of a policy
)

// Verb is what an operator wants.
type Verb string

// The verbs.
const (
	DoPause      Verb = "pause"
	DoResume     Verb = "resume"
	DoPrioritize Verb = "prioritize"
	DoCancel     Verb = "cancel"
	DoStop       Verb = "stop" // of all, in an emergency; "resume" of all lifts it
	DoOrder      Verb = "order"
	DoRevoke     Verb = "revoke"
	DoSet        Verb = "set"      // a policy
	DoRollback   Verb = "rollback" // all policies
	DoUndo       Verb = "undo"
)

// MaxPriority is the highest that a flow can have, and the lowest is its negative.
const MaxPriority = 100

// Command is what an operator orders.
type Command struct {
	Verb     Verb      `json:"verb"`
	Selector Selector  `json:"selector"`
	Until    time.Time `json:"until,omitzero"` // of a pause or priority: it ends by itself
	Priority int       `json:"priority,omitempty"`
	Name     string    `json:"name,omitempty"`  // of an order: of the content
	Order    *Order    `json:"order,omitempty"` // of an order
	Key      string    `json:"key,omitempty"`   // of a policy
	Value    string    `json:"value,omitempty"` // of a policy, as its key has it; or Inherit
	Locked   bool      `json:"locked,omitempty"`
	Undo     string    `json:"undo,omitempty"` // the entry to be undone
	Back     string    `json:"back,omitempty"` // of a rollback: the entry after which policies were as they are to be
	Yes      bool      `json:"yes,omitempty"`  // it is meant, however much or little it touches
}

// String says what is ordered, such as "pause location=berlin until 2026-01-02T03:04:05Z".
func (c Command) String() string {
	s := string(c.Verb) + " " + c.Selector.String()
	switch {
	case c.Verb == DoUndo:
		s = "undo " + c.Undo
	case c.Verb == DoRollback:
		s = "rollback to " + c.Back
	case c.Verb == DoSet:
		s = "set " + c.Key + " " + c.Value + " for " + c.Selector.String()
		if c.Locked {
			s += ", locked"
		}
	case c.Verb == DoPrioritize:
		s += " to " + strconv.Itoa(c.Priority)
	case c.Verb == DoOrder:
		s += " to hold " + c.Name
		if !c.Order.By.IsZero() {
			s += " by " + c.Order.By.UTC().Format(time.RFC3339)
		}
	}
	if !c.Until.IsZero() {
		s += " until " + c.Until.UTC().Format(time.RFC3339)
	}
	return s
}

// Change is what a command did to one register.
type Change struct {
	Register
	Before  Rule   `json:"before"`
	After   Rule   `json:"after"`
	Version uint64 `json:"version"`
}

// Preview is what a command touches as far as the hub knows.
type Preview struct {
	Endpoints  int      `json:"endpoints"` // that reported within the last minute
	Locations  int      `json:"locations"`
	Contents   int      `json:"contents"`
	Flows      int      `json:"flows"` // not done, of these contents at these endpoints
	Everything bool     `json:"everything,omitempty"`
	Nothing    bool     `json:"nothing,omitempty"`
	Notes      []string `json:"notes,omitempty"` // what the operator should know
}

// Entry is one line of the audit log.
type Entry struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Command Command   `json:"command"`
	Touched Preview   `json:"touched"`
	Changes []Change  `json:"changes"`

	UndoneBy string `json:"undone_by,omitempty"` // the entry that took it back; of what Audit lists, and not of what is stored
}

// EntryID is the id of the audit entry whose first document has this version. Ids sort by time.
func EntryID(version uint64) string { return "a" + strconv.FormatUint(version, 36) }

// EntryVersion is the version that an id stands for.
func EntryVersion(id string) (uint64, bool) {
	if len(id) < 2 || id[0] != 'a' {
		return 0, false
	}
	v, err := strconv.ParseUint(id[1:], 36, 64)
	return v, err == nil && EntryID(v) == id
}

// Valid refuses what cannot be ordered. ErrCommand, ErrSelector.
func (c Command) Valid(now time.Time) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrCommand, fmt.Sprintf(format, args...))
	}
	if err := c.Selector.Valid(); err != nil {
		return err
	}
	if !c.Until.IsZero() && (!c.Verb.ends() || !now.Before(c.Until)) {
		return wrong("%s has no end that lies ahead", c.Verb)
	}
	if c.Priority < -MaxPriority || c.Priority > MaxPriority || c.Priority != 0 && c.Verb != DoPrioritize {
		return wrong("the priority %d of %s: %d to %d are allowed, for prioritize", c.Priority, c.Verb, -MaxPriority, MaxPriority)
	}
	if (c.Undo != "") != (c.Verb == DoUndo) || (c.Order != nil) != (c.Verb == DoOrder) || (c.Name != "") != (c.Verb == DoOrder) ||
		(c.Back != "") != (c.Verb == DoRollback) || c.Verb != DoSet && (c.Key != "" || c.Value != "" || c.Locked) {
		return wrong("%s goes with the fields of its own", c.Verb)
	}
	switch c.Verb {
	case DoPause, DoResume, DoPrioritize, DoCancel, DoUndo:
	case DoSet:
		return c.validPolicy(wrong)
	case DoRollback:
		if !c.Selector.All() {
			return wrong("a rollback is of all policies")
		}
	case DoStop:
		if !c.Selector.All() {
			return wrong("a stop is for all; for a part there is pause")
		}
	case DoRevoke:
		if c.Selector != (Selector{Peer: c.Selector.Peer}) || c.Selector.Peer == "" {
			return wrong("one peer is revoked, and nothing else")
		}
	case DoOrder:
		return c.validOrder(now, wrong)
	default:
		return wrong("%q is no verb", c.Verb)
	}
	return nil
}

func (c Command) validOrder(now time.Time, wrong func(string, ...any) error) error {
	switch o := c.Order; {
	case c.Selector.Content != "" || c.Selector.Type != "":
		return wrong("contents are held by locations and peers")
	case content.ValidName(c.Name) != nil || o.Content.IsZero():
		return wrong("an order names a content")
	case o.Priority < -MaxPriority || o.Priority > MaxPriority:
		return wrong("the priority %d: %d to %d are allowed", o.Priority, -MaxPriority, MaxPriority)
	case !o.By.IsZero() && !now.Before(o.By):
		return wrong("it is to be there by %s, which is past", o.By.UTC().Format(time.RFC3339))
	case len(o.Window) > 256:
		return wrong("a window of %d characters", len(o.Window))
	}
	return nil
}

// says is what a command that is no undo and no rollback says of which registers.
func (b *Book) says(now time.Time, c Command) map[Register]Rule {
	r := Register{Scope: c.Selector}
	switch c.Verb {
	case DoPause:
		r.Kind = Pause
		return map[Register]Rule{r: {Paused: true, Until: c.Until}}
	case DoResume:
		r.Kind = Pause
		said := map[Register]Rule{r: {}}
		if _, stopped := b.Stopped(now); stopped && c.Selector.All() {
			said[Register{Kind: Stop}] = Rule{Void: true}
		}
		return said
	case DoPrioritize:
		r.Kind = Priority
		return map[Register]Rule{r: {Priority: c.Priority, Until: c.Until}}
	case DoCancel:
		r.Kind = Cancel
	case DoStop:
		r.Kind = Stop
		return map[Register]Rule{r: {Paused: true, Until: c.Until}}
	case DoRevoke:
		r = Register{Kind: Revoke, Name: c.Selector.Peer}
	case DoSet:
		return map[Register]Rule{c.register(): c.policy()}
	case DoOrder:
		r.Kind, r.Name = Hold, c.Name
		return map[Register]Rule{r: {Order: c.Order}}
	}
	return map[Register]Rule{r: {}}
}

// Plan is what a command changes: the documents, to be signed and heard in this order, and the changes as the audit log tells
// them. undoes is the entry that an undo names, or what a rollback takes back (see Since). ErrChanged, ErrFull, ErrLocked, ErrCommand.
func (b *Book) Plan(now time.Time, c Command, undoes Entry) ([]Document, []Change, error) {
	said := map[Register]Rule{}
	if err := b.mayRule(now, c, undoes); err != nil {
		return nil, nil, err
	}
	if c.Verb == DoUndo || c.Verb == DoRollback {
		for _, x := range undoes.Changes {
			if d, _ := b.Find(x.Register); d.Version != x.Version {
				return nil, nil, fmt.Errorf("%w of %s %s: %s, by %s", ErrChanged, x.Kind, x.Scope, d.Issued.UTC().Format(time.RFC3339), EntryID(d.Version))
			}
			said[x.Register] = x.Before
		}
	} else {
		said = b.says(now, c)
	}
	var docs []Document
	var changes []Change
	for _, r := range sortedRegisters(said) {
		rule := said[r]
		before := Rule{Void: true}
		if d, ok := b.Find(r); ok {
			before = d.Rule
		} else if len(b.docs)+len(docs) >= MaxDocuments {
			return nil, nil, fmt.Errorf("%w: %d are allowed", ErrFull, MaxDocuments)
		}
		d := b.Said(now, r, rule)
		d.Version += uint64(len(docs))
		docs = append(docs, d)
		changes = append(changes, Change{Register: r, Before: before, After: rule, Version: d.Version})
	}
	return docs, changes, nil
}
