// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// publisher is the n-th of the publishers of these tests.
func publisher(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func signed(t testing.TB, m *Manifest, key ed25519.PrivateKey) *Signed {
	t.Helper()
	s, err := Sign(m, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignedManifestIsBelieved(t *testing.T) {
	m := sample()
	s := signed(t, m, publisher(1))
	pinned := []ed25519.PublicKey{public(publisher(2)), public(publisher(1))}
	got, err := s.Verify(pinned, created)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%v, %v", got, err)
	}
	if id, err := m.ID(); err != nil || s.ID() != id {
		t.Errorf("signed is %s, its manifest %s, %v", s.ID(), id, err)
	}
	back, err := ParseSigned(s.Encode())
	if err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read again: %+v, %v", back, err)
	}
}

func TestUnknownPublisher(t *testing.T) {
	s := signed(t, sample(), publisher(1))
	for _, pinned := range [][]ed25519.PublicKey{nil, {}, {public(publisher(2))}, {nil}, {public(publisher(1))[:31]}} {
		if m, err := s.Verify(pinned, created); !errors.Is(err, ErrUnknownPublisher) || m != nil {
			t.Errorf("pinned %x: %v", pinned, err)
		}
	}
	// A key of no bytes equals a pinned one of no bytes, and is still no key.
	s.Key = nil
	if _, err := s.Verify([]ed25519.PublicKey{nil}, created); !errors.Is(err, ErrUnknownPublisher) {
		t.Errorf("no key: %v", err)
	}
}

// Any one bit of a signed manifest makes it worthless.
func TestEveryBitIsSigned(t *testing.T) {
	pinned := []ed25519.PublicKey{public(publisher(1))}
	b := signed(t, sample(), publisher(1)).Encode()
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		s, err := ParseSigned(b)
		if inMagic := bit < 8*len(signedMagic); inMagic != (err != nil) {
			t.Fatalf("bit %d: %v", bit, err)
		}
		if err == nil {
			m, err := s.Verify(pinned, created)
			inKey := bit < 8*(len(signedMagic)+ed25519.PublicKeySize)
			if want := map[bool]error{true: ErrUnknownPublisher, false: ErrSignature}[inKey]; !errors.Is(err, want) || m != nil {
				t.Fatalf("bit %d: %v, want %v", bit, err, want)
			}
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// A key's signature under anything else than a manifest's domain is worth
// nothing here: neither one of the manifest itself, nor one of the bare id.
func TestSignaturesOfOtherThings(t *testing.T) {
	key := publisher(1)
	s := signed(t, sample(), key)
	id := s.ID()
	for name, message := range map[string][]byte{
		"manifest":         s.Manifest,
		"id":               id[:],
		"id in hex":        []byte(id.String()),
		"domain, manifest": append([]byte(signatureDomain), s.Manifest...),
		"id, domain":       append(id[:], signatureDomain...),
	} {
		s.Signature = ed25519.Sign(key, message)
		if _, err := s.Verify([]ed25519.PublicKey{public(key)}, created); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The signature comes first: what a known publisher did not sign is not parsed,
// and what he did sign must still be a manifest.
func TestSignedNonsense(t *testing.T) {
	key := publisher(1)
	pinned := []ed25519.PublicKey{public(key)}
	s := &Signed{Manifest: []byte("nonsense"), Key: public(key)}
	s.Signature = make([]byte, ed25519.SignatureSize)
	if _, err := s.Verify(pinned, created); !errors.Is(err, ErrSignature) {
		t.Errorf("not signed: %v", err)
	}
	s.Signature = ed25519.Sign(key, signedBytes(s.ID()))
	if m, err := s.Verify(pinned, created); !errors.Is(err, ErrMalformed) || m != nil {
		t.Errorf("signed: %v", err)
	}
	s.Signature = nil
	if _, err := s.Verify(pinned, created); !errors.Is(err, ErrSignature) {
		t.Errorf("without a signature: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	m := sample()
	s := signed(t, m, publisher(1))
	pinned := []ed25519.PublicKey{public(publisher(1))}
	for _, c := range []struct {
		now     time.Time
		expired bool
	}{
		{time.Time{}, false}, {m.Expires.Add(-1), false}, {m.Expires, true}, {m.Expires.Add(time.Hour), true},
		{m.Expires.Add(-1).In(time.FixedZone("", 7200)), false},
	} {
		got, err := s.Verify(pinned, c.now)
		if errors.Is(err, ErrExpired) != c.expired || (got == nil) != c.expired {
			t.Errorf("at %s: %v", c.now, err)
		}
	}
	m.Expires = time.Time{}
	if _, err := signed(t, m, publisher(1)).Verify(pinned, created.AddDate(7000, 0, 0)); err != nil {
		t.Errorf("one that never expires: %v", err)
	}
}

func TestOnlyValidManifestsAreSigned(t *testing.T) {
	m := sample()
	m.Name = ""
	if s, err := Sign(m, publisher(1)); !errors.Is(err, ErrMalformed) || s != nil {
		t.Errorf("invalid manifest: %v", err)
	}
	if s, err := Sign(sample(), publisher(1)[:32]); !errors.Is(err, ErrMalformed) || s != nil {
		t.Errorf("half a key: %v", err)
	}
}

func TestBytesThatAreNoSignedManifest(t *testing.T) {
	b := signed(t, sample(), publisher(1)).Encode()
	for n := range signedHead {
		if s, err := ParseSigned(b[:n]); !errors.Is(err, ErrMalformed) || s != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := ParseSigned(make([]byte, MaxSigned+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("too long: %v", err)
	}
	newer := append([]byte("EBB-SIG\x02"), b[8:]...)
	if _, err := ParseSigned(newer); err == nil || !strings.Contains(err.Error(), "newer ebb") {
		t.Errorf("a newer format: %v", err)
	}
}

func TestPublisherKeysAsText(t *testing.T) {
	key := publisher(7)
	text := MarshalPublisherKey(public(key))
	if got, err := ParsePublisherKey(text); err != nil || !got.Equal(public(key)) {
		t.Errorf("%s: %v", text, err)
	}
	secret := MarshalPublisherSecret(key)
	if got, err := ParsePublisherSecret(secret); err != nil || !got.Equal(key) {
		t.Errorf("secret read again: %v", err)
	}
	code := strings.TrimPrefix(secret, secretPrefix)
	for _, bad := range []string{
		"", code, keyPrefix, keyPrefix + code[1:], keyPrefix + code + "A", keyPrefix + code + "\n", keyPrefix + "\n" + code,
		keyPrefix + code[:10] + "\n" + code[10:], " " + keyPrefix + code, keyPrefix + strings.TrimRight(code, "="),
		keyPrefix + code[:42] + "d=", // a bit behind the last byte
		strings.ToUpper(keyPrefix) + code, secret,
	} {
		got, err := ParsePublisherKey(bad)
		if !errors.Is(err, ErrKey) || got != nil {
			t.Errorf("%q: %x, %v", bad, got, err)
		}
		if err != nil && len(code) > 0 && strings.Contains(err.Error(), code[1:40]) {
			t.Errorf("the error says the secret: %v", err)
		}
	}
	if got, err := ParsePublisherSecret(text); !errors.Is(err, ErrKey) || got != nil {
		t.Errorf("a public key as a secret: %v", err)
	}
}
