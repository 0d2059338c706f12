// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	chunkers "github.com/PlakarKorp/go-cdc-chunkers"
)

// random is n bytes without any pattern.
func random(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// cutAll returns the chunks of r and checks what holds for every stream.
func cutAll(t testing.TB, r io.Reader, want []byte) []Chunk {
	t.Helper()
	var chunks []Chunk
	c := NewChunker(r)
	for {
		data, err := c.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 || len(data) > MaxChunk || len(data) > len(want) {
			t.Fatalf("a chunk of %d bytes, %d are left", len(data), len(want))
		}
		if len(data) < MinChunk && len(data) != len(want) {
			t.Fatalf("a chunk of %d bytes that is not the last", len(data))
		}
		if !bytes.Equal(data, want[:len(data)]) {
			t.Fatal("the chunk is not the stream's next bytes")
		}
		want = want[len(data):]
		chunks = append(chunks, Chunk{Sum(data), uint32(len(data))})
	}
	if len(want) != 0 {
		t.Fatalf("ended %d bytes early", len(want))
	}
	if data, err := c.Next(); len(data) != 0 || err != io.EOF {
		t.Fatalf("behind the end: %d bytes, %v", len(data), err)
	}
	return chunks
}

func TestChunksAtTheEdges(t *testing.T) {
	// Zeroes never meet a cut point, so that the length alone decides.
	for _, c := range []struct{ size, chunks int }{
		{0, 0}, {1, 1}, {MinChunk - 1, 1}, {MinChunk, 1}, {MinChunk + 1, 1},
		{AvgChunk, 1}, {MaxChunk - 1, 1}, {MaxChunk, 1}, {MaxChunk + 1, 2},
		{2*MaxChunk - 1, 2}, {2 * MaxChunk, 2}, {2*MaxChunk + MinChunk, 3},
	} {
		data := make([]byte, c.size)
		if got := cutAll(t, bytes.NewReader(data), data); len(got) != c.chunks {
			t.Errorf("%d zeroes: %d chunks, want %d", c.size, len(got), c.chunks)
		}
	}
}

// Where the cuts are does not depend on how the bytes arrive.
func TestCutsAreThoseOfTheBytesAlone(t *testing.T) {
	data := random(1, 12<<20)
	want := cutAll(t, bytes.NewReader(data), data)
	if len(want) < 5 {
		t.Fatalf("only %d chunks", len(want))
	}
	for name, r := range map[string]io.Reader{
		"half reads":     iotest.HalfReader(bytes.NewReader(data)),
		"eof with data":  iotest.DataErrReader(bytes.NewReader(data)),
		"4095 at a time": struct{ io.Reader }{&smallReads{data: data, size: 4095}},
		"1 at a time":    struct{ io.Reader }{&smallReads{data: data, size: 1}},
	} {
		got := cutAll(t, r, data)
		if !equalChunks(got, want) {
			t.Errorf("%s: other chunks", name)
		}
	}
}

type smallReads struct {
	data []byte
	size int
}

func (r *smallReads) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(r.size, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

func equalChunks(a, b []Chunk) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Our loop finds the library's cut points, whatever the bytes are like: random,
// all the same, short periods, and long runs between random stretches, over
// lengths that leave every remainder to the unrolled part.
func TestCutsAreThoseOfTheLibrary(t *testing.T) {
	streams := [][]byte{nil, {1}, make([]byte, 9<<20)}
	for seed := range byte(16) {
		streams = append(streams, random(seed, 5<<20+int(seed)))
	}
	for period := 1; period < 300; period += 73 {
		streams = append(streams, bytes.Repeat(random(byte(period), period), 6<<20/period))
	}
	for n := MinChunk - 2; n < MinChunk+7; n++ {
		streams = append(streams, random(3, n), random(3, n+AvgChunk-MinChunk))
	}
	mixed := random(7, 8<<20)
	for i := range mixed {
		if i>>18&1 == 0 {
			mixed[i] = byte(i >> 12)
		}
	}
	for i, data := range append(streams, mixed) {
		ours, library := cutLengths(t, fastCutName, data), cutLengths(t, algorithm, data)
		if len(ours) != len(library) {
			t.Fatalf("stream %d: %d chunks, library %d", i, len(ours), len(library))
		}
		for k := range ours {
			if ours[k] != library[k] {
				t.Fatalf("stream %d: chunk %d has %d bytes, library %d", i, k, ours[k], library[k])
			}
		}
	}
}

func cutLengths(t *testing.T, name string, data []byte) []int {
	t.Helper()
	c, err := chunkers.NewChunker(name, bytes.NewReader(data),
		&chunkers.ChunkerOpts{MinSize: MinChunk, NormalSize: AvgChunk, MaxSize: MaxChunk})
	if err != nil {
		t.Fatal(err)
	}
	var lengths []int
	for {
		chunk, err := c.Next()
		if len(chunk) > 0 {
			lengths = append(lengths, len(chunk))
		}
		if err != nil {
			return lengths
		}
	}
}

// What is put in, taken out or written over in the middle of a stream costs the
// chunks there and few behind; nothing in front of it changes at all.
func TestEditsStayLocal(t *testing.T) {
	data := random(5, 16<<20)
	before := cutAll(t, bytes.NewReader(data), data)
	r := rand.New(rand.NewPCG(5, 5))
	const rounds = 24
	moved := 0
	for range rounds {
		at := r.IntN(len(data))
		out := min(r.IntN(1000), len(data)-at)
		edited := bytes.Join([][]byte{data[:at], random(byte(out), r.IntN(1000)), data[at+out:]}, nil)
		after := cutAll(t, bytes.NewReader(edited), edited)

		known := map[ID]bool{}
		for _, c := range before {
			known[c.ID] = true
		}
		end := 0
		for i, c := range after {
			// A cut is decided by the bytes up to the one behind it.
			if end += int(c.Size); end < at && c != before[i] {
				t.Fatalf("edit at %d: the chunk that ends at %d changed", at, end)
			}
			if !known[c.ID] {
				moved++
			}
		}
	}
	if moved > 3*rounds {
		t.Errorf("%d new chunks after %d edits: want at most three each", moved, rounds)
	}
	t.Logf("%d new chunks after %d edits in %d chunks", moved, rounds, len(before))
}

func TestChunkSizesAreAsAimed(t *testing.T) {
	data := random(9, 64<<20)
	chunks := cutAll(t, bytes.NewReader(data), data)
	mean := len(data) / len(chunks)
	if mean < AvgChunk*3/4 || mean > AvgChunk*3/2 {
		t.Errorf("chunks of random bytes have %d bytes on average, aimed at %d", mean, AvgChunk)
	}
	t.Logf("mean %d bytes", mean)
}

var errDisk = errors.New("the disk is on fire")

func TestReadersErrorEndsTheStream(t *testing.T) {
	for _, size := range []int{0, 100, MinChunk, 5 << 20} {
		c := NewChunker(io.MultiReader(bytes.NewReader(random(2, size)), iotest.ErrReader(errDisk)))
		n := 0
		var err error
		for err == nil {
			var data []byte
			data, err = c.Next()
			n += len(data)
		}
		if !errors.Is(err, errDisk) || n == size && size > 0 {
			t.Errorf("%d bytes, then an error: got %d bytes and %v", size, n, err)
		}
		if _, again := c.Next(); !errors.Is(again, errDisk) {
			t.Errorf("asked again after an error: %v", again)
		}
	}
}

// A reader that failed because something below it ended too early has not ended.
func TestWrappedEndIsNoEnd(t *testing.T) {
	torn := fmt.Errorf("reading the archive: %w", io.EOF)
	c := NewChunker(io.MultiReader(bytes.NewReader(random(2, 100)), iotest.ErrReader(torn)))
	if data, err := c.Next(); len(data) != 0 || err != torn {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// One Chunker takes its buffer and nothing more, however long the stream is.
func TestChunkerAllocatesOnce(t *testing.T) {
	data := random(4, 32<<20)
	c := NewChunker(bytes.NewReader(data))
	if got := testing.AllocsPerRun(10, func() {
		if _, err := c.Next(); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations a chunk", got)
	}
}
