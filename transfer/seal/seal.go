// SPDX-License-Identifier: Apache-2.0

package seal

import "errors"

// Exporter is the label under which both ends export SecretSize bytes from their handshake (RFC 5705), without context.
const Exporter = "EXPORTER-ebb-seal-v1"

const (
	SecretSize  = 32 // bytes to export
	HeaderSize  = 11 // bytes of a datagram before what is encrypted: form and key phase (1), connection (4), sequence (6)
	TagSize     = 16 // bytes behind what is encrypted
	Overhead    = HeaderSize + TagSize
	MaxSequence = 1<<48 - 1 // the last sequence number
	Window      = 8192      // sequence numbers below the highest that are still opened, once each
)

// What a caller may want to decide on.
var (
	ErrNotSealed = errors.New("not a sealed datagram")                    // too short or another protocol: look elsewhere
	ErrForged    = errors.New("datagram does not open under our keys")    // drop it
	ErrReplayed  = errors.New("datagram was opened before or is too old") // drop it
	ErrSequence  = errors.New("sequence number does not rise")            // a fault of the caller; nothing was sealed
	ErrExhausted = errors.New("keys are used up")                         // end the conversation
)

// Header is the readable and authenticated part of a datagram.
type Header struct {
	Connection uint32 // chosen by the receiver of the datagram, any value
	Sequence   uint64 // 0 to MaxSequence
}

// ParseHeader reads the header of a sealed datagram without opening it, to find the conversation it claims to
// belong to. ErrNotSealed for anything else, DTLS records and STUN messages among them.
func ParseHeader(d []byte) (Header, error) { panic("skeleton") }

// Sealer seals the datagrams of one direction.
type Sealer struct{}

// Opener opens the datagrams of one direction.
type Opener struct{}

// Derive makes both directions of one end from the exported secret of SecretSize bytes; client is the end that
// opened the handshake.
func Derive(secret []byte, client bool) (*Sealer, *Opener, error) { panic("skeleton") }

// Seal seals in place. d is HeaderSize bytes of room followed by the plaintext, and has a capacity of at least
// len(d)+TagSize; the result is the datagram, in the same memory. Sequence numbers must rise from call to call; they may skip.
// Keys are renewed by themselves.
func (s *Sealer) Seal(d []byte, h Header) ([]byte, error) { panic("skeleton") }

// Open opens in place: the plaintext returned lies in d. If it fails, d is destroyed.
func (o *Opener) Open(d []byte) (Header, []byte, error) { panic("skeleton") }

// Rejected is how many datagrams did not open.
func (o *Opener) Rejected() uint64 { panic("skeleton") }

// String says in one line where the keys stand, without telling them.
func (s *Sealer) String() string { panic("skeleton") }

// String says in one line where keys and window stand.
func (o *Opener) String() string { panic("skeleton") }
