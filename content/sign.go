// SPDX-License-Identifier: Apache-2.0

package content

import (
	"crypto/ed25519"
	"errors"
	"time"
)

// Signed is a manifest with its publisher's signature.
type Signed struct {
	Manifest  []byte            // the encoded manifest
	Key       ed25519.PublicKey // the publisher's
	Signature []byte
}

var errTODO = errors.New("not written yet")

func Sign(m *Manifest, key ed25519.PrivateKey) (*Signed, error) { return nil, errTODO }
func ParseSigned(b []byte) (*Signed, error)                     { return nil, errTODO }
func (s *Signed) Encode() []byte                                { return nil }
func (s *Signed) ID() ID                                        { return Sum(s.Manifest) }

func (s *Signed) Verify(pinned []ed25519.PublicKey, now time.Time) (*Manifest, error) {
	return nil, errTODO
}

func MarshalPublisherKey(key ed25519.PublicKey) string             { return "" }
func ParsePublisherKey(text string) (ed25519.PublicKey, error)     { return nil, errTODO }
func MarshalPublisherSecret(key ed25519.PrivateKey) string         { return "" }
func ParsePublisherSecret(text string) (ed25519.PrivateKey, error) { return nil, errTODO }
func (m *Manifest) Validate() error                                { return errTODO }
func (m *Manifest) Encode() ([]byte, error)                        { return nil, errTODO }
func ParseManifest(b []byte) (*Manifest, error)                    { return nil, errTODO }
func (m *Manifest) ID() (ID, error)                                { return ID{}, errTODO }
func ValidateEntries(tree bool, entries []Entry) error             { return errTODO }
