// SPDX-License-Identifier: Apache-2.0

// Package udptest has sockets in memory for tests under testing/synctest, and the suite every udp.Socket must pass.
package udptest

import (
	"net/netip"

	"github.com/ebbproject/ebb/transfer/udp"
)

// Datagrams is the little a fake network offers.
type Datagrams interface {
	ReadFrom(b []byte) (int, netip.AddrPort, error) // blocks; error that wraps net.ErrClosed after Close
	WriteTo(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() netip.AddrPort
	Close() error
}

// Over makes a udp.Socket of d. Datagrams of more than mtu bytes are refused with *udp.TooBigError; 0: 65507.
func Over(d Datagrams, mtu int) udp.Socket { panic("skeleton") }

// Pair is two sockets joined by a perfect network in memory.
func Pair() (a, b udp.Socket) { panic("skeleton") }
