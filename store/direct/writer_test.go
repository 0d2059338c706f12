// SPDX-License-Identifier: Apache-2.0

package direct

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

var sizes = []int{0, 1, Align - 1, Align, Align + 1, least, least + 1, Block - 1, Block, Block + 1, 3*Block + 5, 4 << 20}

func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

// shifted returns the same bytes at an address that is off by so much from a multiple of Align.
func shifted(data []byte, by int) []byte {
	room := make([]byte, len(data)+2*Align)
	room = room[int(-address(room)%Align)+by:]
	return room[:copy(room, data)]
}

func create(t testing.TB, dir string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func holds(t testing.TB, f *os.File, want []byte) {
	t.Helper()
	got, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the file holds %d bytes, %v; want others, %d of them", len(got), err, len(want))
	}
}

// spy is a file that notes how it is written, and fails when told to.
type spy struct {
	*os.File
	writes []int // sizes
	fail   func(write int, p []byte) (n int, err error)
}

func (s *spy) Write(p []byte) (int, error) {
	s.writes = append(s.writes, len(p))
	if s.fail != nil {
		if n, err := s.fail(len(s.writes)-1, p); err != nil {
			n, _ = s.File.Write(p[:n])
			return n, err
		}
	}
	return s.File.Write(p)
}

func TestEverySizeFromEveryAddress(t *testing.T) {
	for _, size := range sizes {
		data := noise(size)
		for _, by := range []int{0, 1, 512, Align - 1} {
			f := create(t, t.TempDir())
			before := shifted(data, by)
			w := NewWriter(f)
			n, err := w.Write(before)
			if err := errors.Join(err, w.Flush(), f.Sync()); err != nil || n != size || w.Offset() != int64(size) {
				t.Fatalf("%d bytes, off by %d: %d, %v", size, by, n, err)
			}
			holds(t, f, data)
			if !bytes.Equal(before, data) {
				t.Errorf("%d bytes, off by %d: the data was changed", size, by)
			}
		}
	}
}

func TestAnyPiecesMakeTheSameFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := noise(5<<20 + 17)
	pieces := []int{1, 100, Align, least - 1, least, 3 * least, Block, Block + Align, 2*Block + 1}
	for range 30 {
		f := create(t, t.TempDir())
		w := NewWriter(f)
		for at := 0; at < len(data); {
			piece := data[at:min(len(data), at+pieces[rng.IntN(len(pieces))])]
			var err error
			switch rng.IntN(8) {
			case 0:
				piece = shifted(piece, at%Align) // goes straight to the disk
				_, err = w.Write(piece)
			case 1: // somebody else writes it
				if err = w.Flush(); err == nil {
					_, err = f.Write(piece)
					w.Skip(int64(len(piece)))
				}
			case 2:
				_, err = w.Write(piece)
				err = errors.Join(err, w.Flush())
			default:
				_, err = w.Write(piece)
			}
			if err != nil {
				t.Fatal(err)
			}
			at += len(piece)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		holds(t, f, data)
	}
}

func TestTheDescriptorStaysOrdinary(t *testing.T) {
	f := create(t, t.TempDir())
	data := noise(Block)
	w := NewWriter(f)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	odd := shifted(make([]byte, 1001), 1)
	if _, err := f.ReadAt(odd, 777); err != nil || !bytes.Equal(odd, data[777:][:1001]) {
		t.Errorf("reading at an odd place: %v", err)
	}
	if _, err := f.WriteAt([]byte("x"), 777); err != nil {
		t.Errorf("writing at an odd place: %v", err)
	}
}

// A file system that takes the flag and refuses the write, at once or after part of it.
func TestARefusedWriteGoesTheOrdinaryWay(t *testing.T) {
	data := shifted(noise(3*Block+5), 0)
	for _, errno := range []syscall.Errno{syscall.EINVAL, syscall.EOPNOTSUPP} {
		for _, kept := range []int{0, Align, Block + Align} {
			s := &spy{File: create(t, t.TempDir()), fail: func(write int, _ []byte) (int, error) {
				if write == 0 {
					return kept, &os.PathError{Op: "write", Err: errno}
				}
				return 0, nil
			}}
			w := NewWriter(s)
			w.probed = true // whatever the file system is
			_, err := w.Write(data)
			if err := errors.Join(err, w.Flush()); err != nil {
				t.Fatalf("%v after %d bytes: %v", errno, kept, err)
			}
			holds(t, s.File, data)
			if want := []int{3 * Block, 3*Block - kept, 5}; !slices.Equal(s.writes, want) {
				t.Errorf("%v after %d bytes: writes of %d, want %d", errno, kept, s.writes, want)
			}
		}
	}
}

func TestAnErrorStays(t *testing.T) {
	data := shifted(noise(2*Block), 1)
	for failing := range 2 {
		s := &spy{File: create(t, t.TempDir()), fail: func(write int, _ []byte) (int, error) {
			if write == failing {
				return Align, syscall.ENOSPC
			}
			return 0, nil
		}}
		w := NewWriter(s)
		_, err := w.Write(data)
		_, again := w.Write(data[:10])
		for _, err := range []error{err, again, w.Flush(), w.Flush()} {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("write %d fails: %v", failing, err)
			}
		}
		want := failing*Block + Align
		if len(s.writes) != failing+1 || w.Offset() != int64(want) {
			t.Errorf("writes of %d up to %d after a failed one", s.writes, w.Offset())
		}
		holds(t, s.File, data[:want])
	}
}

func TestWhatIsNotWorthItIsWrittenAtOnce(t *testing.T) {
	s := &spy{File: create(t, t.TempDir())}
	w := Ordinary(s)
	data := noise(2*Block + 3)
	for _, part := range [][]byte{data[:10], data[10:Block], data[Block:]} {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, s.File, data)
	if len(s.writes) != 3 {
		t.Errorf("writes of %d", s.writes)
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte{0, 255, 3, 17, 200, 91})
	f.Add([]byte{255, 255, 255, 255, 1, 0, 128})
	source := noise(3 << 20)
	f.Fuzz(func(t *testing.T, steps []byte) {
		file, w, want := create(t, t.TempDir()), (*Writer)(nil), []byte(nil)
		w = NewWriter(file)
		for _, step := range steps[:min(len(steps), 12)] {
			piece := source[:int(step)*int(step)*17]
			if step&1 == 1 {
				piece = shifted(piece, len(want)%Align)
			}
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			want = append(want, piece...)
			if step&2 == 2 && w.Flush() != nil {
				t.Fatal(w.err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		holds(t, file, want)
	})
}
