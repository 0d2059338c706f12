// SPDX-License-Identifier: Apache-2.0

//go:build unix

package udp

import (
	"errors"
	"slices"
	"syscall"
)

// isPeerGone: ICMP said something about a datagram sent earlier. Whether a peer lives is for the shim to find out.
func isPeerGone(err error) bool {
	return slices.ContainsFunc([]error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ECONNRESET},
		func(e error) bool { return errors.Is(err, e) })
}

func isTooBig(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }
