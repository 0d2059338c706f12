// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

var testSecret = bytes.Repeat([]byte{0x5a}, SecretSize)

// both gives a sealer and the opener at the other end, which change keys every limit datagrams.
func both(t testing.TB, limit uint64) (*Sealer, *Opener) {
	t.Helper()
	s, _, err := Derive(testSecret, true)
	if err != nil {
		t.Fatal(err)
	}
	_, o, err := Derive(testSecret, false)
	if err != nil {
		t.Fatal(err)
	}
	s.limit = limit
	return s, o
}

func plaintext(sequence uint64) []byte { return fmt.Appendf(nil, "datagram %d", sequence) }

func sealed(t testing.TB, s *Sealer, sequence uint64) []byte {
	t.Helper()
	d := append(make([]byte, HeaderSize, 64), plaintext(sequence)...)
	d, err := s.Seal(d, Header{Connection: 7, Sequence: sequence})
	if err != nil {
		t.Fatalf("seal %d: %v", sequence, err)
	}
	return d
}

// opens wants d to open as what sealed made.
func opens(t testing.TB, o *Opener, d []byte, sequence uint64) {
	t.Helper()
	h, plain, err := o.Open(bytes.Clone(d))
	if err != nil {
		t.Fatalf("open %d: %v (%s)", sequence, err, o)
	}
	if h != (Header{Connection: 7, Sequence: sequence}) || !bytes.Equal(plain, plaintext(sequence)) {
		t.Fatalf("opened %+v %q, want sequence %d", h, plain, sequence)
	}
}

func refuses(t testing.TB, o *Opener, d []byte, want error) {
	t.Helper()
	if _, plain, err := o.Open(bytes.Clone(d)); !errors.Is(err, want) || plain != nil {
		t.Fatalf("open: %q, %v, want %v (%s)", plain, err, want, o)
	}
}

func TestEachEndOpensOnlyWhatTheOtherSealed(t *testing.T) {
	clientOut, clientIn, _ := Derive(testSecret, true)
	serverOut, serverIn, _ := Derive(testSecret, false)
	opens(t, serverIn, sealed(t, clientOut, 1), 1)
	opens(t, clientIn, sealed(t, serverOut, 1), 1)
	refuses(t, clientIn, sealed(t, clientOut, 2), ErrForged) // reflected by an attacker
	refuses(t, serverIn, sealed(t, serverOut, 2), ErrForged)
}

func TestSecretMustHaveItsSize(t *testing.T) {
	for _, n := range []int{0, 16, SecretSize - 1, SecretSize + 1} {
		if _, _, err := Derive(make([]byte, n), true); err == nil {
			t.Errorf("a secret of %d bytes was taken", n)
		}
	}
}

// RFC 9001 section 6.6, and the package comment: no window may span three generations.
func TestLimitsAreThoseOfTheRFC(t *testing.T) {
	s, o, err := Derive(testSecret, true)
	if err != nil {
		t.Fatal(err)
	}
	if s.limit > 1<<23 || s.limit <= Window || o.limit > 1<<52 {
		t.Errorf("a key seals %d datagrams and %d forgeries may be tried", s.limit, o.limit)
	}
}

func TestOtherProtocolsAreNotSealed(t *testing.T) {
	_, o := both(t, updateAfter)
	for first := range 256 {
		d := make([]byte, 64)
		d[0] = byte(first)
		want := ErrNotSealed
		if first&^phaseBit == form {
			want = ErrForged
		}
		refuses(t, o, d, want)
	}
	s, _ := both(t, updateAfter)
	refuses(t, o, sealed(t, s, 1)[:Overhead-1], ErrNotSealed)
	refuses(t, o, nil, ErrNotSealed)
}

// RFC 8446 section 5.3: "Each AEAD algorithm will specify a range of possible lengths for the per-record nonce"; ours
// must never repeat under one key.
func TestNoNonceTwice(t *testing.T) {
	s, _ := both(t, updateAfter)
	sealed(t, s, 10)
	for _, sequence := range []uint64{10, 9, 0} {
		if _, err := s.Seal(make([]byte, HeaderSize, 64), Header{Sequence: sequence}); !errors.Is(err, ErrSequence) {
			t.Errorf("sequence %d after 10: %v, want ErrSequence", sequence, err)
		}
	}
	sealed(t, s, MaxSequence)
	if _, err := s.Seal(make([]byte, HeaderSize, 64), Header{Sequence: MaxSequence + 1}); !errors.Is(err, ErrExhausted) {
		t.Errorf("after the last sequence number: %v, want ErrExhausted", err)
	}
}

func TestSealNeedsRoom(t *testing.T) {
	s, _ := both(t, updateAfter)
	for _, d := range [][]byte{nil, make([]byte, HeaderSize-1, 64), make([]byte, HeaderSize, Overhead-1)} {
		if _, err := s.Seal(d, Header{Sequence: 5}); !errors.Is(err, ErrNoRoom) {
			t.Errorf("len %d cap %d: %v, want ErrNoRoom", len(d), cap(d), err)
		}
	}
	if _, err := s.Seal(make([]byte, HeaderSize, Overhead), Header{Sequence: 5}); err != nil {
		t.Errorf("exact room, and number 5 not used yet: %v", err)
	}
}

// RFC 4303 section 3.4.3: "Packets that are to the left of the window [...] MUST be rejected"; duplicates too.
func TestWindowLetsEachNumberInOnce(t *testing.T) {
	s, o := both(t, updateAfter)
	var all [][]byte
	for i := range uint64(3 * Window) {
		all = append(all, sealed(t, s, i))
	}
	opens(t, o, all[2*Window], 2*Window)
	refuses(t, o, all[2*Window], ErrReplayed)
	refuses(t, o, all[Window], ErrReplayed) // one too old
	opens(t, o, all[Window+1], Window+1)    // the oldest that is let in
	refuses(t, o, all[Window+1], ErrReplayed)
	opens(t, o, all[2*Window-1], 2*Window-1)
	opens(t, o, all[3*Window-1], 3*Window-1) // what was seen leaves the window
	opens(t, o, all[2*Window+5], 2*Window+5)
	refuses(t, o, all[2*Window], ErrReplayed)
}

func TestForgedNumbersDoNotMoveTheWindow(t *testing.T) {
	s, o := both(t, updateAfter)
	first, second := sealed(t, s, 1), sealed(t, s, 2)
	opens(t, o, second, 2)
	forged := bytes.Clone(second)
	Header{Connection: 7, Sequence: MaxSequence}.put(forged, 0)
	refuses(t, o, forged, ErrForged)
	Header{Connection: 7, Sequence: MaxSequence}.put(forged, 1) // as if keys had changed
	refuses(t, o, forged, ErrForged)
	opens(t, o, first, 1)
}

// RFC 9001 section 6: the phase tells the receiver; datagrams of both generations arrive mixed around the change.
func TestKeysChangeUnderReordering(t *testing.T) {
	s, o := both(t, Window+8)
	var all [][]byte
	for i := range uint64(2*Window + 40) {
		all = append(all, sealed(t, s, i))
	}
	const change, second = Window + 8, 2*Window + 16
	if all[change-1][0] != form || all[change][0] != form|phaseBit || all[second][0] != form {
		t.Fatalf("phases around the changes: %x %x %x", all[change-1][0], all[change][0], all[second][0])
	}
	opens(t, o, all[change-2], change-2)
	opens(t, o, all[change+2], change+2) // the second one of the new generation comes first
	opens(t, o, all[change-1], change-1) // old key
	opens(t, o, all[change], change)     // new key, below the number that changed it
	opens(t, o, all[change-Window+4], change-Window+4)
	refuses(t, o, all[change-2], ErrReplayed)
	if o.before == nil {
		t.Fatal("the old key went while its datagrams could still come")
	}
	opens(t, o, all[change+2+Window-1], change+2+Window-1)
	if o.before != nil {
		t.Fatal("the old key stays though the window refuses all its datagrams")
	}
	opens(t, o, all[second], second)
	opens(t, o, all[second-1], second-1)
	if o.gen.number != 2 {
		t.Fatalf("want generation 2: %s", o)
	}
}

func TestFlippedPhaseIsForged(t *testing.T) {
	s, o := both(t, updateAfter)
	d := sealed(t, s, 3)
	d[0] ^= phaseBit
	refuses(t, o, d, ErrForged)
	opens(t, o, sealed(t, s, 4), 4)
	refuses(t, o, d, ErrForged) // and where no key of that phase is left
	if o.gen.number != 0 {
		t.Fatalf("a forged phase changed the keys: %s", o)
	}
}

// RFC 9001 section 6.6: "If the total number of received packets that fail authentication [...] exceeds the integrity
// limit, the endpoint MUST immediately close the connection".
func TestTooManyForgeriesEndTheConversation(t *testing.T) {
	s, o := both(t, updateAfter)
	o.limit = 3
	for i := range uint64(3) {
		d := sealed(t, s, i)
		d[HeaderSize]++
		refuses(t, o, d, ErrForged)
	}
	refuses(t, o, sealed(t, s, 9), ErrExhausted)
	if o.Rejected() != 3 {
		t.Errorf("rejected %d, want 3", o.Rejected())
	}
}

func TestStatePrintsNoKeys(t *testing.T) {
	s, o := both(t, 2)
	for i := range uint64(5) {
		opens(t, o, sealed(t, s, i), i)
	}
	if got, want := s.String(), "sealer generation=2 sealed=1 next=5"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := o.String(), "opener generation=2 before=true top=5 forged=0 replayed=0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	s, o := both(t, updateAfter)
	buf := make([]byte, HeaderSize+1400, Overhead+1400)
	var sequence uint64
	n := testing.AllocsPerRun(100, func() {
		sequence++
		d, err := s.Seal(buf, Header{Sequence: sequence})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.Open(d); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a datagram, want none", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{1400, 8000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, _ := both(b, updateAfter)
			buf := make([]byte, HeaderSize+size, Overhead+size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var sequence uint64
			for b.Loop() {
				if _, err := s.Seal(buf, Header{Sequence: sequence}); err != nil {
					b.Fatal(err)
				}
				sequence++
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{1400, 8000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, o := both(b, updateAfter)
			d, err := s.Seal(make([]byte, HeaderSize+size, Overhead+size), Header{Sequence: 1})
			if err != nil {
				b.Fatal(err)
			}
			work := make([]byte, len(d))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(work, d)
				o.window = window{} // so that the same datagram opens again
				if _, _, err := o.Open(work); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	s, _ := both(f, 2)
	for i := range uint64(4) {
		f.Add(sealed(f, s, i))
	}
	f.Add([]byte{})
	f.Add(binary.BigEndian.AppendUint64(bytes.Repeat([]byte{form}, Overhead), 1))
	// Whatever comes in, only the very bytes that a Sealer made open, and the state stays usable.
	f.Fuzz(func(t *testing.T, d []byte) {
		s, o := both(t, 2)
		var genuine [4][]byte
		for i := range genuine {
			genuine[i] = sealed(t, s, uint64(i))
		}
		_, _, err := o.Open(bytes.Clone(d))
		if known := slices.ContainsFunc(genuine[:], func(g []byte) bool { return bytes.Equal(g, d) }); known != (err == nil) {
			t.Fatalf("genuine %t, but open says %v: %x", known, err, d)
		}
		if err == nil {
			refuses(t, o, d, ErrReplayed)
			return
		}
		next, _ := both(t, updateAfter)
		opens(t, o, sealed(t, next, 100), 100)
	})
}
