// SPDX-License-Identifier: Apache-2.0

//go:build linux && !portable

package udp

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// What tests must see or force on a Conn of Linux.

func (c *Conn) RefuseCutting() { c.refused.Store(true) }
func (c *Conn) Cuts() bool     { return !c.refused.Load() }
func (c *Conn) Joins() bool    { return c.joins }

func (c *Conn) WriteCut(to netip.AddrPort, data []byte, segment int) error {
	return c.writeCut(to, data, segment)
}

func (c *Conn) Option(level, option int) (value int, err error) {
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { value, failed = unix.GetsockoptInt(int(fd), level, option) })
	if err != nil {
		return 0, err
	}
	return value, failed
}

// WithoutOffload makes a Conn read and write datagrams one by one.
func (c *Conn) WithoutOffload() error {
	c.refused.Store(true)
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 0) })
	if err != nil {
		return err
	}
	c.joins = false
	return failed
}
