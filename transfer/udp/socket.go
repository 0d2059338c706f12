// SPDX-License-Identifier: Apache-2.0

package udp

import (
	"fmt"
	"net/netip"
)

// Message is one datagram that arrived.
type Message struct {
	Data []byte         // valid until the next ReadBatch
	From netip.AddrPort // never an IPv4-mapped IPv6 address
	CE   bool           // a router on the way marked congestion (RFC 3168); only where the system tells
}

// Socket is a UDP socket. One goroutine reads; any number write.
type Socket interface {
	// ReadBatch waits for datagrams and returns at least one. The slice and what it points to are valid until
	// the next call. After Close it returns an error that wraps net.ErrClosed; no other error is final.
	ReadBatch() ([]Message, error)
	// WriteBatch sends data to one address as datagrams of segment bytes each, the last one possibly shorter, in
	// as few system calls as the system allows. data may be reused afterwards. An error says that some of them were
	// not sent, to be treated like loss on the way; *TooBigError says that they never will be at this size.
	WriteBatch(to netip.AddrPort, data []byte, segment int) error
	LocalAddr() netip.AddrPort
	Close() error
}

// TooBigError reports datagrams larger than the path's first link, or the system, takes.
type TooBigError struct {
	Size int // bytes of UDP payload
	To   netip.AddrPort
}

func (e *TooBigError) Error() string {
	return fmt.Sprintf("datagram of %d bytes to %s is too big for the path; send smaller ones", e.Size, e.To)
}

// Bits of Config.TrafficClass.
const (
	LowEffort = 0x04 // DSCP LE, RFC 8622: anything else goes first
	ECT0      = 0x02 // ECN-capable transport, RFC 3168
)

// Config says how a socket is opened.
type Config struct {
	Address      netip.AddrPort // to listen on; port 0: the system chooses
	TrafficClass uint8          // TOS byte of IPv4, traffic class of IPv6, best effort
	Buffer       int            // bytes of each kernel buffer asked for; 0 means 8 MiB; the system may give less
}

// Conn is a Socket of the system.
type Conn struct{}

// Listen opens a UDP socket.
func Listen(c Config) (*Conn, error) { panic("skeleton") }

// ReadBatch implements Socket.
func (c *Conn) ReadBatch() ([]Message, error) { panic("skeleton") }

// WriteBatch implements Socket.
func (c *Conn) WriteBatch(to netip.AddrPort, data []byte, segment int) error { panic("skeleton") }

// LocalAddr implements Socket.
func (c *Conn) LocalAddr() netip.AddrPort { panic("skeleton") }

// Close implements Socket.
func (c *Conn) Close() error { panic("skeleton") }

// Via sends through a relay whatever direct does not allow to be sent straight, each datagram behind the header of
// RFC 1928 section 7, and takes the header off what comes from the relay; From is then the real sender.
func Via(s Socket, relay netip.AddrPort, direct func(netip.AddrPort) bool) Socket { panic("skeleton") }
