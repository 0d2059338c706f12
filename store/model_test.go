// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

// A store is two maps. Whatever is done to it, and however often it is opened anew, it says what the maps say.
func TestAStoreIsTwoMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maps2{fs: vfs.NewMem(), chunks: map[content.ID][]byte{}, records: map[string]string{}}
		m.reopen(t)
		defer func() { m.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"put":    m.put,
			"delete": m.delete,
			"evict":  m.evict,
			"record": m.record,
			"reopen": m.reopen,
			"":       m.compare,
		})
	})
}

type maps2 struct {
	fs      vfs.FS
	store   *Store
	chunks  map[content.ID][]byte
	order   []content.ID // of arrival
	records map[string]string
}

func (m *maps2) draw(t *rapid.T, label string) Blob {
	return blob(uint64(rapid.IntRange(0, 15).Draw(t, label)), 100)
}

func (m *maps2) put(t *rapid.T) {
	var blobs []Blob
	for range rapid.IntRange(0, 4).Draw(t, "n") {
		blobs = append(blobs, m.draw(t, "chunk"))
	}
	if err := m.store.Put(blobs...); err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		if m.chunks[b.ID] == nil {
			m.order = append(m.order, b.ID)
		}
		m.chunks[b.ID] = b.Data
	}
}

func (m *maps2) forget(ids ...content.ID) {
	for _, id := range ids {
		delete(m.chunks, id)
	}
	m.order = slices.DeleteFunc(m.order, func(id content.ID) bool { return slices.Contains(ids, id) })
}

func (m *maps2) delete(t *rapid.T) {
	ids := []content.ID{m.draw(t, "one").ID, m.draw(t, "two").ID}
	if err := m.store.Delete(ids...); err != nil {
		t.Fatal(err)
	}
	m.forget(ids...)
}

func (m *maps2) evict(t *rapid.T) {
	kept := m.draw(t, "kept").ID
	n := rapid.Int64Range(0, 500).Draw(t, "bytes")
	freed, err := m.store.Evict(n, func(id content.ID) bool { return id == kept })
	if err != nil {
		t.Fatal(err)
	}
	var gone []content.ID
	for _, id := range m.order {
		if int64(len(gone))*100 < n && id != kept {
			gone = append(gone, id)
		}
	}
	if freed != int64(len(gone))*100 {
		t.Fatalf("freed %d for %d, want %d chunks", freed, n, len(gone))
	}
	m.forget(gone...)
}

func (m *maps2) record(t *rapid.T) {
	key := rapid.SampledFrom([]string{"a", "a/1", "a/2", "b\xff", "b\xff\xff", "c"}).Draw(t, "key")
	if rapid.Bool().Draw(t, "delete") {
		delete(m.records, key)
		if err := m.store.Record(Record{Key: key}); err != nil {
			t.Fatal(err)
		}
		return
	}
	value := rapid.StringN(0, 5, 20).Draw(t, "value")
	m.records[key] = value
	if err := m.store.Record(Record{key, []byte(value)}); err != nil {
		t.Fatal(err)
	}
}

func (m *maps2) reopen(t *rapid.T) {
	if m.store != nil {
		if err := m.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open("state", Options{FS: m.fs})
	if err != nil {
		t.Fatal(err)
	}
	m.store = s
}

func (m *maps2) compare(t *rapid.T) {
	var ids []content.ID
	err := m.store.Each(func(id content.ID, size uint32) bool {
		ids = append(ids, id)
		return size == 100
	})
	if want := slices.SortedFunc(maps.Keys(m.chunks), content.ID.Compare); err != nil || !slices.Equal(ids, want) {
		t.Fatalf("chunks %v, %v; want %v", ids, err, want)
	}
	for i := range uint64(16) {
		b := blob(i, 100)
		got, err := m.store.Get(b.ID, nil)
		if m.chunks[b.ID] == nil && !errors.Is(err, ErrNotFound) || !bytes.Equal(got, m.chunks[b.ID]) {
			t.Fatalf("chunk %v: %d bytes, %v", b.ID, len(got), err)
		}
	}
	if got := m.store.Stats(); got != (Stats{len(m.chunks), int64(len(m.chunks)) * 100}) {
		t.Fatalf("stats %+v", got)
	}
	for _, prefix := range []string{"", "a", "b", "b\xff", "\xff"} {
		var got, want []string
		if err := m.store.Scan(prefix, func(k string, v []byte) bool { got = append(got, fmt.Sprintf("%q=%q", k, v)); return true }); err != nil {
			t.Fatal(err)
		}
		for _, k := range slices.Sorted(maps.Keys(m.records)) {
			if len(k) >= len(prefix) && k[:len(prefix)] == prefix {
				want = append(want, fmt.Sprintf("%q=%q", k, m.records[k]))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("records of %q: %v, want %v", prefix, got, want)
		}
	}
}
