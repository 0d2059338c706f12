// SPDX-License-Identifier: Apache-2.0

package udp

import (
	"fmt"
	"net/netip"
	"time"
)

// Message is one datagram that arrived.
type Message struct {
	Data []byte         // valid until the next ReadBatch
	From netip.AddrPort // never an IPv4-mapped IPv6 address
	CE   bool           // a router on the way marked congestion (RFC 3168); only where the system tells
	At   time.Time      // when it came to this host, however late it was read; zero where the system does not tell
}

// Socket is a UDP socket. One goroutine reads; any number write.
type Socket interface {
	// ReadBatch waits for datagrams and returns at least one. The slice and what it points to are valid, and may be
	// changed, until the next call. After Close it returns an error that wraps net.ErrClosed; no other error is final.
	ReadBatch() ([]Message, error)
	// WriteBatch sends data to one address as datagrams of segment bytes each, the last one possibly shorter, in
	// as few system calls as the system allows. data may be reused afterwards; empty data sends nothing. An error says
	// that some of them were not sent, to be treated like loss on the way; *TooBigError says that they never will be at
	// this size; after Close the error wraps net.ErrClosed.
	WriteBatch(to netip.AddrPort, data []byte, segment int) error
	// LocalAddr is the address the socket is bound to, which may be unspecified (0.0.0.0 or ::).
	LocalAddr() netip.AddrPort
	// Close ends the socket and wakes its reader.
	Close() error
}

// TooBigError reports datagrams larger than the first link of the path, or the system, takes.
type TooBigError struct {
	Size int // bytes of UDP payload
	To   netip.AddrPort
}

func (e *TooBigError) Error() string {
	return fmt.Sprintf("datagram of %d bytes to %s is too big for the path; send smaller ones", e.Size, e.To)
}

// checkSegment refuses a batch that cannot be cut.
func checkSegment(segment int) error {
	if segment <= 0 {
		return fmt.Errorf("a batch cannot be cut into datagrams of %d bytes; give a size of 1 or more", segment)
	}
	return nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
