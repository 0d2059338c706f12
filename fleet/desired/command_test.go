// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"errors"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
)

// order carries a command out as a hub does.
func order(t *testing.T, b *Book, now time.Time, c Command) (raws [][]byte) {
	t.Helper()
	raws, _ = enter(t, b, now, c, Entry{})
	return raws
}

func enter(t *testing.T, b *Book, now time.Time, c Command, undoes Entry) (raws [][]byte, e Entry) {
	t.Helper()
	if err := c.Valid(now); err != nil {
		t.Fatal(err)
	}
	docs, changes, err := b.Plan(now, c, undoes)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		raw := signed(t, d)
		if _, err := b.Heard(now, raw); err != nil {
			t.Fatal(err)
		}
		raws = append(raws, raw)
	}
	return raws, Entry{ID: EntryID(changes[0].Version), At: now, Command: c, Changes: changes}
}

func TestNewestDecides(t *testing.T) {
	b, now := newBook(), noon
	say := func(c Command) { t.Helper(); now = now.Add(time.Minute); order(t, b, now, c) }
	paused := func(what string, x Subject, want bool) {
		t.Helper()
		if got := b.On(now, x).Paused != nil; got != want {
			t.Errorf("%s: paused is %v", what, got)
		}
	}
	inBerlin, inOslo := Subject{Location: "berlin", Type: "os"}, Subject{Location: "oslo", Type: "os"}
	say(Command{Verb: DoPause})
	paused("all", inBerlin, true)
	say(Command{Verb: DoResume, Selector: Selector{Location: "berlin"}})
	paused("berlin was resumed", inBerlin, false)
	paused("and oslo was not", inOslo, true)
	say(Command{Verb: DoPause, Until: now.Add(time.Hour)})
	paused("all again", inBerlin, true)
	now = now.Add(time.Hour)
	paused("and the hour is over", inBerlin, false)
	paused("for all: what was said of all before it is not known any more", inOslo, false)
	say(Command{Verb: DoPause, Selector: Selector{Type: "os"}})
	paused("the type", inOslo, true)
	say(Command{Verb: DoResume})
	paused("all go on", inOslo, false)

	say(Command{Verb: DoStop})
	say(Command{Verb: DoResume, Selector: Selector{Location: "oslo"}})
	paused("stopped, whatever is resumed", inOslo, true)
	say(Command{Verb: DoResume})
	paused("the stop is lifted", inOslo, false)

	say(Command{Verb: DoPrioritize, Selector: Selector{Type: "os"}, Priority: 40})
	if v := b.On(now, inOslo); !v.Prioritized || v.Priority != 40 {
		t.Errorf("%+v", v)
	}
	if v := b.On(now, Subject{Type: "app"}); v.Prioritized {
		t.Errorf("%+v", v)
	}
}

func TestCancelEndsWhatBeganBefore(t *testing.T) {
	b := newBook()
	order(t, b, noon, Command{Verb: DoCancel, Selector: Selector{Location: "berlin"}})
	for _, x := range []struct {
		where string
		since time.Time
		want  bool
	}{{"berlin", noon.Add(-time.Second), true}, {"berlin", noon.Add(time.Second), false}, {"oslo", noon.Add(-time.Second), false}} {
		if _, got := b.Cancelled(noon, Subject{Location: x.where}, uint64(x.since.UnixMicro())); got != x.want {
			t.Errorf("%s at %s: %v", x.where, x.since, got)
		}
	}
}

func TestOrders(t *testing.T) {
	b := newBook()
	first, second := content.Sum([]byte("1")), content.Sum([]byte("2"))
	order(t, b, noon, Command{Verb: DoOrder, Selector: Selector{Location: "berlin"}, Name: "image", Order: &Order{Content: first, By: noon.Add(time.Hour)}})
	_, e := enter(t, b, noon.Add(time.Second), Command{Verb: DoOrder, Selector: Selector{Location: "berlin"}, Name: "image", Order: &Order{Content: second}}, Entry{})
	if list := b.Orders(noon, berlin); len(list) != 1 || list[0].Order.Content != second {
		t.Errorf("%+v", list)
	}
	if list := b.Orders(noon, oslo); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	enter(t, b, noon.Add(time.Minute), Command{Verb: DoUndo, Undo: e.ID}, e)
	if list := b.Orders(noon, berlin); len(list) != 1 || list[0].Order.Content != first {
		t.Errorf("%+v", list)
	}
}

func TestRevoked(t *testing.T) {
	b := newBook()
	_, e := enter(t, b, noon, Command{Verb: DoRevoke, Selector: Selector{Peer: berlin.Peer}}, Entry{})
	if !b.Revoked(noon, berlin.Peer) || b.Revoked(noon, oslo.Peer) {
		t.Error("who is revoked")
	}
	enter(t, b, noon, Command{Verb: DoUndo, Undo: e.ID}, e)
	if b.Revoked(noon, berlin.Peer) {
		t.Error("taken back")
	}
}

func TestUndo(t *testing.T) {
	b := newBook()
	_, first := enter(t, b, noon, Command{Verb: DoPause}, Entry{})
	_, second := enter(t, b, noon, Command{Verb: DoResume}, Entry{})
	if _, _, err := b.Plan(noon, Command{Verb: DoUndo, Undo: first.ID}, first); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
	_, third := enter(t, b, noon, Command{Verb: DoUndo, Undo: second.ID}, second)
	if b.On(noon, Subject{}).Paused == nil {
		t.Error("the resume was undone")
	}
	enter(t, b, noon, Command{Verb: DoUndo, Undo: third.ID}, third) // an undo can be undone
	if b.On(noon, Subject{}).Paused != nil {
		t.Error("the undo was undone")
	}
	if v, ok := EntryVersion(first.ID); !ok || v != first.Changes[0].Version {
		t.Error(first.ID)
	}
}

// However the clock goes, what is ordered later is newer.
func TestVersionsFollowOneAnother(t *testing.T) {
	b := newBook()
	_, first := enter(t, b, noon, Command{Verb: DoPause}, Entry{})
	_, second := enter(t, b, noon.Add(-time.Hour), Command{Verb: DoPause, Selector: Selector{Type: "os"}}, Entry{})
	if second.Changes[0].Version <= first.Changes[0].Version {
		t.Errorf("%v, then %v", first, second)
	}
}

func TestImpossibleCommands(t *testing.T) {
	o := &Order{Content: content.Sum(nil)}
	for _, c := range []Command{{}, {Verb: "halt"}, {Verb: DoPause, Until: noon}, {Verb: DoResume, Until: noon.Add(time.Hour)}, {Verb: DoPause, Priority: 1},
		{Verb: DoPrioritize, Priority: 101}, {Verb: DoUndo}, {Verb: DoPause, Undo: "a1"}, {Verb: DoStop, Selector: Selector{Type: "os"}}, {Verb: DoRevoke},
		{Verb: DoRevoke, Selector: Selector{Location: "berlin"}}, {Verb: DoOrder}, {Verb: DoOrder, Name: "x", Order: &Order{}},
		{Verb: DoOrder, Name: "x", Order: o, Selector: Selector{Type: "os"}}, {Verb: DoOrder, Name: "x", Order: &Order{Content: o.Content, By: noon}}} {
		if err := c.Valid(noon); !errors.Is(err, ErrCommand) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := (Command{Verb: DoPause, Selector: Selector{Location: "!"}}).Valid(noon); !errors.Is(err, ErrSelector) {
		t.Error(err)
	}
}
