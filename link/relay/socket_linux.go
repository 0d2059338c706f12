// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// maxAge is more than any datagram waits in a socket that is read. A stamp that is
// older shows that the wall clock was set meanwhile.
const maxAge = time.Second

// A socket is a UDP socket that never waits, and that is not in the runtime's poller:
// there, each datagram would wake a thread as it comes.
type socket struct {
	fd      int
	addr    netip.AddrPort
	control []byte
}

// openSocket opens a socket that tells when its datagrams came, watched by w for good.
func openSocket(listen netip.AddrPort, w *watch) (*socket, error) {
	family := unix.AF_INET
	if listen.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("relay: open a socket: %w", err)
	}
	s := &socket{fd: fd, control: make([]byte, unix.CmsgSpace(16))}
	if err := s.bind(listen); err != nil {
		return nil, errors.Join(fmt.Errorf("relay: listen on %v: %w", listen, err), s.close())
	}
	// Smaller buffers than asked for lose datagrams in a burst, as routers do. Without
	// stamps (before Linux 5.1) a datagram comes when it is read.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
	w.polls = append(w.polls, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	return s, nil
}

func (s *socket) bind(listen netip.AddrPort) error {
	if err := unix.Bind(s.fd, sockaddr(listen)); err != nil {
		return err
	}
	bound, err := unix.Getsockname(s.fd)
	s.addr = addrPort(bound)
	return err
}

// receive copies the next datagram to b, if there is one, and says when it came.
func (s *socket) receive(b []byte) (n int, from netip.AddrPort, came time.Time, ok bool) {
	n, controls, _, sender, err := unix.Recvmsg(s.fd, b, s.control, unix.MSG_DONTWAIT)
	if err != nil {
		return 0, from, came, false
	}
	return n, addrPort(sender), arrival(s.control[:controls], time.Now()), true
}

func (s *socket) send(b []byte, to netip.AddrPort) error {
	return unix.Sendto(s.fd, b, unix.MSG_DONTWAIT, sockaddr(to))
}

func (s *socket) close() error { return unix.Close(s.fd) }

// arrival is when the datagram with this control data came, now if unknown.
func arrival(control []byte, now time.Time) time.Time {
	header, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || header.Level != unix.SOL_SOCKET || header.Type != unix.SO_TIMESTAMPNS_NEW || len(data) < 16 {
		return now
	}
	seconds := int64(binary.NativeEndian.Uint64(data))
	nanoseconds := int64(binary.NativeEndian.Uint64(data[8:]))
	age := now.Sub(time.Unix(seconds, nanoseconds)) // by the wall clock: time.Unix has no other
	if age < 0 || age > maxAge {
		return now
	}
	return now.Add(-age)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}
