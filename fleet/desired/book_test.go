// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/fleet"
)

var (
	noon    = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	ca      = newKey()
	foreign = newKey()
	berlin  = fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleAgent, Location: "berlin", Peer: "000000000000000b"}
	oslo    = fleet.Identity{Fleet: "00000000000000ff", Role: fleet.RoleAgent, Location: "oslo", Peer: "000000000000000c"}
)

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newBook() *Book { return NewBook(&ca.PublicKey, nil) }

func bookOf(id fleet.Identity) *Book { return NewBook(&ca.PublicKey, &id) }

func signed(t rapid.TB, d Document) []byte {
	raw, err := Sign(d, ca)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func pause(version uint64, scope Selector, on bool) Document {
	return Document{Register: Register{Scope: scope, Kind: Pause}, Rule: Rule{Paused: on}, Version: version, Issued: noon}
}

// documents draws some, among few registers and versions so that they meet.
func documents(t *rapid.T) (list [][]byte) {
	scopes := []Selector{{}, {Location: "berlin"}, {Location: "oslo"}, {Peer: berlin.Peer}, {Type: "os"}, {Location: "berlin", Type: "os"}}
	for range rapid.IntRange(0, 12).Draw(t, "documents") {
		d := pause(rapid.Uint64Range(1, 6).Draw(t, "version"), rapid.SampledFrom(scopes).Draw(t, "scope"), rapid.Bool().Draw(t, "paused"))
		d.Kind = rapid.SampledFrom([]Kind{Pause, Priority, "of a release to come"}).Draw(t, "kind")
		if where := d.Scope.Location; d.Scope.Type == "" && where != "" && rapid.Bool().Draw(t, "of the location") {
			d = located(d.Version, where, rapid.SampledFrom([]string{`{"link":"lan"}`, `{"link":"wifi"}`, ""}).Draw(t, "word"))
		}
		list = append(list, signed(t, d))
	}
	return list
}

func heard(t rapid.TB, b *Book, list ...[]byte) *Book {
	for _, raw := range list {
		if _, err := b.Heard(noon, raw); err != nil && !errors.Is(err, ErrOld) && !errors.Is(err, ErrKnown) && !errors.Is(err, ErrElsewhere) {
			t.Fatal(err)
		}
	}
	return b
}

// everything lists the registers of a book.
func everything(b *Book) []Key {
	return append(b.keys(), slices.SortedFunc(maps.Keys(b.locations), compareKeys)...)
}

func all(b *Book) [][]byte { return b.Raw(everything(b)) }

// held lists all documents, those of locations too.
func held(b *Book) []Document { return append(b.Documents(), b.Locations()...) }

// Merging is commutative, associative and idempotent, and a register never goes back.
func TestMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := documents(t), documents(t)
		xy, yx := heard(t, newBook(), append(x, y...)...), heard(t, newBook(), append(y, x...)...)
		merged := heard(t, heard(t, newBook(), all(heard(t, newBook(), y...))...), all(heard(t, newBook(), x...))...)
		again := heard(t, heard(t, newBook(), append(x, y...)...), x...)
		for _, o := range []*Book{yx, merged, again} {
			for _, id := range []fleet.Identity{berlin, oslo} {
				if !slices.Equal(xy.Digest(id), o.Digest(id)) || xy.Root(id) != o.Root(id) {
					t.Fatalf("%v and %v", held(xy), held(o))
				}
			}
			if !reflect.DeepEqual(held(xy), held(o)) {
				t.Fatalf("%v and %v", held(xy), held(o))
			}
		}
		b, last := newBook(), map[Key]rank{}
		for _, raw := range append(x, y...) {
			heard(t, b, raw)
			for _, key := range everything(b) {
				now, _ := b.known(key)
				if last[key].above(now) {
					t.Fatalf("%v went back", key)
				}
				last[key] = now
			}
		}
	})
}

// Hub and hosts, whatever each has heard, agree after at most three exchanges; and the hub then knows what they knew.
func TestExchangeConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hub := heard(t, newBook(), documents(t)...)
		for _, id := range []fleet.Identity{berlin, oslo} {
			host := heard(t, bookOf(id), documents(t)...)
			old := held(host)
			lacks, wants, err := hub.Compare(id, host.Digest(id))
			if err != nil {
				t.Fatal(err)
			}
			heard(t, host, lacks...)
			heard(t, hub, host.Raw(wants)...)
			if hub.Root(id) != host.Root(id) {
				t.Fatalf("hub %v, host %v", held(hub), held(host))
			}
			for _, d := range held(host) {
				if !d.Scope.Concerns(id) {
					t.Fatalf("%v was told to %v", d, id)
				}
			}
			for _, d := range old {
				if now, ok := hub.Find(d.Register); !ok || now.Version < d.Version {
					t.Fatalf("the hub has %v instead of %v", now, d)
				}
			}
		}
	})
}

func TestRootIsThatOfWhatConcerns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := heard(t, newBook(), documents(t)...)
		own := heard(t, bookOf(berlin), all(b)...)
		if b.Root(berlin) != own.Root(berlin) || !slices.Equal(b.Digest(berlin), own.Digest(berlin)) {
			t.Fatalf("%v", b.Documents())
		}
		if none := len(held(own)) == 0; none != (own.Root(berlin) == Root{}) && none {
			t.Fatal("nothing has a root")
		}
	})
}

// A host that has missed the latest of what its hub heard gets just that, and then holds what the hub holds.
func TestBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hub, docs := newBook(), documents(t)
		seen := rapid.IntRange(0, len(docs)).Draw(t, "seen")
		heard(t, hub, docs[:seen]...)
		for _, id := range []fleet.Identity{berlin, oslo} {
			host := heard(t, bookOf(id), all(hub)...)
			later := heard(t, newBook(), docs[:seen]...)
			heard(t, later, docs[seen:]...)
			lacks, ok := later.Behind(id, host.Root(id))
			if !ok {
				t.Fatalf("%v is not behind %v", host.Documents(), later.Documents())
			}
			before := len(lacks)
			for _, raw := range lacks {
				if _, err := host.Heard(noon, raw); err != nil {
					t.Fatalf("it is told what is no news: %v", err)
				}
			}
			if host.Root(id) != later.Root(id) {
				t.Fatalf("with %d documents, %v is not %v", before, host.Documents(), later.Documents())
			}
		}
	})
}

// Who differs otherwise, or has missed more than is remembered, must tell the digest; what expired here and not yet there is no difference.
func TestNotBehind(t *testing.T) {
	mine := pause(9, Selector{Location: "berlin"}, true)
	mine.Until, mine.Expires = noon.Add(time.Hour), noon.Add(time.Hour)
	b := heard(t, newBook(), signed(t, mine))
	before := b.Root(berlin)
	b.Forget(noon.Add(2 * time.Hour))
	if lacks, ok := b.Behind(berlin, before); !ok || len(lacks) != 0 {
		t.Errorf("of what expired: %d, %v", len(lacks), ok)
	}
	for i := range maxRecent {
		heard(t, b, signed(t, pause(uint64(10+i), Selector{}, i%2 == 0)))
	}
	if _, ok := b.Behind(berlin, before); ok {
		t.Error("more is remembered than is allowed")
	}
	if _, ok := b.Behind(oslo, heard(t, newBook(), signed(t, pause(3, Selector{Type: "os"}, true))).Root(oslo)); ok {
		t.Error("a host that holds what is unknown here")
	}
	for _, bad := range []string{"", "0", strings.Repeat("0", 31) + "G", strings.Repeat("0", 34), strings.Repeat("A", 32)} {
		if _, err := ParseRoot(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if r, err := ParseRoot(before.String()); err != nil || r != before {
		t.Error(r, err)
	}
}

func TestRefused(t *testing.T) {
	old, next := signed(t, pause(5, Selector{}, true)), signed(t, pause(6, Selector{}, false))
	ended := pause(7, Selector{Location: "oslo"}, true)
	ended.Until, ended.Expires = noon.Add(-2*time.Hour), noon.Add(-2*time.Hour)
	other, err := Sign(pause(9, Selector{}, true), foreign)
	if err != nil {
		t.Fatal(err)
	}
	b := heard(t, newBook(), next)
	for _, x := range []struct {
		what string
		raw  []byte
		want error
	}{
		{"replayed", next, ErrKnown}, {"reordered", old, ErrOld}, {"foreign", other, ErrForeign}, {"expired", signed(t, ended), ErrExpired},
		{"changed", append(slices.Clone(next), ' '), ErrForeign}, {"empty", nil, ErrMalformed}, {"cut short", next[:len(magic)+3], ErrMalformed},
		{"another format", []byte("{}"), ErrMalformed}, {"100 MB", make([]byte, 100<<20), ErrTooLong},
	} {
		before := b.Root(berlin)
		if _, err := b.Heard(noon, x.raw); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.what, err, x.want)
		}
		if b.Root(berlin) != before {
			t.Errorf("%s: the book has changed", x.what)
		}
	}
}

// A document of 100 MB costs nothing: its length is looked at before its signature, and nothing is copied.
func TestLengthIsLookedAtFirst(t *testing.T) {
	raw, b := make([]byte, 100<<20), newBook()
	if n := testing.AllocsPerRun(3, func() { _, _ = b.Heard(noon, raw) }); n > 8 {
		t.Errorf("%v allocations", n)
	}
}

func TestTooLongToSign(t *testing.T) {
	d := pause(1, Selector{}, true)
	d.Name = strings.Repeat("x", MaxDocument)
	if _, err := Sign(d, ca); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
}

// What has expired is forgotten by all at one time and refused from then on, and a root without it is that of who never had it.
func TestForget(t *testing.T) {
	d := pause(1, Selector{}, true)
	d.Until, d.Expires = noon.Add(time.Hour), noon.Add(time.Hour)
	raw := signed(t, d)
	b := heard(t, newBook(), raw)
	if gone := b.Forget(noon.Add(2*time.Hour - 1)); len(gone) != 0 {
		t.Errorf("%v within the grace", gone)
	}
	if b.On(noon.Add(time.Hour), Subject{}).Paused != nil {
		t.Error("it ends late")
	}
	if gone := b.Forget(noon.Add(2 * time.Hour)); len(gone) != 1 || b.Root(berlin) != (Root{}) {
		t.Errorf("%v forgotten", gone)
	}
	if _, err := b.Heard(noon.Add(2*time.Hour), raw); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
}

// "pause for good", then "pause for an hour": when the hour is over and long gone, a host that was away brings the first. It must
// find that something newer is known.
func TestWhatIsReplacedDoesNotComeBack(t *testing.T) {
	b := newBook()
	first := order(t, b, noon, Command{Verb: DoPause})
	order(t, b, noon.Add(time.Minute), Command{Verb: DoPause, Until: noon.Add(time.Hour)})
	late := noon.Add(1000 * time.Hour)
	b.Forget(late)
	if _, err := b.Heard(late, first[0]); !errors.Is(err, ErrOld) {
		t.Error(err)
	}
	if b.On(late, Subject{}).Paused != nil {
		t.Error("paused again")
	}
}

func TestDigestOfStrangers(t *testing.T) {
	b := newBook()
	for _, bad := range [][]byte{make([]byte, 23), make([]byte, 48), make([]byte, MaxDigest+24)} {
		if _, _, err := b.Compare(berlin, bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(signed(f, pause(1, Selector{Location: "a"}, true)))
	f.Add(signed(f, located(2, "berlin", `{"link":"lan"}`)))
	f.Add(append([]byte(magic+"\x00"), `{"kind":"location","scope":"peer=00000000000000ff","version":3}`...))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := Open(raw, &foreign.PublicKey); err == nil {
			t.Error("a foreign document is taken")
		}
		_, _ = newBook().Heard(noon, raw)
		b := bookOf(berlin) // as if it were signed
		d, err := b.Restored(noon, raw)
		if known := b.Version(d.Register); (err == nil) != (known == d.Version && len(held(b)) == 1) {
			t.Errorf("%+v, %v: %d", d, err, known)
		}
	})
}

func FuzzDigest(f *testing.F) {
	f.Add(heard(f, newBook(), signed(f, pause(1, Selector{}, true))).Digest(berlin))
	f.Fuzz(func(t *testing.T, d []byte) { _, _, _ = newBook().Compare(berlin, d) })
}
