// SPDX-License-Identifier: Apache-2.0

// Package udptest has sockets in memory for tests under testing/synctest, and the suite that every udp.Socket must pass.
package udptest

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/ebbproject/ebb/transfer/udp"
)

// Datagrams is the little that a fake network offers.
type Datagrams interface {
	ReadFrom(b []byte) (int, netip.AddrPort, error) // blocks; after Close the error wraps net.ErrClosed
	WriteTo(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() netip.AddrPort
	Close() error
}

// MaxDatagram is the largest UDP payload in bytes there is over IPv4.
const MaxDatagram = 65507

// over is a udp.Socket that moves datagrams one by one.
type over struct {
	Datagrams
	mtu     int
	buffer  [MaxDatagram]byte
	message [1]udp.Message
}

// Over makes a udp.Socket of d. Datagrams of more than mtu bytes are refused with *udp.TooBigError; 0 means MaxDatagram.
func Over(d Datagrams, mtu int) udp.Socket {
	if mtu == 0 {
		mtu = MaxDatagram
	}
	return &over{Datagrams: d, mtu: mtu}
}

func (o *over) ReadBatch() ([]udp.Message, error) {
	n, from, err := o.ReadFrom(o.buffer[:])
	if err != nil {
		return nil, fmt.Errorf("read datagrams on %s: %w", o.LocalAddr(), err)
	}
	o.message[0] = udp.Message{Data: o.buffer[:n:n], From: from}
	return o.message[:], nil
}

func (o *over) WriteBatch(to netip.AddrPort, data []byte, segment int) error {
	if segment <= 0 {
		return fmt.Errorf("a batch cannot be cut into datagrams of %d bytes", segment)
	}
	for len(data) > 0 {
		one := data[:min(segment, len(data))]
		if len(one) > o.mtu {
			return &udp.TooBigError{Size: len(one), To: to}
		}
		if _, err := o.WriteTo(one, to); err != nil {
			return fmt.Errorf("send datagrams of %d bytes to %s: %w", len(one), to, err)
		}
		data = data[len(one):]
	}
	return nil
}

// Pair is two sockets joined by a perfect network in memory. They know each other as 192.0.2.1:1001 and 192.0.2.2:1002
// (addresses of RFC 5737); what they send elsewhere is lost.
func Pair() (a, b udp.Socket) {
	first, second := newEnd("192.0.2.1:1001"), newEnd("192.0.2.2:1002")
	first.peer, second.peer = second, first
	return Over(first, 0), Over(second, 0)
}

// An end of the perfect network: a queue without limit of what arrived.
type end struct {
	local netip.AddrPort
	peer  *end

	mu      sync.Mutex
	arrived sync.Cond
	queue   [][]byte
	closed  bool
}

func newEnd(local string) *end {
	e := &end{local: netip.MustParseAddrPort(local)}
	e.arrived.L = &e.mu
	return e
}

func (e *end) ReadFrom(b []byte) (int, netip.AddrPort, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) == 0 && !e.closed {
		e.arrived.Wait()
	}
	if e.closed {
		return 0, netip.AddrPort{}, net.ErrClosed
	}
	n := copy(b, e.queue[0])
	e.queue = e.queue[1:]
	return n, e.peer.local, nil
}

func (e *end) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	e.mu.Lock()
	closed := e.closed
	e.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if to == e.peer.local {
		e.peer.deliver(bytes.Clone(b))
	}
	return len(b), nil
}

func (e *end) deliver(d []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.queue = append(e.queue, d)
		e.arrived.Signal()
	}
}

func (e *end) LocalAddr() netip.AddrPort { return e.local }

func (e *end) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.queue = true, nil
	e.arrived.Broadcast()
	return nil
}
