// SPDX-License-Identifier: Apache-2.0

package linktest

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
)

const (
	// MaxDatagram is what UDP over IPv4 carries at most, in bytes.
	MaxDatagram = 65507
	// inboxBytes is how much an endpoint holds for a reader that is late, as a
	// socket's receive buffer does. What comes beyond is lost.
	inboxBytes = 4 << 20
)

// An Endpoint sends and receives datagrams as a UDP socket does: whole or not at
// all, without a word about those that are lost.
type Endpoint struct {
	network *Network
	opened  netip.AddrPort

	// guarded by network.mu
	addr    netip.AddrPort
	inbox   []datagram
	held    int // bytes in inbox
	arrived sync.Cond
	closed  bool
}

// ReadFrom waits for a datagram and copies it to b; what does not fit is lost. After
// Close it returns an error that wraps net.ErrClosed.
func (e *Endpoint) ReadFrom(b []byte) (n int, from netip.AddrPort, err error) {
	e.network.mu.Lock()
	defer e.network.mu.Unlock()
	for len(e.inbox) == 0 && !e.closed {
		e.arrived.Wait()
	}
	if e.closed {
		return 0, netip.AddrPort{}, e.errClosed("read from")
	}
	d := e.inbox[0]
	e.inbox[0] = datagram{}
	e.inbox = e.inbox[1:]
	e.held -= len(d.data)
	return copy(b, d.data), d.from, nil
}

// WriteTo sends a datagram of at most MaxDatagram bytes; b may be reused
// afterwards. It never blocks. After Close it returns an error that wraps
// net.ErrClosed.
func (e *Endpoint) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	if len(b) > MaxDatagram {
		return 0, fmt.Errorf("linktest: a datagram of %d bytes to %v: the limit is %d", len(b), to, MaxDatagram)
	}
	e.network.mu.Lock()
	defer e.network.mu.Unlock()
	if e.closed {
		return 0, e.errClosed("write to")
	}
	e.network.send(datagram{e.addr, to, append([]byte(nil), b...)}, e)
	return len(b), nil
}

func (e *Endpoint) errClosed(what string) error {
	return fmt.Errorf("linktest: %s endpoint %v: %w", what, e.opened, net.ErrClosed)
}

// LocalAddr is the address that the endpoint was opened with: like a host behind a
// NAT, it does not see Rebind.
func (e *Endpoint) LocalAddr() netip.AddrPort { return e.opened }

// Rebind gives the endpoint another address, with the same routes: what it sends
// from now on comes from there, and what arrives at the former one is lost. It
// panics if addr is or was another's.
func (e *Endpoint) Rebind(addr netip.AddrPort) {
	e.network.mu.Lock()
	defer e.network.mu.Unlock()
	e.network.own(addr, e)
}

// Network is the network that the endpoint is part of.
func (e *Endpoint) Network() *Network { return e.network }

// PathTo is the path that datagrams to another endpoint take, nil without a route.
func (e *Endpoint) PathTo(other *Endpoint) *Path {
	e.network.mu.Lock()
	defer e.network.mu.Unlock()
	return e.network.routes[route{e, other}]
}

// Close ends the endpoint and wakes its reader. With the last endpoint the network closes.
func (e *Endpoint) Close() error {
	e.network.mu.Lock()
	defer e.network.mu.Unlock()
	e.close()
	for _, other := range e.network.owner {
		if !other.closed {
			return nil
		}
	}
	e.network.stop()
	return nil
}

func (e *Endpoint) close() {
	e.closed = true
	e.inbox, e.held = nil, 0
	e.arrived.Broadcast()
}

// accept takes a datagram into the inbox, if there is room and anybody to read it.
func (e *Endpoint) accept(d datagram) bool {
	if e.closed || e.held+len(d.data) > inboxBytes {
		return false
	}
	e.inbox = append(e.inbox, d)
	e.held += len(d.data)
	e.arrived.Signal()
	return true
}
