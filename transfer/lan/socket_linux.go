// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"math"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/transfer/udp"
)

// socket is what Linux adds to a connection.
type socket struct{ raw syscall.RawConn }

// prepare sets what can be set: no option is worth failing for, and which of the two families count depends on the socket.
func prepare(c *net.TCPConn, deadAfter time.Duration) (s socket) {
	raw, err := c.SyscallConn()
	if err != nil {
		return s
	}
	_ = raw.Control(func(fd uintptr) {
		set := func(level, option, value int) { _ = unix.SetsockoptInt(int(fd), level, option, value) }
		set(unix.IPPROTO_IP, unix.IP_TOS, udp.LowEffort)
		set(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, udp.LowEffort)
		set(unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
		set(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
	})
	return socket{raw}
}

// path asks the kernel. It is not ok where the kernel does not tell.
func (s socket) path() (p path, ok bool) {
	if s.raw == nil {
		return p, false
	}
	var i *unix.TCPInfo
	if err := s.raw.Control(func(fd uintptr) { i, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil || i == nil {
		return p, false
	}
	if i.Min_rtt == math.MaxUint32 || i.Bytes_sent == 0 { // nothing measured yet, or a kernel before 4.19
		return p, false
	}
	under := int64(i.Unacked) + int64(i.Retrans) - int64(i.Sacked) - int64(i.Lost)
	return path{
		rtt: time.Duration(i.Rtt) * time.Microsecond, minRTT: time.Duration(i.Min_rtt) * time.Microsecond,
		sent: i.Bytes_sent, resent: i.Bytes_retrans, acked: i.Bytes_acked, delivered: float64(i.Delivery_rate),
		inFlight: int(max(0, under)) * int(i.Snd_mss), mss: int(i.Snd_mss),
	}, true
}

// pace tells the kernel how fast it may send: socket(7), SO_MAX_PACING_RATE. TCP paces by itself, whatever the queueing discipline.
func (s socket) pace(bytesPerSecond float64) {
	_ = s.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, uint64(bytesPerSecond))
	})
}
