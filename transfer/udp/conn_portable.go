// SPDX-License-Identifier: Apache-2.0

//go:build !linux || portable

package udp

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// system is what the common ground of all systems adds to a Conn.
type system struct {
	data    []byte
	message [1]Message
}

// prepare does what it can: no option is worth failing for.
func (c *Conn) prepare(config Config) error {
	c.data = make([]byte, 1<<16)
	_ = c.socket.SetReadBuffer(config.Buffer)
	_ = c.socket.SetWriteBuffer(config.Buffer)
	_ = ipv4.NewPacketConn(c.socket).SetTOS(int(config.TrafficClass))
	_ = ipv6.NewPacketConn(c.socket).SetTrafficClass(int(config.TrafficClass))
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(dontFragment)
}

// Buffers is the size in bytes of the kernel's buffers for reading and writing; 0 where it is not known.
func (c *Conn) Buffers() (read, write int) { return 0, 0 }

// String says in one line what the socket can do.
func (c *Conn) String() string { return fmt.Sprintf("udp %s", c.local) }

// ReadBatch implements Socket.
func (c *Conn) ReadBatch() ([]Message, error) {
	for {
		n, from, err := c.socket.ReadFromUDPAddrPort(c.data)
		if err == nil {
			c.message[0] = Message{Data: c.data[:n:n], From: unmap(from)}
			return c.message[:], nil
		}
		if !isPeerGone(err) {
			return nil, fmt.Errorf("read datagrams on %s: %w", c.local, err)
		}
	}
}

// WriteBatch implements Socket.
func (c *Conn) WriteBatch(to netip.AddrPort, data []byte, segment int) error {
	if err := checkSegment(segment); err != nil {
		return err
	}
	return c.writeEach(unmap(to), data, segment)
}
