// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

// host is a machine whose contents come and go, whose operator changes his mind, and whose volume others fill and clear.
type host struct {
	*rapid.T
	now     time.Time
	limits  Limits
	keeper  *Keeper
	disk    disk
	items   []Item
	others  int64 // bytes of the volume that are not ours
	missing int64 // of the running flow
}

const volume = 512 << 20

func newHost(t *rapid.T) *host {
	draw := func(label string) Amount {
		return rapid.SampledFrom([]Amount{{}, {Bytes: 20 << 20}, {Bytes: 100 << 20}, {Percent: 10}, {Percent: 50}}).Draw(t, label)
	}
	h := &host{T: t, now: epoch, disk: disk{}, limits: Limits{MaxSize: draw("quota"), MinFree: draw("floor"),
		MaxAge: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "age")}}
	h.keeper = NewKeeper(h.limits)
	for n := range rapid.IntRange(1, 6).Draw(t, "contents") {
		var text string
		for range rapid.IntRange(1, 30).Draw(t, "chunks") {
			text += fmt.Sprintf("%d ", rapid.IntRange(0, 90).Draw(t, "chunk"))
		}
		l := disk{}.of(text)
		slices.SortFunc(l.chunks, func(a, b content.Chunk) int { return a.ID.Compare(b.ID) })
		l.chunks = slices.Compact(l.chunks)
		l.disk = h.disk
		h.items = append(h.items, item(fmt.Sprint(n), 0, l))
	}
	h.measure()
	return h
}

func (h *host) free() int64 { return volume - h.others - h.disk.stored() }
func (h *host) measure()    { h.keeper.Measured(h.now, h.free(), volume, h.disk.stored()) }
func (h *host) shelf() Shelf {
	return Shelf{Items: h.items, Busy: map[content.ID]bool{chunkNamed("7").ID: true}}
}

// keep is what must not go now.
func (h *host) keep(id content.ID) bool {
	return id == chunkNamed("7").ID || slices.ContainsFunc(h.items, func(x Item) bool {
		_, in := x.Chunks.Index(id)
		return in && (x.Needed || x.Pinned)
	})
}

// settle lets the keeper do what it will, and holds its promises against it.
func (h *host) settle() {
	for steps := 0; ; steps++ {
		if steps > 200 {
			h.Fatal("it does not end")
		}
		r, ok := h.keeper.Take(h.now, State{Stored: h.disk.stored(), Coming: h.missing, Shelf: h.shelf})
		if !ok {
			break
		}
		for _, c := range r.Chunks {
			if !h.disk[c.ID] || h.keep(c.ID) {
				h.Fatalf("chunk %s goes; held %t, kept %t", c.ID.Short(), h.disk[c.ID], h.keep(c.ID))
			}
			delete(h.disk, c.ID)
			h.keeper.Left(c.ID)
		}
		h.measure()
	}
	left := h.shelf().Pick(1, 1, nil)
	if room, why := h.keeper.Room(h.disk.stored()); room < 0 && len(left.Chunks) > 0 && !h.keeper.lookAt.After(h.now) {
		h.Fatalf("%d bytes over the limit %d, and %s could go: %s", -room, why, left.Chunks[0].ID.Short(), h.keeper)
	}
}

// flow fetches what a content misses, as much as the room allows.
func (h *host) flow() {
	x := &h.items[rapid.IntRange(0, len(h.items)-1).Draw(h.T, "which")]
	x.Needed, x.Used = true, h.keeper.Lived()
	h.keeper.Changed()
	h.missing = 0
	for i := range x.Chunks.Len() {
		if c, held := x.Chunks.At(i); !held {
			h.missing += int64(c.Size)
		}
	}
	for i := range x.Chunks.Len() {
		c, held := x.Chunks.At(i)
		if held {
			continue
		}
		h.settle()
		if room, _ := h.keeper.Room(h.disk.stored()); room < int64(c.Size) {
			return // it waits
		}
		h.disk[c.ID] = true
		h.missing -= int64(c.Size)
		if q := h.keeper.Quota(); h.disk.stored() > q {
			h.Fatalf("%d bytes stored, the quota is %d", h.disk.stored(), q)
		}
		if f := h.keeper.Floor(); !h.limits.MinFree.IsZero() && h.free() < f {
			h.Fatalf("we filled the volume: %d bytes are free, the floor is %d", h.free(), f)
		}
	}
	x.Needed = rapid.Bool().Draw(h.T, "goes on")
	h.missing = 0
	h.keeper.Changed()
}

func TestQuotaAndFloorHoldWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(t)
		pick := func() *Item { return &h.items[rapid.IntRange(0, len(h.items)-1).Draw(t, "item")] }
		t.Repeat(map[string]func(*rapid.T){
			"flow": func(t *rapid.T) { h.T = t; h.flow() },
			"steer": func(t *rapid.T) {
				h.T = t
				x := pick()
				x.Needed, x.Pinned = rapid.Bool().Draw(t, "needed"), rapid.Bool().Draw(t, "pinned")
				x.Superseded, x.Last = rapid.Bool().Draw(t, "superseded"), rapid.Bool().Draw(t, "last")
				h.keeper.Changed()
			},
			"others": func(t *rapid.T) {
				h.T = t
				h.others = rapid.Int64Range(0, volume-h.disk.stored()).Draw(t, "bytes")
				h.measure()
			},
			"time": func(t *rapid.T) {
				h.now = h.now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(48*time.Hour)).Draw(t, "passes")))
				h.measure()
			},
			"": func(t *rapid.T) { h.T = t; h.settle() },
		})
	})
}
