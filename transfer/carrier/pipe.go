// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5/deadline"
)

// pipe is the net.PacketConn over which one DTLS handshake runs: datagrams come from the endpoint's reader and
// go out in an envelope.
type pipe struct {
	local    netip.AddrPort
	remote   netip.AddrPort
	in       chan []byte
	send     func(records []byte)
	muted    atomic.Bool
	deadline *deadline.Deadline
	closed   chan struct{}
	once     sync.Once
}

const pipeDepth = 32 // datagrams: more than any flight of a handshake

func newPipe(local, remote netip.AddrPort, send func(records []byte)) *pipe {
	return &pipe{
		local: local, remote: remote, send: send,
		in: make(chan []byte, pipeDepth), deadline: deadline.New(), closed: make(chan struct{}),
	}
}

// deliver gives the handshake a datagram; if it does not keep up, the datagram is lost.
func (p *pipe) deliver(records []byte) {
	select {
	case p.in <- bytes.Clone(records):
	default:
	}
}

// mute keeps DTLS from talking any more: its goodbye would only confuse.
func (p *pipe) mute() { p.muted.Store(true) }

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case <-p.deadline.Done():
		return 0, nil, os.ErrDeadlineExceeded
	default:
	}
	select {
	case d := <-p.in:
		return copy(b, d), net.UDPAddrFromAddrPort(p.remote), nil
	case <-p.deadline.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if !p.muted.Load() {
		p.send(b)
	}
	return len(b), nil
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipe) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

func (p *pipe) SetReadDeadline(t time.Time) error {
	p.deadline.Set(t)
	return nil
}

func (p *pipe) SetWriteDeadline(time.Time) error { return nil } // writes never wait
