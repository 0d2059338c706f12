// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/link/tun"
)

// A place is where a socket belongs: an address in a namespace.
type place struct {
	namespace string
	addr      netip.Addr
}

// listenTCP opens a listener at a place. What it accepts sends under the congestion control.
func listenTCP(at place, control string) (l net.Listener, err error) {
	err = tun.In(at.namespace, func() error {
		fd, err := socketTCP(control)
		if err != nil {
			return err
		}
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: at.addr.As4()})
		if err == nil {
			err = unix.Listen(fd, unix.SOMAXCONN)
		}
		l, err = handOver(fd, err, net.FileListener)
		return err
	})
	return l, err
}

// dialTCP connects from a place; it sends under the congestion control.
func dialTCP(from place, to net.Addr, control string) (c *net.TCPConn, err error) {
	err = tun.In(from.namespace, func() error {
		fd, err := socketTCP(control)
		if err != nil {
			return err
		}
		addr := to.(*net.TCPAddr).AddrPort()
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
		conn, err := handOver(fd, err, net.FileConn)
		if err == nil {
			c = conn.(*net.TCPConn)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %v from %s: %w", to, from.namespace, err)
	}
	return c, nil
}

// socketTCP opens a socket in the namespace of the calling thread.
func socketTCP(control string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, control); err != nil {
		return 0, errors.Join(fmt.Errorf("%w: this kernel has no TCP %s: %w", errNotInstalled, control, err), unix.Close(fd))
	}
	return fd, nil
}

// handOver lets the runtime have a socket, if nothing has gone wrong with it so far.
func handOver[T any](fd int, err error, to func(*os.File) (T, error)) (T, error) {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close() // to duplicates it
	if err != nil {
		var none T
		return none, err
	}
	return to(f)
}

// listenUDP opens a socket at a place, that tells when its datagrams came.
func listenUDP(at place) (c *net.UDPConn, err error) {
	err = tun.In(at.namespace, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: at.addr.As4()}),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1))
		conn, err := handOver(fd, err, net.FilePacketConn)
		if err == nil {
			c = conn.(*net.UDPConn)
		}
		return err
	})
	return c, err
}

// receiveUDP reads a datagram and says when it came, by the kernel's clock.
func receiveUDP(c *net.UDPConn, b []byte) (n int, came time.Time, err error) {
	control := make([]byte, unix.CmsgSpace(16))
	n, controls, _, _, err := c.ReadMsgUDPAddrPort(b, control)
	if err != nil {
		return 0, came, err
	}
	header, data, _, err := unix.ParseOneSocketControlMessage(control[:controls])
	if err != nil || header.Type != unix.SO_TIMESTAMPNS_NEW || len(data) < 16 {
		return n, time.Now(), nil
	}
	return n, time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:]))), nil
}

// forgetful makes the kernel start each TCP connection without what it has learned from earlier ones.
func forgetful(namespace string) error {
	return tun.In(namespace, func() error { return os.WriteFile("/proc/sys/net/ipv4/tcp_no_metrics_save", []byte("1"), 0) })
}
