// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/fleet"
)

// located says something of a location; nothing: that it is not there any more.
func located(version uint64, name, word string) Document {
	return Document{Register: locationRegister(name), Rule: Rule{Void: word == "", Location: json.RawMessage(word)}, Version: version, Issued: noon}
}

// locate is what an operator does who gives all locations at once.
func locate(t rapid.TB, b *Book, now time.Time, given map[string]string) (raws [][]byte) {
	words := map[string]json.RawMessage{}
	for name, word := range given {
		words[name] = json.RawMessage(word)
	}
	docs, err := b.Locate(now, words)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		raw := signed(t, d)
		if _, err := b.Restored(now, raw); err != nil {
			t.Fatal(err)
		}
		raws = append(raws, raw)
	}
	return raws
}

func said(b *Book, name string) string {
	d, ok := b.Find(locationRegister(name))
	if !ok || d.Void {
		return ""
	}
	return string(d.Location)
}

// A location comes, changes, goes and comes again. Only what has changed is said anew, and only to whom it concerns.
func TestLocate(t *testing.T) {
	b, now := newBook(), noon
	here, there := bookOf(berlin), bookOf(oslo)
	say := func(want int, given map[string]string) {
		t.Helper()
		now = now.Add(time.Minute)
		raws := locate(t, b, now, given)
		if len(raws) != want {
			t.Errorf("%d documents, want %d", len(raws), want)
		}
		heard(t, here, raws...)
		heard(t, there, raws...)
		for id, own := range map[fleet.Identity]*Book{berlin: here, oslo: there} {
			if own.Root(id) != b.Root(id) || said(own, id.Location) != given[id.Location] || len(own.Locations()) > 1 {
				t.Errorf("%s holds %q, want %q; %d in all", id.Location, said(own, id.Location), given[id.Location], len(own.Locations()))
			}
		}
	}
	say(2, map[string]string{"berlin": `{"link":"lan"}`, "oslo": `{"link":"wifi"}`})
	say(0, map[string]string{"berlin": `{"link":"lan"}`, "oslo": `{"link":"wifi"}`})
	say(1, map[string]string{"berlin": `{"link":"vpn"}`, "oslo": `{"link":"wifi"}`})
	say(1, map[string]string{"oslo": `{"link":"wifi"}`})
	say(0, map[string]string{"oslo": `{"link":"wifi"}`})
	say(2, map[string]string{"berlin": `{"link":"vpn"}`})
	if n := len(b.Documents()); n != 0 {
		t.Errorf("%d documents of locations are among those of flows", n)
	}
	if b.Version(locationRegister("oslo")) != b.Newest() || b.Version(locationRegister("rome")) != 0 {
		t.Error("of which version it is")
	}
}

// Replayed, reordered and foreign documents of a location change nothing, and none is taken for what it is not.
func TestLocationsRefused(t *testing.T) {
	old, next := signed(t, located(5, "berlin", `{"link":"lan"}`)), signed(t, located(6, "berlin", `{"link":"vpn"}`))
	other, err := Sign(located(9, "berlin", `{}`), foreign)
	if err != nil {
		t.Fatal(err)
	}
	named, peer := located(7, "berlin", `{}`), located(7, "berlin", `{}`)
	named.Name, peer.Scope = "second", Selector{Peer: berlin.Peer}
	b := heard(t, bookOf(berlin), next)
	for _, x := range []struct {
		what string
		raw  []byte
		want error
	}{
		{"replayed", next, ErrKnown}, {"reordered", old, ErrOld}, {"foreign", other, ErrForeign}, {"elsewhere", signed(t, located(9, "oslo", `{}`)), ErrElsewhere},
		{"with a name", signed(t, named), ErrMalformed}, {"of a peer", signed(t, peer), ErrMalformed},
		{"of all", signed(t, located(8, "", `{}`)), ErrMalformed}, {"cut short", next[:len(next)-1], ErrForeign},
	} {
		if _, err := b.Heard(noon, x.raw); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.what, err, x.want)
		}
		if said(b, "berlin") != `{"link":"vpn"}` || b.Root(berlin) != heard(t, bookOf(berlin), next).Root(berlin) {
			t.Errorf("%s: the book has changed", x.what)
		}
	}
	if _, err := Sign(located(1, "berlin", `"`+strings.Repeat("x", MaxDocument)+`"`), ca); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	if _, err := b.Restored(noon, old); !errors.Is(err, ErrOld) {
		t.Errorf("from the own journal: %v", err)
	}
}

// When all locations change at once, which is more than is remembered, a host that lacks no more than that is told it without a digest.
func TestBehindAnImport(t *testing.T) {
	b := newBook()
	given := map[string]string{}
	for i := range 3 * maxRecent {
		given[fmt.Sprintf("shop-%03d", i)] = `{"link":"lan"}`
	}
	given["berlin"] = `{"link":"lan"}`
	host := heard(t, bookOf(berlin), signed(t, pause(1, Selector{}, true)))
	heard(t, b, signed(t, pause(1, Selector{}, true)))
	for _, link := range []string{"lan", "vpn"} {
		for name := range given {
			given[name] = `{"link":"` + link + `"}`
		}
		locate(t, b, noon, given)
		lacks, ok := b.Behind(berlin, host.Root(berlin))
		if !ok || len(lacks) != 1 {
			t.Fatalf("%s: %d documents, %v", link, len(lacks), ok)
		}
		if heard(t, host, lacks...); said(host, "berlin") != given["berlin"] || host.Root(berlin) != b.Root(berlin) {
			t.Errorf("it holds %q", said(host, "berlin"))
		}
	}
	locate(t, b, noon, nil)
	locate(t, b, noon, given)
	if _, ok := b.Behind(berlin, host.Root(berlin)); ok {
		t.Error("two changes of one location are remembered")
	}
}

// Something may be said of so many locations and no more; those of which something was said before are always welcome.
func TestLocationsAreBounded(t *testing.T) {
	b, given := newBook(), map[string]json.RawMessage{}
	for i := range MaxLocations {
		name := fmt.Sprintf("l%d", i)
		b.locations[locationRegister(name).Key()] = location{name: name, void: true, raw: []byte("x")}
	}
	given["l7"] = json.RawMessage(`{}`)
	if docs, err := b.Locate(noon, given); err != nil || len(docs) != 1 {
		t.Errorf("%d, %v", len(docs), err)
	}
	given["berlin"] = json.RawMessage(`{}`)
	if _, err := b.Locate(noon, given); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if _, err := b.Heard(noon, signed(t, located(1, "berlin", `{}`))); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
}
