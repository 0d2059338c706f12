// SPDX-License-Identifier: Apache-2.0

package seal

import "encoding/binary"

const (
	// HeaderSize is the number of bytes of a datagram before what is encrypted.
	HeaderSize = 11
	// TagSize is the number of bytes behind what is encrypted.
	TagSize = 16
	// Overhead is the number of bytes by which a datagram is longer than its plaintext.
	Overhead = HeaderSize + TagSize
	// MaxSequence is the last sequence number there is.
	MaxSequence = 1<<48 - 1
)

const (
	form     = 0xE0 // upper seven bits of the first byte
	phaseBit = 0x01
)

// Header is the readable and authenticated part of a datagram.
type Header struct {
	Connection uint32 // chosen by the receiver of the datagram, any value
	Sequence   uint64 // 0 to MaxSequence
}

// ParseHeader reads the header of a sealed datagram without opening it, to find the conversation it claims to
// belong to. ErrNotSealed for anything else, DTLS records and STUN messages among them.
func ParseHeader(d []byte) (Header, error) {
	if len(d) < Overhead || d[0]&^phaseBit != form {
		return Header{}, ErrNotSealed
	}
	return Header{
		Connection: binary.BigEndian.Uint32(d[1:5]),
		Sequence:   uint64(binary.BigEndian.Uint16(d[5:7]))<<32 | uint64(binary.BigEndian.Uint32(d[7:11])),
	}, nil
}

// put writes h into the first HeaderSize bytes of d.
func (h Header) put(d []byte, phase byte) {
	d[0] = form | phase
	binary.BigEndian.PutUint32(d[1:5], h.Connection)
	binary.BigEndian.PutUint16(d[5:7], uint16(h.Sequence>>32))
	binary.BigEndian.PutUint32(d[7:11], uint32(h.Sequence))
}
