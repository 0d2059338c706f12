// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Exporter is the label under which both ends export SecretSize bytes from their handshake (RFC 5705), without context.
const Exporter = "EXPORTER-ebb-seal-v1"

// SecretSize is the number of bytes to export.
const SecretSize = 32

// Labels of everything derived; they are part of the wire format.
const (
	labelClient = "ebb seal client"
	labelServer = "ebb seal server"
	labelKey    = "ebb seal key"
	labelIV     = "ebb seal iv"
	labelUpdate = "ebb seal update"
)

const (
	keySize = 16 // AES-128
	ivSize  = 12 // of GCM, RFC 5116 section 5.1
)

// A generation is one key with its IV, and the traffic secret from which the next one follows.
type generation struct {
	number uint64
	secret []byte
	aead   cipher.AEAD
	iv     [ivSize]byte
}

func newGeneration(number uint64, secret []byte) (*generation, error) {
	key, err := expandLabel(secret, labelKey, keySize)
	if err != nil {
		return nil, err
	}
	iv, err := expandLabel(secret, labelIV, ivSize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of key generation %d: %w", number, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of key generation %d: %w", number, err)
	}
	return &generation{number: number, secret: secret, aead: aead, iv: [ivSize]byte(iv)}, nil
}

// RFC 9001 section 6.1: "The endpoint creates a new write secret from the existing write secret". Whoever learns a later
// secret learns nothing of an earlier one.
func (g *generation) next() (*generation, error) {
	secret, err := expandLabel(g.secret, labelUpdate, len(g.secret))
	if err != nil {
		return nil, err
	}
	return newGeneration(g.number+1, secret)
}

func (g *generation) phase() byte { return byte(g.number & phaseBit) }

// RFC 8446 section 5.3: the sequence number, "encoded into network byte order and padded to the left with zeros to
// iv_length", is "XORed with either the static client_write_iv or server_write_iv".
func (g *generation) nonce(n *[ivSize]byte, sequence uint64) {
	copy(n[:4], g.iv[:4])
	binary.BigEndian.PutUint64(n[4:], binary.BigEndian.Uint64(g.iv[4:])^sequence)
}

// trafficSecrets gives both directions. The exported secret is already uniformly random, so the extraction
// step of HKDF is left out (RFC 5869 section 3.3).
func trafficSecrets(exported []byte) (client, server []byte, err error) {
	if client, err = expandLabel(exported, labelClient, sha256.Size); err != nil {
		return nil, nil, err
	}
	server, err = expandLabel(exported, labelServer, sha256.Size)
	return client, server, err
}

// expandLabel is HKDF-Expand-Label of RFC 8446 section 7.1 with SHA-256 and an empty context; the label is given whole,
// with no prefix put before it. It fails only where the platform's policy forbids the secret.
func expandLabel(secret []byte, label string, length int) ([]byte, error) {
	info := binary.BigEndian.AppendUint16(make([]byte, 0, 4+len(label)), uint16(length))
	info = append(info, byte(len(label)))
	info = append(info, label...)
	info = append(info, 0)
	out, err := hkdf.Expand(sha256.New, secret, string(info), length)
	if err != nil {
		return nil, fmt.Errorf("derive %q: %w", label, err)
	}
	return out, nil
}
