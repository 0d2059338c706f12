// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

const (
	keySize = 16 // AES-128
	// keyFor is how long a key is good: so long at most goes on hearing whose certificate has run out.
	keyFor = 24 * time.Hour
)

// errSealed marks a push under another key, or none of the hub's.
var errSealed = errors.New("not sealed under this key")

// newKey is a key of its own.
func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed is a document as it crosses the servers of others: a random nonce (12 octets) and the document under AES-GCM, the subject with it.
func sealed(key []byte, subject string, raw []byte) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, raw, []byte(subject)), nil
}

// opened is the document in it. errSealed.
func opened(key []byte, subject string, push []byte) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSealed, err)
	}
	raw, err := aead.Open(nil, nil, push, []byte(subject))
	if err != nil {
		return nil, errSealed
	}
	return raw, nil
}
