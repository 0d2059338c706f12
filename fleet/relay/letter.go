// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Why a letter or an answer is not opened, or not made.
var (
	ErrLetter = errors.New("not a sealed report")
	ErrKeys   = errors.New("there are no keys for it: its writer must speak to the hub itself")
)

const (
	// exporter is the label of what both ends export from the connection on which a host speaks to its hub (RFC 8446 section 7.5); the
	// context is Seq of what it says there, 8 octets.
	exporter = "EXPORTER-ebb-letter-v1"
	// keysFor is how long keys are good: then a host speaks to its hub itself once more, over a handshake of its own.
	keysFor = 24 * time.Hour
	keySize = 16 // AES-128
)

// Keys are what a host and its hub share since that host last spoke to it itself: one for each direction. The zero value has none.
type Keys struct {
	since           uint64 // Seq of what it said
	reports, answer [keySize]byte
}

// Agree makes the keys that follow from what a host says to its hub itself, with Seq since. Export is that of the TLS connection: since
// both ends show their certificates there, nobody else has these keys, and each conversation has others. What export says.
func Agree(export func(label string, context []byte, length int) ([]byte, error), since uint64) (Keys, error) {
	k := Keys{since: since}
	secret, err := export(exporter, binary.BigEndian.AppendUint64(nil, since), 2*keySize)
	if err == nil && (since == 0 || len(secret) != 2*keySize) {
		err = ErrKeys
	}
	if err != nil {
		return Keys{}, err
	}
	copy(k.answer[:], secret[copy(k.reports[:], secret):])
	return k, nil
}

// Since is Seq of what was said when they were agreed upon; 0: there are none.
func (k Keys) Since() uint64 { return k.since }

// serve says whether they are good for a letter of that Seq. ErrKeys.
func (k Keys) serve(seq uint64) error {
	if k.since == 0 || seq <= k.since || seq-k.since > uint64(keysFor.Microseconds()) {
		return ErrKeys
	}
	return nil
}

// letterMagic comes first; its last byte is the version.
const letterMagic = "EBB-RPT\x02"

// Bounds of a letter in octets.
const (
	letterHead = len(letterMagic) + 8 + 8 + 8
	tagSize    = 16
	MaxLetter  = letterHead + MaxReport + tagSize
)

// Letter is a report of a host to its hub as those see it who hand it on. Nothing of it is known to be true before it is opened.
type Letter struct {
	Peer  string // who says that it is its writer, 16 hexadecimal digits
	Since uint64 // Seq of what that host said when the keys were agreed upon
	Seq   uint64 // greater than that of all letters before, of a host and over restarts: a time in microseconds since 1970

	head, sealed []byte
}

// Sent is a letter as its writer keeps it until the answer is here.
type Sent struct {
	Raw  []byte
	seq  uint64
	keys Keys
}

// Seal makes a report a letter: magic, peer (8 octets), since (8), sequence (8), and the report under AES-128-GCM with all that as additional
// data; the nonce is the sequence, which no two letters under the same keys share. ErrLetter, ErrKeys.
func (k Keys) Seal(peer string, seq uint64, report []byte) (Sent, error) {
	name, err := hex.DecodeString(peer)
	if err != nil || len(name) != 8 || len(report) > MaxReport {
		return Sent{}, fmt.Errorf("%w: a report of %d bytes by %.20q", ErrLetter, len(report), peer)
	}
	if err := k.serve(seq); err != nil {
		return Sent{}, err
	}
	head := append([]byte(letterMagic), name...)
	head = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(head, k.since), seq)
	return Sent{gcm(k.reports).Seal(head, nonce(seq), report, head), seq, k}, nil
}

// ParseLetter reads the one accepted form. ErrLetter.
func ParseLetter(raw []byte) (Letter, error) {
	if len(raw) > MaxLetter || len(raw) < letterHead+tagSize || string(raw[:len(letterMagic)]) != letterMagic {
		return Letter{}, fmt.Errorf("%w: its head, or its length of %d", ErrLetter, len(raw))
	}
	x := raw[len(letterMagic):]
	return Letter{hex.EncodeToString(x[:8]), binary.BigEndian.Uint64(x[8:]), binary.BigEndian.Uint64(x[16:]), raw[:letterHead], raw[letterHead:]}, nil
}

// Open gives what is in a letter, if it was sealed under these keys. ErrLetter, ErrKeys.
func (k Keys) Open(l Letter) (report []byte, err error) {
	if err := k.serve(l.Seq); err != nil {
		return nil, err
	}
	if report, err = gcm(k.reports).Open(nil, nonce(l.Seq), l.sealed, l.head); err != nil {
		return nil, fmt.Errorf("%w: the seal is not that of its writer", ErrLetter)
	}
	return report, nil
}

// Answer seals what the hub answers to the letter of that Seq. To answer one twice would give away what the two answers differ in: only
// letters that are newer than all before are answered. ErrLetter, ErrKeys.
func (k Keys) Answer(seq uint64, reply []byte) ([]byte, error) {
	if len(reply) > MaxReport {
		return nil, fmt.Errorf("%w: an answer of %d bytes", ErrLetter, len(reply))
	}
	if err := k.serve(seq); err != nil {
		return nil, err
	}
	return gcm(k.answer).Seal(nil, nonce(seq), reply, nil), nil
}

// Read opens the answer to a letter, if it is that. ErrLetter, ErrKeys.
func (s Sent) Read(answer []byte) ([]byte, error) {
	if err := s.keys.serve(s.seq); err != nil {
		return nil, err
	}
	reply, err := gcm(s.keys.answer).Open(nil, nonce(s.seq), answer, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: this is not the hub's answer to it", ErrLetter)
	}
	return reply, nil
}

// gcm never fails: the key has the length of one.
func gcm(key [keySize]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func nonce(seq uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 4, 12), seq) }
