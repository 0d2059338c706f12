// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Sizes of the header for the two kinds of address, in bytes.
const (
	HeaderIPv4 = 4 + 4 + 2
	HeaderIPv6 = 4 + 16 + 2
)

// Address types of RFC 1928, section 5. Domain names (3) are not for relays on loopback.
const (
	atypIPv4 = 1
	atypIPv6 = 4
)

// ErrHeader is wrapped by every error of ParseHeader.
var ErrHeader = errors.New("relay: not an RFC 1928 UDP request header")

// AppendHeader appends the header that names addr to b. An IPv4 address in IPv6
// form is written as IPv4; a zone is left out.
//
// RFC 1928, section 7:
//
//	+----+------+------+----------+----------+----------+
//	|RSV | FRAG | ATYP | DST.ADDR | DST.PORT |   DATA   |
//	+----+------+------+----------+----------+----------+
//	| 2  |  1   |  1   | Variable |    2     | Variable |
//	+----+------+------+----------+----------+----------+
func AppendHeader(b []byte, addr netip.AddrPort) []byte {
	if ip := addr.Addr().Unmap(); ip.Is4() {
		a := ip.As4()
		b = append(append(b, 0, 0, 0, atypIPv4), a[:]...)
	} else {
		a := ip.As16()
		b = append(append(b, 0, 0, 0, atypIPv6), a[:]...)
	}
	return binary.BigEndian.AppendUint16(b, addr.Port())
}

// ParseHeader splits a datagram into the address in its header and the payload,
// which is part of b. Each address has one accepted form, the one that AppendHeader
// writes; port 0, fragments and domain names are refused. Errors wrap ErrHeader.
func ParseHeader(b []byte) (addr netip.AddrPort, payload []byte, err error) {
	if len(b) < HeaderIPv4 {
		return addr, nil, fmt.Errorf("%w: %d bytes are too few", ErrHeader, len(b))
	}
	if b[0] != 0 || b[1] != 0 {
		return addr, nil, fmt.Errorf("%w: reserved bytes are %#x, not 0", ErrHeader, b[:2])
	}
	// "An implementation that does not support fragmentation MUST drop any
	// datagram whose FRAG field is other than X'00'."
	if b[2] != 0 {
		return addr, nil, fmt.Errorf("%w: fragment %d; fragments are not supported", ErrHeader, b[2])
	}
	var ip netip.Addr
	switch b[3] {
	case atypIPv4:
		ip = netip.AddrFrom4([4]byte(b[4:8]))
		b = b[8:]
	case atypIPv6:
		if len(b) < HeaderIPv6 {
			return addr, nil, fmt.Errorf("%w: %d bytes are too few for IPv6", ErrHeader, len(b))
		}
		ip = netip.AddrFrom16([16]byte(b[4:20]))
		if ip.Is4In6() {
			return addr, nil, fmt.Errorf("%w: %v is IPv4 in IPv6 form", ErrHeader, ip)
		}
		b = b[20:]
	default:
		return addr, nil, fmt.Errorf("%w: address type %d; 1 (IPv4) and 4 (IPv6) are supported", ErrHeader, b[3])
	}
	port := binary.BigEndian.Uint16(b)
	if port == 0 {
		return addr, nil, fmt.Errorf("%w: port 0 of %v", ErrHeader, ip)
	}
	return netip.AddrPortFrom(ip, port), b[2:], nil
}
