// SPDX-License-Identifier: Apache-2.0

package content

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// The text forms of publishers' keys: one line, no white space. The prefixes
// tell them apart, so that nobody hands out one for the other.
const (
	keyPrefix    = "ebb-publisher-key:"
	secretPrefix = "ebb-publisher-secret:"
)

// ErrKey reports a text that is not a publisher's key.
var ErrKey = errors.New("not a publisher key")

// MarshalPublisherKey writes a public key on one line: "ebb-publisher-key:" and
// its 32 bytes in base64 (RFC 4648, section 4).
func MarshalPublisherKey(key ed25519.PublicKey) string {
	return keyPrefix + base64.StdEncoding.EncodeToString(key)
}

// ParsePublisherKey reads what MarshalPublisherKey writes and nothing else, not
// even with a line's end. Everything else is an ErrKey.
func ParsePublisherKey(text string) (ed25519.PublicKey, error) {
	if strings.HasPrefix(text, secretPrefix) {
		return nil, fmt.Errorf("%w but a secret, which belongs to its publisher alone: use the line that starts with %q", ErrKey, keyPrefix)
	}
	key, err := parseKey(text, keyPrefix, ed25519.PublicKeySize)
	return ed25519.PublicKey(key), err
}

// MarshalPublisherSecret writes a private key on one line:
// "ebb-publisher-secret:" and its 32-byte seed (RFC 8032) in base64. Who reads
// the line can sign as the publisher. It panics if key is not a private key.
func MarshalPublisherSecret(key ed25519.PrivateKey) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(key.Seed())
}

// ParsePublisherSecret reads what MarshalPublisherSecret writes and nothing
// else, not even with a line's end. Everything else is an ErrKey.
func ParsePublisherSecret(text string) (ed25519.PrivateKey, error) {
	seed, err := parseKey(text, secretPrefix, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// parseKey never quotes the text: it may be a secret with a slip in it.
func parseKey(text, prefix string, size int) ([]byte, error) {
	code, found := strings.CutPrefix(text, prefix)
	if !found {
		return nil, fmt.Errorf("%w: want a line that starts with %q", ErrKey, prefix)
	}
	// The decoder skips line ends wherever they stand, so that only encoding
	// again shows that there were none.
	key, err := base64.StdEncoding.Strict().DecodeString(code)
	if err != nil || len(key) != size || base64.StdEncoding.EncodeToString(key) != code {
		return nil, fmt.Errorf("%w: behind %q want %d characters of base64 and nothing more",
			ErrKey, prefix, base64.StdEncoding.EncodedLen(size))
	}
	return key, nil
}
