// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What is encoded is read again as it was, and encoded again to the same bytes.
func TestManifestsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest().Draw(t, "manifest")
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != m.encodedSize() {
			t.Fatalf("encoded in %d bytes, foretold %d", len(b), m.encodedSize())
		}
		back, err := ParseManifest(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, m) {
			t.Fatalf("got %+v\nwant %+v", back, m)
		}
		again, err := back.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x, %v\nwant %x", again, err, b)
		}
	})
}

// There is one encoding only: whatever one changed bit makes of it is another
// manifest, or none.
func TestChangedBitsAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest().Draw(t, "manifest")
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, 8*len(b)-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		back, err := ParseManifest(b)
		if err != nil {
			return
		}
		if reflect.DeepEqual(back, m) {
			t.Fatalf("a changed bit %d is read as if it was not", bit)
		}
		if again, err := back.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x, %v\nwant %x", again, err, b)
		}
	})
}

// Nothing that is cut off is a manifest, nor is anything with bytes behind it.
func TestNoManifestIsTheStartOfAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest().Draw(t, "manifest")
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseManifest(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("read though cut off")
		}
		if _, err := ParseManifest(append(b, rapid.Byte().Draw(t, "more"))); err == nil {
			t.Fatal("read though a byte follows")
		}
	})
}

// Cover returns exactly the chunks that hold a byte of the range.
func TestCoverIsWhatOverlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest().Draw(t, "manifest")
		l := m.Layout()
		if l.Size() != m.Size() {
			t.Fatalf("layout of %d bytes for %d", l.Size(), m.Size())
		}
		offset := rapid.Int64Range(-10, l.Size()+10).Draw(t, "offset")
		length := rapid.Int64Range(-10, l.Size()+10).Draw(t, "length")
		first, end := l.Cover(offset, length)
		for i := range m.Chunks {
			at, n := l.ChunkRange(i)
			if n != int64(m.Chunks[i].Size) {
				t.Fatalf("chunk %d: %d bytes, want %d", i, n, m.Chunks[i].Size)
			}
			overlaps := max(at, offset) < min(at+n, offset+length)
			if covered := first <= i && i < end; covered != overlaps {
				t.Fatalf("bytes %d+%d: chunks %d to %d; chunk %d is %d+%d", offset, length, first, end, i, at, n)
			}
		}
	})
}

// A Layout and the manifest agree on where files are, and files lie end to end.
func TestFilesLieEndToEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyManifest().Draw(t, "manifest")
		l := m.Layout()
		var end int64
		for i, e := range m.Entries {
			offset, length := l.FileRange(i)
			if o, n := m.FileRange(i); o != offset || n != length {
				t.Fatalf("entry %d: %d+%d by the layout, %d+%d by the manifest", i, offset, length, o, n)
			}
			if offset != end || length != e.Size {
				t.Fatalf("entry %d: %d+%d, want %d+%d", i, offset, length, end, e.Size)
			}
			end += length
		}
		if end != l.Size() {
			t.Fatalf("files end at %d of %d", end, l.Size())
		}
	})
}
