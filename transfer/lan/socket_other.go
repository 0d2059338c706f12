// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package lan

import (
	"net"
	"time"
)

// socket is what the system adds to a connection: nothing.
type socket struct{}

// prepare bounds what the kernel holds that has not been sent by the buffer for all that has not been acknowledged.
func prepare(c *net.TCPConn, _ time.Duration) (s socket) {
	_ = c.SetWriteBuffer(4 * unsent)
	return s
}

func (socket) path() (p path, ok bool) { return p, false }

func (socket) pace(float64) {}
