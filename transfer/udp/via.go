// SPDX-License-Identifier: Apache-2.0

package udp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
)

// The header of RFC 1928 section 7, "UDP Request Header":
//
//	RSV (2, zero)  FRAG (1)  ATYP (1)  DST.ADDR (4 or 16)  DST.PORT (2, big endian)
const (
	atypIPv4 = 0x01
	atypIPv6 = 0x04

	headerIPv4 = 4 + 4 + 2
	headerIPv6 = 4 + 16 + 2
)

// relayed is a Socket whose datagrams go through a relay, but for those that may go straight.
type relayed struct {
	Socket
	relay   netip.AddrPort
	direct  func(netip.AddrPort) bool
	buffers sync.Pool // of *[]byte
}

// Via sends through a relay whatever direct does not allow to be sent straight, each datagram behind the header of
// RFC 1928 section 7, and takes the header off what comes from the relay; From is then the real sender. What the relay
// sends without a header is dropped. A datagram through the relay must leave room for the header: 10 bytes (IPv4) or 22.
func Via(s Socket, relay netip.AddrPort, direct func(netip.AddrPort) bool) Socket {
	return &relayed{
		Socket: s, relay: unmap(relay), direct: direct,
		buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// ReadBatch implements Socket.
func (r *relayed) ReadBatch() ([]Message, error) {
	for {
		all, err := r.Socket.ReadBatch()
		if err != nil {
			return nil, err
		}
		kept := all[:0]
		for _, m := range all {
			if m.From == r.relay {
				var ok bool
				if m.From, m.Data, ok = parseHeader(m.Data); !ok {
					continue
				}
			}
			kept = append(kept, m)
		}
		if len(kept) > 0 {
			return kept, nil
		}
	}
}

// WriteBatch implements Socket. Segments stay of equal size behind their headers, so that they can still leave together.
func (r *relayed) WriteBatch(to netip.AddrPort, data []byte, segment int) error {
	to = unmap(to)
	if r.direct(to) {
		return r.Socket.WriteBatch(to, data, segment)
	}
	if err := checkSegment(segment); err != nil {
		return err
	}
	buffer := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buffer)
	wrapped := (*buffer)[:0]
	for len(data) > 0 {
		n := min(segment, len(data))
		wrapped = append(appendHeader(wrapped, to), data[:n]...)
		data = data[n:]
	}
	*buffer = wrapped
	head := headerSize(to.Addr())
	err := r.Socket.WriteBatch(r.relay, wrapped, segment+head)
	if big, ok := errors.AsType[*TooBigError](err); ok {
		return &TooBigError{Size: big.Size - head, To: to}
	}
	return err
}

func headerSize(a netip.Addr) int {
	if a.Is4() {
		return headerIPv4
	}
	return headerIPv6
}

// appendHeader writes RFC 1928's request header: "FRAG: Current fragment number"; 0 means a whole datagram.
func appendHeader(b []byte, to netip.AddrPort) []byte {
	if to.Addr().Is4() {
		b = append(b, 0, 0, 0, atypIPv4)
	} else {
		b = append(b, 0, 0, 0, atypIPv6)
	}
	b = append(b, to.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(b, to.Port())
}

// parseHeader takes the header off. Each address has one accepted form, the one that appendHeader writes: IPv4 is not
// dressed as IPv6, and nobody sends from port 0. Names (ATYP 3) are refused, and so are fragments, as RFC 1928 wants: "An
// implementation that does not support fragmentation MUST drop any datagram whose FRAG field is other than X'00'."
func parseHeader(d []byte) (from netip.AddrPort, payload []byte, ok bool) {
	if len(d) < headerIPv4 || d[0] != 0 || d[1] != 0 || d[2] != 0 {
		return netip.AddrPort{}, nil, false
	}
	var address netip.Addr
	switch {
	case d[3] == atypIPv4:
		address = netip.AddrFrom4([4]byte(d[4:8]))
	case d[3] == atypIPv6 && len(d) >= headerIPv6:
		address = netip.AddrFrom16([16]byte(d[4:20]))
	default:
		return netip.AddrPort{}, nil, false
	}
	end := headerSize(address)
	port := binary.BigEndian.Uint16(d[end-2 : end])
	if port == 0 || address.Is4In6() {
		return netip.AddrPort{}, nil, false
	}
	return netip.AddrPortFrom(address, port), d[end:], true
}
