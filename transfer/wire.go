// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"encoding/binary"
	"math/bits"
)

// The first byte of a message; WIRE.md has the rest of each.
const (
	typeHello    = 1
	typeBye      = 2
	typePing     = 3
	typePong     = 4
	typeInterest = 5
	typeHave     = 6
	typeWant     = 7
	typeData     = 8
	typeCancel   = 9
	typeRefuse   = 10
	typeFind     = 11
	typeFound    = 12
	typeBudget   = 13
	typeStand    = 14
	typeClaim    = 15
	typeLetter   = 16
	typeLimit    = 20
)

var typeNames = [...]string{
	typeHello: "hello", typeBye: "bye", typePing: "ping", typePong: "pong", typeInterest: "interest", typeHave: "have",
	typeWant: "want", typeData: "data", typeCancel: "cancel", typeRefuse: "refuse", typeFind: "find", typeFound: "found",
	typeBudget: "budget", typeStand: "stand", typeClaim: "claim", typeLetter: "letter", typeLimit: "limit",
}

// The first byte of an address in Hello.
const (
	addrNone = 0
	addrIPv4 = 4
	addrIPv6 = 6
)

// uvarintLen is how many bytes v takes: seven bits each, and one for zero.
func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func appendUvarint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, v T) []byte {
	return binary.AppendUvarint(dst, uint64(v))
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Append implements Message.
func (m Hello) Append(dst []byte) []byte {
	dst = append(dst, typeHello)
	dst = appendUvarint(dst, m.MinVersion)
	dst = appendUvarint(dst, m.MaxVersion)
	dst = appendUvarint(dst, m.MaxWants)
	dst = appendUvarint(dst, m.MaxInterests)
	dst = appendText(dst, m.Peer)
	dst = appendUvarint(dst, uint64(len(m.Capabilities)))
	for _, c := range m.Capabilities {
		dst = appendText(dst, c)
	}
	addr := m.Observed.Addr().Unmap() // sockets of both families show IPv4 in the clothes of IPv6
	switch {
	case !addr.IsValid():
		return append(dst, addrNone)
	case addr.Is4():
		dst = append(dst, addrIPv4)
	default:
		dst = append(dst, addrIPv6)
	}
	dst = append(dst, addr.AsSlice()...)
	return binary.BigEndian.AppendUint16(dst, m.Observed.Port())
}

// Append implements Message.
func (m Bye) Append(dst []byte) []byte { return append(dst, typeBye, byte(m.Reason)) }

// Append implements Message.
func (m Ping) Append(dst []byte) []byte { return appendUvarint(append(dst, typePing), m.Nonce) }

// Append implements Message.
func (m Pong) Append(dst []byte) []byte { return appendUvarint(append(dst, typePong), m.Nonce) }

// Append implements Message.
func (m Interest) Append(dst []byte) []byte {
	dst = append(append(dst, typeInterest), m.Content[:]...)
	if m.On {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// Append implements Message.
func (m Want) Append(dst []byte) []byte {
	dst = appendUvarint(append(dst, typeWant), m.Request)
	dst = append(dst, byte(m.Kind), m.Priority)
	dst = append(dst, m.ID[:]...)
	return appendUvarint(dst, m.Size)
}

// Append implements Message.
func (m Data) Append(dst []byte) []byte {
	dst = appendUvarint(append(dst, typeData), m.Request)
	dst = appendUvarint(dst, m.Offset)
	dst = appendUvarint(dst, m.Total)
	return append(dst, m.Bytes...)
}

// header is how many bytes of the message are not payload.
func (m Data) header() int {
	return 1 + uvarintLen(uint64(m.Request)) + uvarintLen(uint64(m.Offset)) + uvarintLen(uint64(m.Total))
}

// Append implements Message.
func (m Cancel) Append(dst []byte) []byte { return appendUvarint(append(dst, typeCancel), m.Request) }

// Append implements Message.
func (m Refuse) Append(dst []byte) []byte {
	return append(appendUvarint(append(dst, typeRefuse), m.Request), byte(m.Reason))
}

// Append implements Message.
func (m Find) Append(dst []byte) []byte {
	return appendText(appendUvarint(append(dst, typeFind), m.Request), m.Name)
}

// Append implements Message.
func (m Found) Append(dst []byte) []byte {
	return append(appendUvarint(append(dst, typeFound), m.Request), m.ID[:]...)
}

// Append implements Message.
func (m Limit) Append(dst []byte) []byte { return appendUvarint(append(dst, typeLimit), m.Rate) }
