// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

var (
	image = content.Sum([]byte("image"))
	patch = content.Sum([]byte("patch"))
)

// host is a book with its journal.
type host struct {
	name, place string
	book        *Book
	saved       map[Key]Counts
	lives       int
}

func newHost(name, place string) *host {
	h := &host{name: name, place: place}
	h.lost()
	return h
}

// lost begins a new epoch, as after the loss of the journal.
func (h *host) lost() {
	h.lives++
	h.saved = map[Key]Counts{}
	h.book = NewBook(fmt.Sprintf("%014x%02x", len(h.name), h.lives))
}

func (h *host) save() {
	entries, _ := h.book.Unsaved()
	for _, e := range entries {
		h.saved[e.Key] = e.Counts
	}
}

// killed goes on from the journal.
func (h *host) killed() {
	epoch := h.book.Epoch()
	h.book = NewBook(epoch)
	for _, k := range sortedKeys(h.saved) {
		h.book.Restored(Entry{k, h.saved[k]})
	}
	h.book.Closed()
}

// gatherer is what a hub keeps: rows by host and epoch, and the totals.
type gatherer struct {
	rows   map[string]Counts
	totals *Totals
}

func newGatherer() *gatherer { return &gatherer{rows: map[string]Counts{}, totals: NewTotals()} }

func (g *gatherer) take(h *host, r Report) Ack {
	for _, e := range r.Entries {
		key := h.name + r.Epoch + e.Key.String()
		g.rows[key] = g.totals.Reported(g.rows[key], e)
	}
	return Ack{r.Epoch, r.Upto}
}

// move sends bytes from one host to another; verdict says what becomes of them.
func move(from, to *host, id content.ID, bytes int64, verdict func(*Counts, int64)) {
	class := WAN
	if from.place == to.place {
		class = LAN
	}
	if from.place == "hub" {
		class = Origin
	}
	k := Key{id, from.place, to.place, class}
	from.book.Added(k, Counts{Sent: bytes})
	c := Counts{Received: bytes}
	verdict(&c, bytes)
	to.book.Added(k, c)
}

var verdicts = []func(*Counts, int64){
	func(c *Counts, n int64) { c.Verified += n }, func(c *Counts, n int64) { c.Rejected += n },
	func(c *Counts, n int64) { c.Duplicate += n }, func(c *Counts, n int64) { c.Canceled += n },
}

// An image comes once from the hub and twice over the LAN; one chunk comes wrong, one twice. Both ends say the same, every byte is
// accounted, and the WAN was crossed 1.1 times.
func TestOneDownload(t *testing.T) {
	hub, a, b, c := newHost("hub", "hub"), newHost("a", "berlin"), newHost("b", "berlin"), newHost("c", "berlin")
	move(hub, a, image, 100, verdicts[0])
	move(hub, b, image, 10, verdicts[2])
	move(a, b, image, 100, verdicts[0])
	move(a, c, image, 5, verdicts[1])
	move(b, c, image, 100, verdicts[0])
	g := newGatherer()
	for _, h := range []*host{hub, a, b, c} {
		h.save()
		r, ok := h.book.Report()
		if !ok {
			t.Fatalf("%s says nothing", h.name)
		}
		h.book.Acknowledged(g.take(h, r))
		if r, ok := h.book.Report(); ok {
			t.Errorf("%s says again what was acknowledged: %v", h.name, r)
		}
	}
	x := g.totals.Places()[0]
	if x.Location != "berlin" || x.Origin != 110 || x.LAN != 205 || x.WAN != 0 || x.Received != 315 || x.Sent != 315 || x.Verified != 300 ||
		x.Rejected != 5 || x.Duplicate != 10 || x.Open() != 0 {
		t.Errorf("%+v", x)
	}
	if _, known := x.Amplification(100); known {
		t.Error("nobody has said that all is here, and the amplification is known")
	}
	g.totals.Held(x.Place)
	if amp, known := g.totals.Places()[0].Amplification(100); !known || amp != 1.1 {
		t.Error(amp, known)
	}
}

// What a process that ended had on its way is canceled: nothing of it was kept.
func TestWhatWasOnItsWayIsCanceled(t *testing.T) {
	hub, a := newHost("hub", "hub"), newHost("a", "berlin")
	move(hub, a, image, 100, func(*Counts, int64) {})
	a.save()
	a.killed()
	if e := a.book.Entries()[0]; e.Canceled != 100 || e.Open() != 0 {
		t.Errorf("%+v", e)
	}
}

// Reports get lost, come twice and out of order, hosts are killed and go on from what they had saved, journals are lost: what is gathered
// in the end is what was counted, less what a kill lost between two records.
func TestGatheringIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := []*host{newHost("h", "hub"), newHost("aa", "berlin"), newHost("bbb", "berlin"), newHost("cccc", "oslo")}
		g := newGatherer()
		truth := map[Place]Counts{} // what was counted and not lost by a kill
		var past []func()           // reports that are still on their way
		pending := map[*host]map[Place]Counts{}
		settle := func(h *host) {
			for p, c := range pending[h] {
				truth[p] = truth[p].Add(c)
			}
			delete(pending, h)
		}
		enter := func(h *host, p Place, c Counts) {
			if pending[h] == nil {
				pending[h] = map[Place]Counts{}
			}
			pending[h][p] = pending[h][p].Add(c)
		}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			h := rapid.SampledFrom(hosts).Draw(t, "host")
			switch rapid.IntRange(0, 6).Draw(t, "do") {
			case 0, 1, 2:
				to, id := rapid.SampledFrom(hosts).Draw(t, "to"), rapid.SampledFrom([]content.ID{image, patch}).Draw(t, "content")
				n, v := rapid.Int64Range(1, 1000).Draw(t, "bytes"), rapid.SampledFrom(verdicts).Draw(t, "verdict")
				if to == h {
					continue
				}
				move(h, to, id, n, v)
				c := Counts{Received: n}
				v(&c, n)
				enter(h, Place{to.place, id}, Counts{Sent: n})
				enter(to, Place{to.place, id}, c)
			case 3:
				h.save()
				settle(h)
				if r, ok := h.book.Report(); ok {
					asked := h.book
					heard := func() { asked.Acknowledged(g.take(h, r)) } // the answer finds who asked, dead or alive
					switch rapid.IntRange(0, 3).Draw(t, "way") {
					case 0: // lost
					case 1:
						past = append(past, heard)
					case 2:
						g.take(h, r) // the answer is lost
					default:
						heard()
					}
				}
			case 4:
				if len(past) > 0 {
					past[rapid.IntRange(0, len(past)-1).Draw(t, "which")]()
				}
			case 5:
				h.killed()
				delete(pending, h)
			case 6:
				h.save()
				settle(h)
				for r, ok := h.book.Report(); ok; r, ok = h.book.Report() {
					h.book.Acknowledged(g.take(h, r))
				}
				h.lost()
			}
		}
		for _, h := range hosts {
			h.save()
			settle(h)
			for r, ok := h.book.Report(); ok; r, ok = h.book.Report() {
				h.book.Acknowledged(g.take(h, r))
			}
		}
		for _, x := range g.totals.Places() {
			if x.Counts != truth[x.Place] || x.LAN+x.WAN+x.Origin != x.Received || x.Open() != 0 {
				t.Fatalf("%v: gathered %+v, counted %+v", x.Place, x, truth[x.Place])
			}
		}
	})
}

// A book of a million contents and peers stays within its bounds, and loses no byte.
func TestBookIsBounded(t *testing.T) {
	b := NewBook(strings.Repeat("a", 16))
	for i := range 3 * maxEntries {
		b.Added(Key{content.Sum(fmt.Append(nil, i)), "hub", "berlin", Origin}, Counts{Received: 1})
		b.Met(Partner{Peer: fmt.Sprint(i), Received: 1})
	}
	var entries, partners int64
	for _, e := range b.Entries() {
		entries += e.Received
	}
	for _, p := range b.Partners() {
		partners += p.Received
	}
	if len(b.entries) > maxEntries+64 || len(b.partners) > maxPartners+1 || entries != 3*maxEntries || partners != 3*maxEntries {
		t.Error(b, entries, partners)
	}
	seen := 0
	for b.Unsaved(); ; {
		r, ok := b.Report()
		if !ok {
			break
		}
		if len(r.Entries) > MaxReport {
			t.Fatalf("a report of %d entries", len(r.Entries))
		}
		seen += len(r.Entries)
		b.Acknowledged(Ack{r.Epoch, r.Upto})
	}
	if seen != len(b.entries) {
		t.Errorf("%d entries reported of %d", seen, len(b.entries))
	}
}

// What is not durable yet is not reported, and an acknowledgement of another life or of the future means nothing.
func TestReportsOnlyWhatIsSaved(t *testing.T) {
	b := NewBook(strings.Repeat("a", 16))
	b.Added(Key{image, "hub", "berlin", Origin}, Counts{Received: 1})
	if r, ok := b.Report(); ok {
		t.Errorf("%+v is reported before it was saved", r)
	}
	b.Unsaved()
	for _, a := range []Ack{{strings.Repeat("b", 16), 1}, {b.Epoch(), 1 << 40}} {
		b.Acknowledged(a)
		if _, ok := b.Report(); !ok {
			t.Errorf("%+v was believed", a)
		}
	}
}

func TestValidate(t *testing.T) {
	place := func(s string) error {
		if s == "" {
			return errors.New("no name")
		}
		return nil
	}
	good := func() Report {
		return Report{Epoch: strings.Repeat("0", 16), Entries: []Entry{{Key{image, "hub", "berlin", Origin}, Counts{Received: 1}}}}
	}
	if err := good().Validate(place); err != nil {
		t.Error(err)
	}
	for what, spoil := range map[string]func(*Report){
		"no epoch":       func(r *Report) { r.Epoch = "" },
		"epoch in words": func(r *Report) { r.Epoch = "sixteen letters!" },
		"class":          func(r *Report) { r.Entries[0].Class = "mars" },
		"location":       func(r *Report) { r.Entries[0].To = "" },
		"negative":       func(r *Report) { r.Entries[0].Sent = -1 },
		"too many":       func(r *Report) { r.Entries = slices.Repeat(r.Entries, MaxReport+1) },
	} {
		r := good()
		spoil(&r)
		if r.Validate(place) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// Sums that no counter can hold stay at the top instead of turning negative.
func TestSumsDoNotOverflow(t *testing.T) {
	most := Counts{Received: 1<<63 - 1}
	if c := most.Add(most); c.Received != 1<<63-1 {
		t.Error(c)
	}
}
