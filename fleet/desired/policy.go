// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Inherit is the value of a policy that says nothing: what is said of a greater scope holds.
const Inherit = "inherit"

// Bounds of a policy in characters. What a key and its value mean is not known here.
const (
	maxKey   = 64
	maxValue = 256
)

// ends reports whether what is said may end by itself.
func (v Verb) ends() bool { return v == DoPause || v == DoPrioritize || v == DoStop || v == DoSet }

func (c Command) validPolicy(wrong func(string, ...any) error) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case c.Key == "" || len(c.Key) > maxKey || strings.ContainsFunc(c.Key, odd):
		return wrong("a policy names a key of at most %d characters", maxKey)
	case c.Value == "" || len(c.Value) > maxValue || strings.ContainsFunc(c.Value, odd):
		return wrong("a policy has a value of at most %d characters, or %s", maxValue, Inherit)
	case c.Value == Inherit && (c.Locked || !c.Until.IsZero()):
		return wrong("%s is neither locked nor for a time: nothing is said", Inherit)
	}
	return nil
}

// register is the one of a policy.
func (c Command) register() Register { return Register{Scope: c.Selector, Kind: Policy, Name: c.Key} }

// policy is what is said of it.
func (c Command) policy() Rule {
	if c.Value == Inherit {
		return Rule{Void: true}
	}
	return Rule{Value: c.Value, Locked: c.Locked, Until: c.Until}
}

// specific orders scopes: content, type, peer, location, all.
func (s Selector) specific() (n int) {
	for i, f := range []string{s.Location, s.Peer, s.Type, s.Content} {
		if f != "" {
			n |= 1 << i
		}
	}
	return n
}

// before reports whether a policy wins over another that picks the same.
func (e entry) before(o entry) bool {
	if e.Locked != o.Locked {
		return e.Locked
	}
	if x, y := e.Scope.specific(), o.Scope.specific(); x != y {
		return x > y
	}
	return e.rank.above(o.rank)
}

// Policy is the one that decides a key for a flow, or for a host where the content is left out.
func (b *Book) Policy(now time.Time, key string, x Subject) (Document, bool) {
	return b.first(now, x, func(d Document) bool { return d.Kind == Policy && d.Name == key }, entry.before)
}

// Policies lists those in force of a key, or of all keys if it is empty, the newest first.
func (b *Book) Policies(now time.Time, key string) (list []Document) {
	for _, d := range b.Documents() {
		if d.Kind == Policy && d.InForce(now) && (key == "" || d.Name == key) {
			list = append(list, d)
		}
	}
	return list
}

// mayRule refuses what would have no effect: a policy below one that is locked, and a rollback to how things are. ErrLocked,
// ErrCommand.
func (b *Book) mayRule(now time.Time, c Command, back Entry) error {
	if c.Verb == DoRollback && len(back.Changes) == 0 {
		return fmt.Errorf("%w: the policies are as they were after %s", ErrCommand, c.Back)
	}
	if c.Verb != DoSet || c.Locked || c.Value == Inherit {
		return nil
	}
	for _, d := range b.Policies(now, c.Key) {
		if d.Locked && d.Scope != c.Selector && c.Selector.Within(d.Scope) {
			return fmt.Errorf("%w: %s is %s for %s by %s; lift that lock, or lock this too", ErrLocked, c.Key, d.Value, d.Scope, EntryID(d.Version))
		}
	}
	return nil
}

// Since gathers what a rollback takes back, from the entries of the audit log that are newer than the one it goes back to, the newest
// first: each policy that is not as it was then, with what it was, as an entry that Plan undoes.
func (b *Book) Since(now time.Time, entries []Entry) (back Entry) {
	then := map[Register]Rule{}
	for _, e := range entries {
		for _, x := range e.Changes {
			if x.Kind == Policy {
				then[x.Register] = x.Before
			}
		}
	}
	for _, r := range sortedRegisters(then) {
		rule := then[r]
		if !rule.Until.IsZero() && !now.Before(rule.Until) {
			rule = Rule{Void: true} // it would have ended meanwhile
		}
		d, ok := b.Find(r)
		if !ok {
			d = Document{Register: r, Rule: Rule{Void: true}}
		}
		if !same(d, rule, now) {
			back.Changes = append(back.Changes, Change{Register: r, Before: rule, After: d.Rule, Version: d.Version})
		}
	}
	return back
}

// same reports whether a document says what a rule of a policy says.
func same(d Document, r Rule, now time.Time) bool {
	if r.Void || !d.InForce(now) {
		return r.Void && !d.InForce(now)
	}
	return d.Value == r.Value && d.Locked == r.Locked && d.Until.Equal(r.Until)
}
