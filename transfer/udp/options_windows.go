// SPDX-License-Identifier: Apache-2.0

package udp

import (
	"errors"

	"golang.org/x/sys/windows"
)

// Options of ws2ipdef.h: IP_DONTFRAGMENT and IPV6_DONTFRAG have the same number.
const dontFragmentOption = 14

func dontFragment(fd uintptr) {
	_ = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, dontFragmentOption, 1)
	_ = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, dontFragmentOption, 1)
}

// isPeerGone: Windows reports the ICMP answer to an earlier datagram as a reset of the socket.
func isPeerGone(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAENETRESET)
}

func isTooBig(err error) bool { return errors.Is(err, windows.WSAEMSGSIZE) }
