// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package yield

import (
	"net"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/link/tun"
)

// A place is where a socket belongs: an address in a namespace, of which this system has none.
type place struct {
	namespace string
	addr      netip.Addr
}

func listenTCP(place, string) (net.Listener, error)           { return nil, tun.ErrNotLinux }
func dialTCP(place, net.Addr, string) (*net.TCPConn, error)   { return nil, tun.ErrNotLinux }
func listenUDP(place) (*net.UDPConn, error)                   { return nil, tun.ErrNotLinux }
func receiveUDP(*net.UDPConn, []byte) (int, time.Time, error) { return 0, time.Time{}, tun.ErrNotLinux }
func forgetful(string) error                                  { return tun.ErrNotLinux }
