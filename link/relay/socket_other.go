// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/link"
)

// inboxSize is how many datagrams a socket holds for the loop; more are lost, as
// in a full receive buffer.
const inboxSize = 1024

// A socket is a UDP socket that never waits: a goroutine does, and takes the time
// at which datagrams come.
type socket struct {
	conn    *net.UDPConn
	addr    netip.AddrPort
	watch   *watch
	reading sync.WaitGroup

	mu    sync.Mutex
	inbox []mail
}

type mail struct {
	letter
	data []byte
}

// openSocket opens a socket that is watched by w for good.
func openSocket(listen netip.AddrPort, w *watch) (*socket, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(listen))
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	// Smaller buffers than asked for lose datagrams in a burst, as routers do.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	s := &socket{conn: conn, addr: plain(conn.LocalAddr().(*net.UDPAddr).AddrPort()), watch: w}
	s.reading.Go(s.read)
	return s, nil
}

// plain is an address in the one form that is used as a key.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func (s *socket) read() {
	b := make([]byte, 1<<16)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Some systems report here what became of datagrams sent earlier. That
			// must not end the relay, nor keep it busy should it be for good.
			time.Sleep(time.Millisecond)
		default:
			s.take(mail{letter{size: n, from: plain(from), came: time.Now()}, append([]byte(nil), b[:n]...)})
		}
	}
}

func (s *socket) take(l mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) < inboxSize {
		s.inbox = append(s.inbox, l)
		s.watch.ring()
	}
}

// receive copies the next datagram to b, if there is one. Its ECN bits are not known here.
func (s *socket) receive(b []byte) (l letter, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) == 0 {
		return letter{}, false
	}
	m := s.inbox[0]
	s.inbox = s.inbox[1:]
	m.size = copy(b, m.data)
	return m.letter, true
}

func (s *socket) send(b []byte, to netip.AddrPort, _ link.ECN) error {
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	return err
}

func (s *socket) close() error {
	err := s.conn.Close()
	s.reading.Wait()
	return err
}

// A watch waits until there is something to read on any of its sockets.
type watch struct{ bell chan struct{} }

func newWatch() (*watch, error) { return &watch{bell: make(chan struct{}, 1)}, nil }

// wait returns when there is something to read, after d unless d is negative, or once
// ring was called. It may return early.
func (w *watch) wait(d time.Duration) {
	var limit <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		limit = t.C
	}
	select {
	case <-w.bell:
	case <-limit:
	}
}

// sleep returns after d, whatever there is to read.
func (w *watch) sleep(d time.Duration) { time.Sleep(d) }

// ring ends wait.
func (w *watch) ring() {
	select {
	case w.bell <- struct{}{}:
	default: // it rings already
	}
}

func (w *watch) close() error { return nil }
