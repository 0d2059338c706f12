// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
)

// Parse reads the one message that msg is. Every message has one accepted form: what Parse accepts, Append gives back
// byte for byte. Nothing is allocated on the strength of a number in the message. Data refers to msg, the other
// messages do not. The error is a *ProtocolError.
func Parse(msg []byte) (Message, error) {
	if fault := checkLength(msg); fault != nil {
		return nil, fault
	}
	r := &reader{b: msg[1:]}
	m := r.message(msg[0])
	if fault := r.end(msg[0]); fault != nil {
		return nil, fault
	}
	return m, nil
}

// checkLength looks at type and length alone, before anything else is done with the message.
func checkLength(msg []byte) *ProtocolError {
	if len(msg) == 0 {
		return &ProtocolError{Message: "message", What: "it is empty"}
	}
	if int(msg[0]) >= len(typeNames) || typeNames[msg[0]] == "" {
		return &ProtocolError{Message: "message", What: fmt.Sprintf("type %d does not exist", msg[0])}
	}
	limit := MaxControl
	if msg[0] == typeData {
		limit = MaxMessage
	}
	if len(msg) > limit {
		return &ProtocolError{Message: typeNames[msg[0]], What: fmt.Sprintf("%d bytes, allowed are %d", len(msg), limit)}
	}
	return nil
}

// parseData is Parse for the one message that comes thousands of times a second: it allocates nothing.
func parseData(msg []byte) (Data, *ProtocolError) {
	r := reader{b: msg[1:]}
	d := r.data()
	return d, r.end(typeData)
}

// reader takes the fields of a message off b one by one. The first fault sticks; the fields after it are zero.
type reader struct {
	b     []byte
	fault string
}

func (r *reader) fail(format string, args ...any) {
	if r.fault == "" {
		r.fault = fmt.Sprintf(format, args...)
	}
	r.b = nil
}

// end is the verdict over a message of that type once its fields are read.
func (r *reader) end(kind byte) *ProtocolError {
	if len(r.b) > 0 {
		r.fail("%d bytes too many", len(r.b))
	}
	if r.fault == "" {
		return nil
	}
	return &ProtocolError{Message: typeNames[kind], What: r.fault}
}

func (r *reader) uvarint(low, high uint64, field string) uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case n <= 0:
		r.fail("%s is cut off or too long", field)
		return 0
	case n > 1 && r.b[n-1] == 0:
		r.fail("%s is not in its shortest form", field)
		return 0
	case v < low || v > high:
		r.fail("%s is %d, allowed are %d to %d", field, v, low, high)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte(low, high uint8, field string) uint8 {
	if len(r.b) == 0 {
		r.fail("%s is cut off", field)
		return 0
	}
	v := r.b[0]
	if v < low || v > high {
		r.fail("%s is %d, allowed are %d to %d", field, v, low, high)
		return 0
	}
	r.b = r.b[1:]
	return v
}

func (r *reader) bytes(n int, field string) []byte {
	if len(r.b) < n {
		r.fail("%s is cut off", field)
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) id() (id ID) {
	copy(id[:], r.bytes(len(id), "id"))
	return id
}

func (r *reader) request() uint32 { return uint32(r.uvarint(1, math.MaxUint32, "request")) }

// text takes a length and that many bytes, each of which allowed accepts.
func (r *reader) text(low, high int, allowed func(byte) bool, field string) string {
	n := r.uvarint(uint64(low), uint64(high), "length of "+field)
	b := r.bytes(int(n), field)
	for _, c := range b {
		if !allowed(c) {
			r.fail("%s has the byte %#02x", field, c)
			return ""
		}
	}
	return string(b)
}

func isPrintable(c byte) bool { return c > ' ' && c < 0x7f }

func isCapability(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.'
}

func (r *reader) message(kind byte) Message {
	switch kind {
	case typeHello:
		return r.hello()
	case typeBye:
		return Bye{Reason: ByeReason(r.byte(0, uint8(len(byeNames)-1), "reason"))}
	case typePing:
		return Ping{Nonce: r.uvarint(0, math.MaxUint64, "nonce")}
	case typePong:
		return Pong{Nonce: r.uvarint(0, math.MaxUint64, "nonce")}
	case typeInterest:
		return Interest{Content: r.id(), On: r.byte(0, 1, "switch") == 1}
	case typeHave:
		return r.have()
	case typeWant:
		return r.want()
	case typeData:
		return r.data()
	case typeCancel:
		return Cancel{Request: r.request()}
	case typeRefuse:
		return Refuse{Request: r.request(), Reason: Reason(r.byte(0, uint8(len(reasonNames)-1), "reason"))}
	case typeFind:
		return Find{Request: r.request(), Name: r.text(1, MaxName, isPrintable, "name")}
	case typeFound:
		return Found{Request: r.request(), ID: r.id()}
	case typeLimit:
		return Limit{Rate: r.uvarint(0, math.MaxUint64, "rate")}
	case typeStand:
		return r.stand()
	case typeClaim:
		return r.claim()
	case typeBudget:
		return r.budget()
	case typeLetter:
		return r.letter()
	}
	panic("transfer: checkLength passed an unknown type")
}

func (r *reader) hello() Hello {
	h := Hello{MinVersion: uint16(r.uvarint(1, math.MaxUint16, "lowest version"))}
	h.MaxVersion = uint16(r.uvarint(uint64(h.MinVersion), math.MaxUint16, "highest version"))
	h.MaxWants = uint32(r.uvarint(0, math.MaxUint32, "limit of wants"))
	h.MaxInterests = uint32(r.uvarint(0, math.MaxUint32, "limit of interests"))
	h.Peer = r.text(0, MaxPeerName, isPrintable, "peer name")
	n := r.uvarint(0, MaxCapabilities, "number of capabilities")
	last := ""
	for range n {
		c := r.text(1, MaxCapability, isCapability, "capability")
		if r.fault == "" && c <= last {
			r.fail("capabilities are not in ascending order")
		}
		if r.fault != "" {
			return Hello{}
		}
		h.Capabilities = append(h.Capabilities, c)
		last = c
	}
	h.Observed = r.address()
	return h
}

func (r *reader) address() netip.AddrPort {
	var addr netip.Addr
	switch family := r.byte(0, math.MaxUint8, "address family"); family {
	case addrNone:
		return netip.AddrPort{}
	case addrIPv4:
		addr, _ = netip.AddrFromSlice(r.bytes(4, "address"))
	case addrIPv6:
		addr, _ = netip.AddrFromSlice(r.bytes(16, "address"))
		if addr.Is4In6() {
			r.fail("address is IPv4 in the clothes of IPv6")
		}
	default:
		r.fail("address family %d does not exist", family)
	}
	port := r.bytes(2, "port")
	if r.fault != "" {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port))
}

func (r *reader) want() Want {
	return Want{
		Request:  r.request(),
		Kind:     Kind(r.byte(uint8(KindChunk), uint8(KindManifest), "kind")),
		Priority: r.byte(0, math.MaxUint8, "priority"),
		ID:       r.id(),
		Size:     uint32(r.uvarint(1, MaxReply, "size")),
	}
}

// data also holds the piece against what it declares: inside the answer, and not a crumb unless it is the end.
func (r *reader) data() Data {
	d := Data{
		Request: r.request(),
		Offset:  uint32(r.uvarint(0, MaxReply-1, "offset")),
		Total:   uint32(r.uvarint(1, MaxReply, "total")),
	}
	d.Bytes, r.b = r.b, nil
	if r.fault != "" {
		return Data{}
	}
	r.piece(d.Offset, d.Total, len(d.Bytes))
	return d
}

// piece holds n bytes against what is declared of them.
func (r *reader) piece(offset, total uint32, n int) {
	end := int(offset) + n
	switch {
	case n == 0:
		r.fail("no bytes")
	case end > int(total):
		r.fail("bytes %d to %d of %d", offset, end, total)
	case end < int(total) && n < MinPiece:
		r.fail("%d bytes are less than a piece must have (%d)", n, MinPiece)
	}
}

// Validate says whether another session would accept h.
func (h Hello) Validate() error {
	b := h.Append(nil)
	if _, err := Parse(b); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}
