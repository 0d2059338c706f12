// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
)

const writer = "0123456789abcdef"

// exports is what a TLS connection exports.
func exports(connection string) func(string, []byte, int) ([]byte, error) {
	return func(label string, context []byte, length int) ([]byte, error) {
		sum := sha256.Sum256(slices.Concat([]byte(connection), []byte(label), context))
		return sum[:length], nil
	}
}

func agreed(t testing.TB, connection string, since uint64) Keys {
	t.Helper()
	k, err := Agree(exports(connection), since)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// opened is what the hub finds in a letter.
func opened(k Keys, raw []byte) ([]byte, error) {
	l, err := ParseLetter(raw)
	if err != nil {
		return nil, err
	}
	return k.Open(l)
}

// A host and its hub understand each other; whoever hands a letter on can change, forge, exchange and repeat nothing unnoticed.
func TestLetters(t *testing.T) {
	host, hub := agreed(t, "one", 1000), agreed(t, "one", 1000)
	for _, report := range [][]byte{nil, []byte("news"), make([]byte, MaxReport)} {
		s, err := host.Seal(writer, 2000, report)
		if err != nil {
			t.Fatal(err)
		}
		if len(report) == 4 && bytes.Contains(s.Raw, report) {
			t.Error("whoever hands it on reads it")
		}
		l, err := ParseLetter(s.Raw)
		if err != nil || l.Peer != writer || l.Since != 1000 || l.Seq != 2000 {
			t.Fatalf("%+v, %v", l, err)
		}
		if got, err := hub.Open(l); err != nil || !bytes.Equal(got, report) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		for i := 0; i < len(s.Raw); i += 1 + len(s.Raw)/100 {
			wrong := bytes.Clone(s.Raw)
			wrong[i] ^= 1
			if _, err := opened(hub, wrong); !errors.Is(err, ErrLetter) && !errors.Is(err, ErrKeys) { // another time is none of these keys
				t.Errorf("octet %d changed: %v", i, err)
			}
		}
		if _, err := opened(hub, s.Raw[:len(s.Raw)/2]); !errors.Is(err, ErrLetter) {
			t.Errorf("half of it: %v", err)
		}
		answer, err := hub.Answer(l.Seq, report)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(answer); err != nil || !bytes.Equal(got, report) {
			t.Errorf("the answer: %d bytes, %v", len(got), err)
		}
		other, err := host.Seal(writer, 2001, report)
		if err != nil {
			t.Fatal(err)
		}
		for what, wrong := range map[string][]byte{"to another letter": answer, "the letter itself": other.Raw[letterHead:], "empty": nil} {
			if _, err := other.Read(wrong); !errors.Is(err, ErrLetter) {
				t.Errorf("an answer, %s: %v", what, err)
			}
		}
	}
}

// Keys are those of one conversation, one word in it, and a day.
func TestKeysAreForADay(t *testing.T) {
	k := agreed(t, "one", 1000)
	s, err := k.Seal(writer, 1001, []byte("news"))
	if err != nil {
		t.Fatal(err)
	}
	for what, other := range map[string]Keys{"of another connection": agreed(t, "two", 1000), "of another word": agreed(t, "one", 1000-1)} {
		if _, err := opened(other, s.Raw); !errors.Is(err, ErrLetter) {
			t.Errorf("keys %s: %v", what, err)
		}
	}
	day := uint64(keysFor.Microseconds())
	for seq, want := range map[uint64]error{0: ErrKeys, 1000: ErrKeys, 1001: nil, 1000 + day: nil, 1001 + day: ErrKeys, 1<<64 - 1: ErrKeys} {
		if _, err := k.Seal(writer, seq, nil); !errors.Is(err, want) {
			t.Errorf("sealed as %d: %v", seq, err)
		}
		if _, err := k.Answer(seq, nil); !errors.Is(err, want) {
			t.Errorf("answered as %d: %v", seq, err)
		}
	}
	var none Keys
	if _, err := none.Seal(writer, 1, nil); !errors.Is(err, ErrKeys) {
		t.Errorf("under no keys: %v", err)
	}
	if _, err := opened(none, s.Raw); !errors.Is(err, ErrKeys) {
		t.Errorf("under no keys: %v", err)
	}
	if _, err := (Sent{}).Read(nil); !errors.Is(err, ErrKeys) {
		t.Errorf("under no keys: %v", err)
	}
	if _, err := Agree(exports("one"), 0); !errors.Is(err, ErrKeys) {
		t.Errorf("with a host that says no sequence: %v", err)
	}
	broken := errors.New("broken")
	if _, err := Agree(func(string, []byte, int) ([]byte, error) { return nil, broken }, 1); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestWhatIsNoLetter(t *testing.T) {
	k := agreed(t, "one", 1000)
	if _, err := k.Seal(writer, 1001, make([]byte, MaxReport+1)); !errors.Is(err, ErrLetter) {
		t.Error(err)
	}
	if _, err := k.Answer(1001, make([]byte, MaxReport+1)); !errors.Is(err, ErrLetter) {
		t.Error(err)
	}
	for _, peer := range []string{"", "till", writer + "00"} {
		if _, err := k.Seal(peer, 1001, nil); !errors.Is(err, ErrLetter) {
			t.Errorf("by %q: %v", peer, err)
		}
	}
	for _, raw := range [][]byte{nil, []byte(letterMagic), make([]byte, 100<<20), []byte("EBB-RPT\x01" + "0123456789012345678901234567890123456789012345678901234567890123456789")} {
		if _, err := ParseLetter(raw); !errors.Is(err, ErrLetter) {
			t.Errorf("%d bytes: %v", len(raw), err)
		}
	}
}

// The form of a letter: other releases must read it.
func TestLetterVector(t *testing.T) {
	s, err := agreed(t, "vector", 0x0102030405060708).Seal(writer, 0x0102030405060709, []byte("news"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(s.Raw); got != letterVector {
		t.Errorf("%s", got)
	}
}

const letterVector = "4542422d525054020123456789abcdef01020304050607080102030405060709464a5e5ffc6396d10ddf83d66f8077fb87bc7448"

func FuzzLetter(f *testing.F) {
	k := agreed(f, "one", 1000)
	s, err := k.Seal(writer, 1001, []byte("news"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Raw)
	f.Add([]byte(letterMagic))
	f.Add(binary.BigEndian.AppendUint64([]byte(letterMagic), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := ParseLetter(raw)
		if err != nil {
			return
		}
		report, err := k.Open(l)
		if err != nil {
			return
		}
		if again, err := k.Seal(l.Peer, l.Seq, report); err != nil || !bytes.Equal(again.Raw, raw) {
			t.Errorf("%x is not the one form of %x: %v", raw, report, err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	k := agreed(f, "one", 1000)
	s, err := k.Seal(writer, 1001, nil)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := k.Answer(1001, []byte("yes"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if reply, err := s.Read(raw); err == nil && (len(raw) != len(reply)+tagSize || len(reply) > MaxReport) {
			t.Errorf("%d bytes out of %d", len(reply), len(raw))
		}
	})
}
