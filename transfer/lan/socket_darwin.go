// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ebbproject/ebb/transfer/udp"
)

// socket is what the system adds to a connection.
type socket struct{}

// prepare sets what can be set: no option is worth failing for.
func prepare(c *net.TCPConn, _ time.Duration) (s socket) {
	raw, err := c.SyscallConn()
	if err != nil {
		return s
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, udp.LowEffort)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, udp.LowEffort)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
	})
	return s
}

func (socket) path() (p path, ok bool) { return p, false }

func (socket) pace(float64) {}
