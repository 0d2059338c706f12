// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"github.com/ebbproject/ebb/link"
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
	marks   [4][]byte // control data that sends with an ECN codepoint
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
	s := &socket{fd: fd, control: make([]byte, unix.CmsgSpace(16)+unix.CmsgSpace(4))}
	level, option := unix.IPPROTO_IP, unix.IP_TOS
	if family == unix.AF_INET6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	for ecn := range s.marks {
		s.marks[ecn] = controlData(level, option, uint32(ecn))
	}
	if err := s.bind(listen); err != nil {
		return nil, errors.Join(fmt.Errorf("relay: listen on %v: %w", listen, err), s.close())
	}
	// Smaller buffers than asked for lose datagrams in a burst, as routers do. Without
	// stamps (before Linux 5.1) a datagram comes when it is read.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
	}
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

// controlData is one control message with a number.
func controlData(level, option int, value uint32) []byte {
	b := make([]byte, unix.CmsgSpace(4))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = int32(level), int32(option)
	h.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(b[unix.CmsgLen(0):], value)
	return b
}

// receive copies the next datagram to b, if there is one.
func (s *socket) receive(b []byte) (l letter, ok bool) {
	n, controls, _, sender, err := unix.Recvmsg(s.fd, b, s.control, unix.MSG_DONTWAIT)
	if err != nil {
		return letter{}, false
	}
	l = letter{size: n, from: addrPort(sender)}
	l.came, l.ecn = readControl(s.control[:controls], time.Now())
	return l, true
}

func (s *socket) send(b []byte, to netip.AddrPort, ecn link.ECN) error {
	if ecn == link.NotECT {
		return unix.Sendto(s.fd, b, unix.MSG_DONTWAIT, sockaddr(to))
	}
	_, err := unix.SendmsgN(s.fd, b, s.marks[ecn&3], sockaddr(to), unix.MSG_DONTWAIT)
	return err
}

func (s *socket) close() error { return unix.Close(s.fd) }

// readControl is when the datagram with this control data came, now if unknown, and the
// ECN bits of its header.
func readControl(control []byte, now time.Time) (came time.Time, ecn link.ECN) {
	came = now
	for len(control) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return came, ecn
		}
		control = rest
		switch {
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16:
			came = arrival(data, now)
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_TOS && len(data) >= 1:
			ecn = link.ECN(data[0] & 3)
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_TCLASS && len(data) >= 4:
			ecn = link.ECN(binary.NativeEndian.Uint32(data) & 3)
		}
	}
	return came, ecn
}

// arrival is the time in a stamp.
func arrival(data []byte, now time.Time) time.Time {
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
