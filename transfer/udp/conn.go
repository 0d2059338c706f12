// SPDX-License-Identifier: Apache-2.0

package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Bits of Config.TrafficClass.
const (
	LowEffort = 0x04 // DSCP LE, RFC 8622: everything else goes first
	ECT0      = 0x02 // ECN-capable transport, RFC 3168: routers may mark instead of drop
)

// defaultBuffer holds what 2 Gbit/s bring in 30 ms, the longest that a busy reader should be away.
const defaultBuffer = 8 << 20

// Config says how a socket is opened.
type Config struct {
	Address      netip.AddrPort // to listen on; the zero value or :: hear both families; port 0: the system chooses
	TrafficClass uint8          // TOS byte of IPv4, traffic class of IPv6; best effort
	Buffer       int            // bytes asked for each kernel buffer; 0 means 8 MiB; the system may give less, see Buffers
}

// Conn is a Socket of the system.
type Conn struct {
	socket *net.UDPConn
	local  netip.AddrPort
	system // what this operating system adds
}

// Listen opens a UDP socket.
func Listen(c Config) (*Conn, error) {
	network, address := "udp", &net.UDPAddr{Port: int(c.Address.Port())}
	if ip := c.Address.Addr(); ip.Is4() || !ip.IsUnspecified() && ip.IsValid() {
		address = net.UDPAddrFromAddrPort(c.Address)
		network = "udp6"
		if ip.Unmap().Is4() {
			network = "udp4"
		}
	}
	socket, err := net.ListenUDP(network, address)
	if err != nil {
		return nil, fmt.Errorf("open a UDP socket on %s; choose another address, or port 0: %w", address, err)
	}
	if c.Buffer == 0 {
		c.Buffer = defaultBuffer
	}
	conn := &Conn{socket: socket, local: unmap(socket.LocalAddr().(*net.UDPAddr).AddrPort())}
	if err := conn.prepare(c); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the UDP socket on %s: %w", conn.local, err), socket.Close())
	}
	return conn, nil
}

// LocalAddr implements Socket.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

// Close implements Socket.
func (c *Conn) Close() error {
	if err := c.socket.Close(); err != nil {
		return fmt.Errorf("close the UDP socket on %s: %w", c.local, err)
	}
	return nil
}

// writeEach sends a batch with one call a datagram.
func (c *Conn) writeEach(to netip.AddrPort, data []byte, segment int) error {
	for len(data) > 0 {
		one := data[:min(segment, len(data))]
		if _, err := c.socket.WriteToUDPAddrPort(one, to); err != nil {
			return sendError(err, to, len(one))
		}
		data = data[len(one):]
	}
	return nil
}

func sendError(err error, to netip.AddrPort, size int) error {
	if isTooBig(err) {
		return &TooBigError{Size: size, To: to}
	}
	return fmt.Errorf("send datagrams of %d bytes to %s: %w", size, to, err)
}
