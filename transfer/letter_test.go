// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the room for each piece, and however often a writer gives a letter up for a newer one: those that arrive are whole and as they were
// written, the last of each kind is among them, and none of a kind comes after a newer one.
func TestLettersArriveWholeOrNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var from, to letters
		last, heard := map[LetterKind]Letter{}, map[LetterKind]uint64{}
		pass := func() {
			piece, ok := from.cut(rapid.IntRange(MinMessage, MaxControl).Draw(t, "room"))
			if !ok {
				return
			}
			m, err := Parse(piece.Append(nil))
			if err != nil {
				t.Fatalf("%v: %v", piece, err)
			}
			whole, ok, fault := to.arrived(m.(Letter))
			switch {
			case fault != "":
				t.Fatalf("%v: %s", piece, fault)
			case ok && (whole.Number <= heard[whole.Kind] || !bytes.Equal(whole.Bytes, bytesOf(idOf(byte(whole.Number)), len(whole.Bytes)))):
				t.Fatalf("%v after %d", whole, heard[whole.Kind])
			case ok:
				heard[whole.Kind] = whole.Number
			}
		}
		for i := range rapid.IntRange(1, 20).Draw(t, "letters") {
			m := Letter{Kind: LetterKind(rapid.IntRange(0, 1).Draw(t, "kind")), Number: uint64(i + 1)}
			m.Bytes = bytesOf(idOf(byte(m.Number)), rapid.IntRange(1, MaxLetter).Draw(t, "bytes"))
			m.Total = uint32(len(m.Bytes))
			from.put(m)
			last[m.Kind] = m
			for range rapid.IntRange(0, 20).Draw(t, "pieces") {
				pass()
			}
		}
		for from.waiting.len() > 0 {
			pass()
		}
		for kind, m := range last {
			if heard[kind] != m.Number {
				t.Fatalf("%v was never heard, the last was %d", m, heard[kind])
			}
		}
	})
}

func TestALetterThatIsTooLongIsNotSaid(t *testing.T) {
	hello := Hello{MinVersion: 1, MaxVersion: 1, Capabilities: []string{CapabilityRelay}}
	s := New(dawn, Config{Hello: hello})
	if err := s.Deliver(dawn, hello.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for _, m := range []Letter{{Number: 1}, {Number: 1, Bytes: make([]byte, MaxLetter+1)}, {Bytes: []byte("x")},
		{Kind: LetterAnswer, Number: 1, Next: 2 * MaxNext, Bytes: []byte("x")}} {
		if err := s.Letter(dawn, m); !errors.Is(err, ErrInvalid) || s.letters.waiting.len() > 0 {
			t.Errorf("%v: %v", m, err)
		}
	}
}
