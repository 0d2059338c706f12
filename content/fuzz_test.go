// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// addFiles adds the vectors of testdata to a fuzz target's seeds.
func addFiles(f *testing.F, pattern string) {
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		f.Fatalf("no %s in testdata: %v", pattern, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever is accepted is valid, and is the only encoding of what it says.
func FuzzParseManifest(f *testing.F) {
	addFiles(f, "*.manifest")
	f.Add(single().bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			var format *FormatError
			var name *NameError
			if m != nil || !errors.As(err, &format) && !errors.As(err, &name) {
				t.Fatalf("%v with %v", m, err)
			}
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x, %v\nwant %x", again, err, b)
		}
		l := m.Layout()
		if first, end := l.Cover(0, l.Size()); l.Size() != m.Size() || first != 0 || end != len(m.Chunks) {
			t.Fatalf("%d bytes are covered by chunks %d to %d", m.Size(), first, end)
		}
	})
}

// A signed manifest is parted and put together again, and nobody's signature
// can be guessed.
func FuzzParseSigned(f *testing.F) {
	addFiles(f, "*.signed")
	key := public(publisher(200)) // pinned here, and has signed nothing
	f.Add(append(append([]byte(signedMagic), key...), make([]byte, ed25519.SignatureSize)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSigned(b)
		if err != nil {
			if s != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v with %v", s, err)
			}
			return
		}
		if again := s.Encode(); !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x\nwant %x", again, b)
		}
		if _, err := s.Verify([]ed25519.PublicKey{key}, created); !errors.Is(err, ErrUnknownPublisher) && !errors.Is(err, ErrSignature) {
			t.Fatalf("verified: %v", err)
		}
	})
}

// There is one text for an id and one for a key.
func FuzzTexts(f *testing.F) {
	f.Add(emptyID)
	f.Add(MarshalPublisherKey(public(publisher(1))))
	f.Add(MarshalPublisherSecret(publisher(1)))
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && id.String() != s {
			t.Errorf("id %q is written %q", s, id)
		}
		if key, err := ParsePublisherKey(s); err == nil && MarshalPublisherKey(key) != s {
			t.Errorf("key %q is written %q", s, MarshalPublisherKey(key))
		}
		if key, err := ParsePublisherSecret(s); err == nil && MarshalPublisherSecret(key) != s {
			t.Errorf("secret %q is written %q", s, MarshalPublisherSecret(key))
		}
	})
}
