// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func set(key, value string, scope Selector) Command {
	return Command{Verb: DoSet, Key: key, Value: value, Selector: scope}
}

func locked(c Command) Command { c.Locked = true; return c }

func wantPolicy(t *testing.T, b *Book, now time.Time, x Subject, want string) {
	t.Helper()
	d, ok := b.Policy(now, "cap", x)
	if got := d.Value; got != want || ok != (want != "") {
		t.Errorf("%+v has %q, want %q", x, got, want)
	}
}

// A day of an operator: for all, then for a city, for a host, for a type; a lock; and back.
func TestMostSpecificWins(t *testing.T) {
	b, now := newBook(), noon
	say := func(c Command) Entry {
		t.Helper()
		now = now.Add(time.Minute)
		_, e := enter(t, b, now, c, Entry{})
		return e
	}
	inBerlin, inOslo := Subject{Location: "berlin", Peer: berlin.Peer, Type: "os"}, Subject{Location: "oslo", Peer: oslo.Peer}
	wantPolicy(t, b, now, inBerlin, "")
	say(set("cap", "for berlin", Selector{Location: "berlin"}))
	say(set("cap", "for all", Selector{})) // said later, and of more
	wantPolicy(t, b, now, inBerlin, "for berlin")
	wantPolicy(t, b, now, inOslo, "for all")
	say(set("other", "x", Selector{Peer: berlin.Peer}))
	say(set("cap", "for the host", Selector{Peer: berlin.Peer}))
	wantPolicy(t, b, now, inBerlin, "for the host")
	say(set("cap", "for the type", Selector{Type: "os"}))
	wantPolicy(t, b, now, inBerlin, "for the type")
	say(locked(set("cap", "locked", Selector{})))
	wantPolicy(t, b, now, inBerlin, "locked")
	if _, _, err := b.Plan(now, set("cap", "below", Selector{Location: "oslo"}), Entry{}); !errors.Is(err, ErrLocked) {
		t.Errorf("below a lock: %v", err)
	}
	if _, _, err := b.Plan(now, set("other", "below", Selector{Location: "oslo"}), Entry{}); err != nil {
		t.Errorf("another key: %v", err)
	}
	say(locked(set("cap", "locked too", Selector{Location: "oslo"})))
	wantPolicy(t, b, now, inOslo, "locked too")
	wantPolicy(t, b, now, inBerlin, "locked")
	say(set("cap", Inherit, Selector{}))
	wantPolicy(t, b, now, inBerlin, "for the type")
	c := set("cap", "for an hour", Selector{Type: "os"})
	c.Until = now.Add(time.Hour)
	say(c)
	wantPolicy(t, b, now, inBerlin, "for an hour")
	wantPolicy(t, b, now.Add(time.Hour), inBerlin, "for the host")
	if list := b.Policies(now, "cap"); len(list) != 4 || list[0].Value != "for an hour" {
		t.Errorf("%+v", list)
	}
}

func TestPoliciesThatAreNone(t *testing.T) {
	long := make([]byte, maxValue+1)
	for i := range long {
		long[i] = 'x'
	}
	until := set("cap", Inherit, Selector{})
	until.Until = noon.Add(time.Hour)
	for _, c := range []Command{set("", "x", Selector{}), set("cap", "", Selector{}), set("cap", string(long), Selector{}), set("c\nap", "x", Selector{}),
		set(string(long), "x", Selector{}), locked(set("cap", Inherit, Selector{})), until, {Verb: DoPause, Key: "cap"}, {Verb: DoPause, Locked: true},
		{Verb: DoRollback}, {Verb: DoRollback, Back: "a1", Selector: Selector{Location: "berlin"}}, {Verb: DoPause, Back: "a1"}} {
		if err := c.Valid(noon); !errors.Is(err, ErrCommand) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// A rollback makes policies what they were, whatever was said since, and can be undone; pauses are none of its business.
func TestRollback(t *testing.T) {
	b, now := newBook(), noon
	var log []Entry // the newest first
	say := func(c Command, undoes Entry) Entry {
		t.Helper()
		now = now.Add(time.Minute)
		_, e := enter(t, b, now, c, undoes)
		log = slices.Insert(log, 0, e)
		return e
	}
	newer := func(than Entry) []Entry {
		return log[:slices.IndexFunc(log, func(e Entry) bool { return e.ID == than.ID })]
	}
	x := Subject{Location: "berlin"}
	good := say(locked(set("cap", "1", Selector{})), Entry{})
	if got := b.Since(now, newer(good)); len(got.Changes) != 0 {
		t.Errorf("%+v", got)
	}
	if _, _, err := b.Plan(now, Command{Verb: DoRollback, Back: good.ID}, Entry{}); !errors.Is(err, ErrCommand) {
		t.Errorf("back to how it is: %v", err)
	}
	say(set("cap", "2", Selector{}), Entry{})
	say(set("cap", "3", Selector{Location: "berlin"}), Entry{})
	say(set("cap", "4", Selector{Location: "berlin"}), Entry{})
	say(Command{Verb: DoPause}, Entry{})
	wantPolicy(t, b, now, x, "4")
	e := say(Command{Verb: DoRollback, Back: good.ID}, b.Since(now, newer(good)))
	wantPolicy(t, b, now, x, "1")
	if d, _ := b.Policy(now, "cap", x); !d.Locked || b.On(now, x).Paused == nil {
		t.Error("the lock or the pause is gone")
	}
	if got := b.Since(now, newer(good)); len(got.Changes) != 0 {
		t.Errorf("after the rollback: %+v", got)
	}
	say(Command{Verb: DoUndo, Undo: e.ID}, e)
	wantPolicy(t, b, now, x, "4")
}

// Whatever is said in whatever order it is heard, the policy that decides is that of the locked ones if there are any, then of the most
// specific ones, and of these the newest; and a host hears all that can decide for it.
func TestPolicyDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := func(label string, values ...string) string {
			return rapid.SampledFrom(append(values, "")).Draw(t, label)
		}
		var docs []Document
		for i := range rapid.IntRange(0, 12).Draw(t, "documents") {
			d := Document{Register: Register{Kind: Policy, Name: rapid.SampledFrom([]string{"cap", "other"}).Draw(t, "key"), Scope: Selector{
				Content: some("content", "image"), Type: some("type", "os", "app"), Location: some("location", "berlin", "oslo"),
				Peer: some("peer", berlin.Peer)}}, Version: uint64(i + 1), Issued: noon}
			d.Rule = Rule{Value: fmt.Sprint(i), Locked: rapid.Bool().Draw(t, "locked"), Void: rapid.IntRange(0, 5).Draw(t, "void") == 0}
			docs = append(docs, d)
		}
		hub, host := newBook(), NewBook(&ca.PublicKey, &berlin)
		for _, i := range rapid.Permutation(indices(len(docs))).Draw(t, "order") {
			raw, err := Sign(docs[i], ca)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = hub.Heard(noon, raw)
			_, _ = host.Heard(noon, raw)
		}
		x := Subject{Location: "berlin", Peer: berlin.Peer, Name: some("name", "image"), Type: some("of type", "os", "app")}
		var best *Document
		for i := range docs {
			d := &docs[i]
			replaced := slices.ContainsFunc(docs[i+1:], func(o Document) bool { return o.Register == d.Register })
			if replaced || d.Void || d.Name != "cap" || !d.Scope.Picks(x) {
				continue
			}
			if best == nil || d.Locked && !best.Locked || d.Locked == best.Locked && d.Scope.specific() >= best.Scope.specific() {
				best = d
			}
		}
		for _, b := range []*Book{hub, host} {
			got, ok := b.Policy(noon, "cap", x)
			if ok != (best != nil) || ok && got.Version != best.Version {
				t.Fatalf("%v %+v decides, want %+v", ok, got, best)
			}
		}
	})
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
