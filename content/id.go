// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// An ID is the SHA-256 digest (FIPS 180-4) of some bytes. A chunk is named by
// the digest of its bytes, a content by the digest of its encoded manifest.
//
// The zero ID names nothing: no known bytes have it as their digest.
type ID [sha256.Size]byte

// idText is the length of an ID written out in hexadecimal digits.
const idText = 2 * sha256.Size

// ErrID reports a text that is not an ID.
var ErrID = errors.New("not a content id: want exactly 64 lower-case hexadecimal digits")

// Sum names b.
func Sum(b []byte) ID { return sha256.Sum256(b) }

// ParseID reads the form that String writes and no other: exactly 64
// lower-case hexadecimal digits. Everything else is an ErrID.
func ParseID(s string) (ID, error) {
	var id ID
	if err := id.UnmarshalText([]byte(s)); err != nil {
		return ID{}, err
	}
	return id, nil
}

// String writes id as 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short writes the first 12 digits of id: enough for a person to tell one id
// from another, not enough for a machine.
func (id ID) Short() string { return hex.EncodeToString(id[:6]) }

// IsZero tells whether id is the zero ID, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders ids by their bytes: -1, 0 or +1.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText writes what String writes.
func (id ID) MarshalText() ([]byte, error) {
	return hex.AppendEncode(make([]byte, 0, idText), id[:]), nil
}

// UnmarshalText reads what MarshalText writes; anything else is an ErrID and
// leaves id as it was.
func (id *ID) UnmarshalText(text []byte) error {
	// hex.Decode takes capitals as well, and an id has one spelling only.
	if len(text) != idText || !isLowerHex(text) {
		return fmt.Errorf("%q: %w", shorten(string(text)), ErrID)
	}
	_, err := hex.Decode(id[:], text)
	return err
}

func isLowerHex(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// shorten keeps a hostile text from filling the screen of whoever reads the
// error it is quoted in.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
