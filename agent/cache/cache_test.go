// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	chunkSize = 1 << 20
	gib       = int64(1) << 30
)

// disk is what is stored: contents share it.
type disk map[content.ID]bool

func (d disk) stored() int64 { return int64(len(d)) * chunkSize }

// list is the chunks of one content on a disk.
type list struct {
	chunks []content.Chunk
	disk   disk
}

func chunkNamed(name string) content.Chunk {
	return content.Chunk{ID: content.Sum([]byte(name)), Size: chunkSize}
}

// of makes a content of chunks by their names, and stores them.
func (d disk) of(names string) list {
	l := list{disk: d}
	for _, n := range strings.Fields(names) {
		c := chunkNamed(n)
		l.chunks = append(l.chunks, c)
		d[c.ID] = true
	}
	return l
}

func (l list) Len() int                       { return len(l.chunks) }
func (l list) At(i int) (content.Chunk, bool) { return l.chunks[i], l.disk[l.chunks[i].ID] }
func (l list) Index(id content.ID) (int, bool) {
	i := slices.IndexFunc(l.chunks, func(c content.Chunk) bool { return c.ID == id })
	return i, i >= 0
}

func item(name string, used time.Duration, chunks Chunks) Item {
	return Item{ID: content.Sum([]byte(name)), Used: used, Chunks: chunks}
}

// names tells chunks by the names they were made of.
func names(t *testing.T, r Removal, known string) string {
	t.Helper()
	var found []string
	for _, c := range r.Chunks {
		for _, n := range strings.Fields(known) {
			if chunkNamed(n) == c {
				found = append(found, n)
			}
		}
	}
	if int64(len(r.Chunks))*chunkSize != r.Bytes {
		t.Errorf("%d bytes for %d chunks", r.Bytes, len(r.Chunks))
	}
	return strings.Join(found, " ")
}

func TestSupersededGoesFirstThenTheOldestAndTheLastCopyLast(t *testing.T) {
	d := disk{}
	old, fresh, last, stale := item("old", 1, d.of("a")), item("fresh", 9, d.of("b")), item("last", 0, d.of("c")), item("stale", 8, d.of("d"))
	pinned, needed := item("pinned", 0, d.of("e")), item("needed", 0, d.of("f"))
	last.Last, stale.Superseded, pinned.Pinned, needed.Needed = true, true, true, true
	s := Shelf{Items: []Item{fresh, last, pinned, old, needed, stale}}
	if got := names(t, s.Pick(math.MaxInt64, 100, nil), "a b c d e f"); got != "d a b c" {
		t.Errorf("in the order %s", got)
	}
	if got := names(t, s.Pick(chunkSize+1, 100, nil), "a b c d e f"); got != "d a" {
		t.Errorf("for two chunks: %s", got)
	}
	if got := names(t, s.Pick(math.MaxInt64, 3, nil), "a b c d e f"); got != "d a b" {
		t.Errorf("three at most: %s", got)
	}
	s.Busy = map[content.ID]bool{chunkNamed("a").ID: true}
	if got := names(t, s.Pick(math.MaxInt64, 100, nil), "a b c d e f"); got != "d b c" {
		t.Errorf("a is busy: %s", got)
	}
}

// A chunk that several contents share goes with the last of them, and is counted once.
func TestSharedChunksGoWithTheLastContent(t *testing.T) {
	d := disk{}
	one, two := item("one", 1, d.of("a b s")), item("two", 2, d.of("s c"))
	s := Shelf{Items: []Item{one, two}}
	if got := names(t, s.Pick(2*chunkSize, 100, nil), "a b s c"); got != "a b" {
		t.Errorf("of one: %s", got)
	}
	if got := names(t, s.Pick(math.MaxInt64, 100, nil), "a b s c"); got != "a b s c" {
		t.Errorf("of both: %s", got)
	}
	two.Needed = true
	if got := names(t, Shelf{Items: []Item{one, two}}.Pick(math.MaxInt64, 100, nil), "a b s c"); got != "a b" {
		t.Errorf("while two is needed: %s", got)
	}
}

func TestRoomIsWhatQuotaAndFloorLeave(t *testing.T) {
	k := NewKeeper(Limits{MaxSize: Amount{Percent: 20}, MinFree: Amount{Percent: 10, Bytes: 5 * gib}})
	if room, why := k.Room(0); room != math.MaxInt64 || why != Nothing {
		t.Errorf("before the volume is known: %d %d", room, why)
	}
	for _, x := range []struct {
		free, total, stored, room int64
		why                       Short
	}{
		{80 * gib, 100 * gib, 5 * gib, 15 * gib, Quota},
		{12 * gib, 100 * gib, 5 * gib, 2 * gib, Floor},
		{9 * gib, 100 * gib, 5 * gib, -gib, Floor},
		{90 * gib, 100 * gib, 23 * gib, -3 * gib, Quota}, // a quota smaller than what is there at start
		{3 * gib, 6 * gib, 0, 0, Floor},                  // half of a small volume, not 5 GiB
	} {
		k.Measured(epoch, x.free, x.total, x.stored)
		if room, why := k.Room(x.stored); room != x.room || why != x.why {
			t.Errorf("%+v: room %d for %d", x, room, why)
		}
	}
	k.Measured(epoch, 12*gib, 100*gib, 5*gib)
	if room, _ := k.Room(6 * gib); room != gib {
		t.Errorf("a GiB stored since it was measured leaves %d", room)
	}
}

func TestAContentThatCanNeverFitIsRefused(t *testing.T) {
	k := NewKeeper(Limits{MaxSize: Amount{Bytes: 10 * gib}, MinFree: Amount{Bytes: 2 * gib}})
	k.Measured(epoch, 8*gib, 9*gib, 0)
	var large *TooLargeError
	if err := k.Fits(7 * gib); err != nil {
		t.Error(err)
	}
	if err := k.Fits(8 * gib); !errors.As(err, &large) || large.Why != Floor {
		t.Error(err)
	}
	if err := k.Fits(11 * gib); !errors.As(err, &large) || large.Why != Quota || !strings.Contains(err.Error(), "raise cache.max_size") {
		t.Error(err)
	}
	if err := NewKeeper(Limits{}).Fits(math.MaxInt64); err != nil {
		t.Error(err)
	}
}

// Space that others ask for is given back at once, step by step, and not one chunk more.
func TestSpaceIsGivenBack(t *testing.T) {
	d := disk{}
	var text []string
	for i := range 3000 {
		text = append(text, strconv.Itoa(i))
	}
	whole := d.of(strings.Join(text, " "))
	index := map[content.ID]int{}
	for i, c := range whole.chunks {
		index[c.ID] = i
	}
	shelf := func() Shelf { return Shelf{Items: []Item{item("x", 0, indexed{whole, index})}} }
	k := NewKeeper(Limits{MinFree: Amount{Bytes: 10 * gib}})
	k.Measured(epoch, 8*gib, 100*gib, d.stored())
	steps := 0
	for {
		r, ok := k.Take(epoch, State{Stored: d.stored(), Shelf: shelf})
		if !ok {
			break
		}
		if _, again := k.Take(epoch, State{Stored: d.stored(), Shelf: shelf}); again {
			t.Fatal("two removals at once")
		}
		for _, c := range r.Chunks {
			if !k.Leaving(c.ID) {
				t.Fatal("it is not leaving")
			}
			delete(d, c.ID)
			k.Left(c.ID)
		}
		steps++
	}
	if gone := 3000 - len(d); steps != 2 || gone != 2048 {
		t.Errorf("%d chunks in %d steps", gone, steps)
	}
}

// Who looks in vain for something that may go looks less and less often, until something has changed.
func TestLookingInVainIsRare(t *testing.T) {
	d := disk{}
	needed := item("needed", 0, d.of("a b c"))
	needed.Needed = true
	looked := 0
	shelf := func() Shelf { looked++; return Shelf{Items: []Item{needed}} }
	k := NewKeeper(Limits{MaxSize: Amount{Bytes: chunkSize}})
	k.Measured(epoch, 8*gib, 9*gib, d.stored())
	for second := range 100 {
		if _, ok := k.Take(epoch.Add(time.Duration(second)*time.Second), State{Stored: d.stored(), Shelf: shelf}); ok {
			t.Fatal("what is needed goes")
		}
	}
	if looked > 12 {
		t.Errorf("looked %d times in 100 s", looked)
	}
	needed.Needed = false
	k.Changed()
	if _, ok := k.Take(epoch.Add(101*time.Second), State{Stored: d.stored(), Shelf: shelf}); !ok {
		t.Error("it is not looked for when something has changed")
	}
}

type indexed struct {
	list
	index map[content.ID]int
}

func (x indexed) Index(id content.ID) (int, bool) { i, ok := x.index[id]; return i, ok }

func TestAgeIsTimeLived(t *testing.T) {
	var c Clock
	c.Advance(epoch)
	c.Advance(epoch.Add(time.Hour))
	if c.Lived() != time.Hour {
		t.Errorf("an hour is %s", c.Lived())
	}
	c.Advance(epoch.AddDate(1, 0, 0)) // the clock was set a year ahead
	c.Advance(epoch)                  // and back
	c.Advance(epoch.Add(time.Minute))
	if want := time.Hour + 24*time.Hour + time.Minute; c.Lived() != want {
		t.Errorf("%s, want %s", c.Lived(), want)
	}
	c = Restored(c.Lived(), epoch.Add(time.Minute))
	c.Advance(epoch.Add(time.Minute).Add(30 * 24 * time.Hour)) // switched off for a month
	if want := time.Hour + 48*time.Hour + time.Minute; c.Lived() != want {
		t.Errorf("%s, want %s", c.Lived(), want)
	}
}

func TestWhatNobodyUsesGoesWithoutNeed(t *testing.T) {
	d := disk{}
	aged, last, used := item("aged", 0, d.of("a s")), item("last", 0, d.of("b")), item("used", 2*time.Hour, d.of("c s"))
	last.Last = true
	k := NewKeeper(Limits{MaxAge: time.Hour})
	k.Remembered(epoch, Restored(2*time.Hour, epoch))
	r, ok := k.Take(epoch, State{Stored: d.stored(), Shelf: func() Shelf { return Shelf{Items: []Item{used, last, aged}} }})
	if got := names(t, r, "a b c s"); !ok || got != "a" {
		t.Errorf("%t %q", ok, got)
	}
	last.Superseded = true
	k = NewKeeper(Limits{MaxAge: time.Hour})
	k.Remembered(epoch, Restored(2*time.Hour, epoch))
	r, _ = k.Take(epoch, State{Stored: d.stored(), Shelf: func() Shelf { return Shelf{Items: []Item{used, last, aged}} }})
	if got := names(t, r, "a b c s"); got != "b a" {
		t.Errorf("the last copy of an old version: %q", got)
	}
}

func TestLimitsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]Amount{"none": {}, "20%": {Percent: 20}, "0.5%": {Percent: 0.5}, "100%": {Percent: 100}, "50GiB": {Bytes: 50 * gib}} {
		if got, err := ParseMaxSize(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "0%", "-1%", "101%", "NaN%", "off", "20", "-5GiB", "0B", "1e30TiB", "many", " 20%", "Inf%"} {
		if _, err := ParseMaxSize(text); !errors.Is(err, ErrLimit) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got, err := ParseMinFree("off"); err != nil || !got.IsZero() {
		t.Error(got, err)
	}
	if _, err := ParseMinFree("none"); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	for text, want := range map[string]time.Duration{"none": 0, "7d": 7 * day, "36h": 36 * time.Hour} {
		if got, err := ParseMaxAge(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "0d", "-1d", "1.5d", "999999d", "7", "-7h", "off", "1ms"} {
		if _, err := ParseMaxAge(text); !errors.Is(err, ErrLimit) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "65", "two"} {
		if _, err := ParseReplicas(text); !errors.Is(err, ErrLimit) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if a := Default().MinFree; a.String() != "10% or 5GiB, the larger" || a.Of(100*gib) != 10*gib || a.Of(20*gib) != 5*gib {
		t.Error(a)
	}
}

func FuzzLimits(f *testing.F) {
	for _, s := range []string{"20%", "50GiB", "none", "off", "7d", "36h", "0x1p3%", "1e3B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (Amount, error){ParseMaxSize, ParseMinFree} {
			if a, err := parse(s); err == nil && (a.Percent < 0 || a.Percent > 100 || a.Bytes < 0 || a.Of(math.MaxInt64/2) < 0) {
				t.Errorf("%q is %+v", s, a)
			}
		}
		if d, err := ParseMaxAge(s); err == nil && d < 0 {
			t.Errorf("%q is %s", s, d)
		}
	})
}
