// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"errors"
	"fmt"
)

// What a caller may want to decide on.
var (
	// ErrNotSealed: too short, or another protocol; look elsewhere.
	ErrNotSealed = errors.New("not a sealed datagram")
	// ErrForged: changed on the way or sealed by somebody else; drop it.
	ErrForged = errors.New("datagram does not open under the keys of this conversation")
	// ErrReplayed: a copy, or later than the window allows; drop it.
	ErrReplayed = errors.New("datagram was opened before or is too old to tell")
	// ErrSequence: the caller would have used a nonce twice; nothing was sealed.
	ErrSequence = errors.New("sequence number does not rise")
	// ErrNoRoom: the caller's buffer cannot hold header and tag; nothing was sealed.
	ErrNoRoom = errors.New("no room for the header before or the tag behind the plaintext")
	// ErrExhausted: sequence numbers are used up, or too many forgeries were tried; end the conversation.
	ErrExhausted = errors.New("keys are used up; open a new conversation")
)

// updateAfter is the number of datagrams sealed under one key. RFC 9001 section 6.6: "For AEAD_AES_128_GCM [...], the
// confidentiality limit is 2^23 encrypted packets". It exceeds Window, so that no window spans three generations.
const updateAfter = 1 << 22

// A Sealer seals the datagrams of one direction. One goroutine at a time.
type Sealer struct {
	gen    *generation
	sealed uint64 // datagrams under gen
	next   uint64 // lowest sequence number that was never used
	limit  uint64 // updateAfter, but for tests
	nonce  [ivSize]byte
}

// Derive makes both directions of one end from the exported secret of SecretSize bytes; client is the end that
// opened the handshake. Call it once for a secret: see the package's promises.
func Derive(secret []byte, client bool) (*Sealer, *Opener, error) {
	if len(secret) != SecretSize {
		return nil, nil, fmt.Errorf("the exported secret has %d bytes; export %d", len(secret), SecretSize)
	}
	ours, theirs, err := trafficSecrets(secret)
	if err != nil {
		return nil, nil, err
	}
	if !client {
		ours, theirs = theirs, ours
	}
	out, err := newGeneration(0, ours)
	if err != nil {
		return nil, nil, err
	}
	in, err := newGeneration(0, theirs)
	if err != nil {
		return nil, nil, err
	}
	ahead, err := in.next()
	if err != nil {
		return nil, nil, err
	}
	return &Sealer{gen: out, limit: updateAfter}, &Opener{gen: in, ahead: ahead, limit: maxForged}, nil
}

// Seal seals in place. d is HeaderSize bytes of room followed by the plaintext, and has a capacity of at least
// len(d)+TagSize; the result is the datagram, in the same memory. Sequence numbers must rise from call to call; they
// may skip. Errors: ErrSequence, ErrNoRoom, ErrExhausted; none of them uses up the number.
func (s *Sealer) Seal(d []byte, h Header) ([]byte, error) {
	switch {
	case len(d) < HeaderSize || cap(d)-len(d) < TagSize:
		return nil, ErrNoRoom
	case h.Sequence > MaxSequence:
		return nil, ErrExhausted
	case h.Sequence < s.next:
		return nil, ErrSequence
	}
	if s.sealed >= s.limit {
		gen, err := s.gen.next()
		if err != nil {
			return nil, err
		}
		s.gen, s.sealed = gen, 0
	}
	s.next = h.Sequence + 1
	s.sealed++
	h.put(d, s.gen.phase())
	s.gen.nonce(&s.nonce, h.Sequence)
	return s.gen.aead.Seal(d[:HeaderSize], s.nonce[:], d[HeaderSize:], d[:HeaderSize]), nil
}

// String says in one line where the keys stand, without telling them.
func (s *Sealer) String() string {
	return fmt.Sprintf("sealer generation=%d sealed=%d next=%d", s.gen.number, s.sealed, s.next)
}
