// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"
)

// signedMagic starts every encoded signed manifest; its last byte is the
// version of the format.
const signedMagic = "EBB-SIG\x01"

// signedHead is what stands in front of the manifest: magic, key, signature.
const signedHead = len(signedMagic) + ed25519.PublicKeySize + ed25519.SignatureSize

// MaxSigned bounds the bytes of an encoded signed manifest.
const MaxSigned = signedHead + MaxManifest

// signatureDomain comes first in what is signed. A publisher's key may sign
// other things elsewhere, and none of those signatures must pass for one of a
// manifest.
const signatureDomain = "ebb manifest v1\x00"

// Signed is a manifest with its publisher's signature, as it is sent and kept.
// That one was parsed says nothing about whether it is genuine: Verify does.
type Signed struct {
	Manifest  []byte            // the encoded manifest
	Key       ed25519.PublicKey // the publisher's
	Signature []byte            // over signatureDomain and the content id
}

// Sign encodes m and signs it. Its errors are those of Validate, and a
// *FormatError if key is not a private key.
func Sign(m *Manifest, key ed25519.PrivateKey) (*Signed, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, invalid("publisher secret", "%d bytes: want %d", len(key), ed25519.PrivateKeySize)
	}
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	return &Signed{
		Manifest:  b,
		Key:       slices.Clone(key.Public().(ed25519.PublicKey)),
		Signature: ed25519.Sign(key, signedBytes(Sum(b))),
	}, nil
}

// signedBytes is the message that the signature is over. It holds the content
// id in place of the manifest, so that the signature can be checked by whoever
// knows only the id; SHA-256 makes the one as good as the other.
func signedBytes(id ID) []byte { return append([]byte(signatureDomain), id[:]...) }

// Encode writes s in its one form (see FORMAT.md).
func (s *Signed) Encode() []byte {
	b := make([]byte, 0, signedHead+len(s.Manifest))
	b = append(b, signedMagic...)
	b = append(b, s.Key...)
	b = append(b, s.Signature...)
	return append(b, s.Manifest...)
}

// ParseSigned parts b into manifest, key and signature: Encode(ParseSigned(b))
// is b. It neither checks the signature nor looks into the manifest, which
// Verify does in this order. The result shares no memory with b. Bytes that are
// no signed manifest, or too many of them, are a *FormatError.
func ParseSigned(b []byte) (*Signed, error) {
	if len(b) > MaxSigned {
		return nil, &FormatError{"signed manifest", MaxSigned, fmt.Sprintf("longer than %d bytes", MaxSigned)}
	}
	d := &decoder{b: b}
	d.magic("signed manifest", signedMagic)
	s := &Signed{
		Key:       bytes.Clone(d.take("publisher key", ed25519.PublicKeySize)),
		Signature: bytes.Clone(d.take("signature", ed25519.SignatureSize)),
		Manifest:  bytes.Clone(d.take("manifest", len(b)-d.off)),
	}
	if d.err != nil {
		return nil, d.err
	}
	return s, nil
}

// ID is the id of the content that s is about, genuine or not.
func (s *Signed) ID() ID { return Sum(s.Manifest) }

// Verify returns the manifest, if it is signed by one of the pinned keys and
// has not expired at now. The errors, in the order in which they are looked for:
// ErrUnknownPublisher; ErrSignature; those of ParseManifest, so that no byte is
// parsed that a known publisher did not sign; ErrExpired.
//
// That an older manifest of the same name is not put in the place of a newer
// one is for the caller to see to.
func (s *Signed) Verify(pinned []ed25519.PublicKey, now time.Time) (*Manifest, error) {
	known := slices.ContainsFunc(pinned, func(key ed25519.PublicKey) bool { return key.Equal(s.Key) })
	if !known || len(s.Key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("content %s, publisher %s: %w", s.ID().Short(), MarshalPublisherKey(s.Key), ErrUnknownPublisher)
	}
	id := s.ID()
	if !ed25519.Verify(s.Key, signedBytes(id), s.Signature) {
		return nil, fmt.Errorf("content %s, publisher %s: %w", id.Short(), MarshalPublisherKey(s.Key), ErrSignature)
	}
	m, err := ParseManifest(s.Manifest)
	if err != nil {
		return nil, fmt.Errorf("content %s, signed by %s: %w", id.Short(), MarshalPublisherKey(s.Key), err)
	}
	if !m.Expires.IsZero() && !now.Before(m.Expires) {
		return nil, fmt.Errorf("content %s (%s): %w at %s: ask its publisher for a newer one",
			m.Name, id.Short(), ErrExpired, m.Expires.Format(time.RFC3339))
	}
	return m, nil
}
