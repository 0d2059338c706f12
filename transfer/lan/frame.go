// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ebbproject/ebb/transfer/carrier"
)

// A frame is what follows another in the stream of a Conn:
//
//	kind     uint8
//	length   uint24   big endian, of the body
//	body
//
//	1 message   1 to carrier.MaxMessage bytes
//	2 probe     8 bytes: of how many bytes of messages it is behind
//	3 echo      8 bytes: those of a probe that has arrived
//	4 bye       0 bytes: nothing follows
const (
	kindMessage = 1
	kindProbe   = 2
	kindEcho    = 3
	kindBye     = 4

	frameHeader = 4
	wordBody    = 8
)

// appendHeader writes what stands before a body of n bytes.
func appendHeader(b []byte, kind byte, n int) []byte {
	return append(b, kind, byte(n>>16), byte(n>>8), byte(n))
}

// appendWord writes a probe or an echo.
func appendWord(b []byte, kind byte, value uint64) []byte {
	return binary.BigEndian.AppendUint64(appendHeader(b, kind, wordBody), value)
}

// parseHeader reads what stands before a body, and holds the length against what the kind allows.
func parseHeader(h [frameHeader]byte) (kind byte, n int, err error) {
	kind, n = h[0], int(h[1])<<16|int(h[2])<<8|int(h[3])
	least, most := wordBody, wordBody
	switch kind {
	case kindMessage:
		least, most = 1, carrier.MaxMessage
	case kindProbe, kindEcho:
	case kindBye:
		least, most = 0, 0
	default:
		return 0, 0, fmt.Errorf("%w: a frame of unknown kind %d", carrier.ErrBroken, kind)
	}
	if n < least || n > most {
		return 0, 0, fmt.Errorf("%w: a frame of kind %d with %d bytes, allowed are %d to %d", carrier.ErrBroken, kind, n, least, most)
	}
	return kind, n, nil
}

// frame is one that has arrived. The message is the receiver's; value is that of a word.
type frame struct {
	kind    byte
	message []byte
	value   uint64
}

// readFrame reads one frame. Nothing is allocated before its length is known to be allowed.
func readFrame(r io.Reader) (f frame, err error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return f, err
	}
	kind, n, err := parseHeader(h)
	if err != nil {
		return f, err
	}
	f.kind = kind
	if kind == kindMessage {
		f.message = room(n)
		_, err = io.ReadFull(r, f.message)
		return f, err
	}
	var body [wordBody]byte
	_, err = io.ReadFull(r, body[:n])
	f.value = binary.BigEndian.Uint64(body[:])
	return f, err
}
