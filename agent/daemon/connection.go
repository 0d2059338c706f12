// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"crypto/x509"
	"net/netip"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/lan"
)

// connection is what a conversation needs of its carrier: a *carrier.Conn, over UDP to anywhere, or a *lan.Conn, over TCP to a neighbour.
// carriertest.Conformance says what each of these does.
type connection interface {
	PeerCertificate() *x509.Certificate
	RemoteAddr() netip.AddrPort
	Send(msg []byte, unordered bool) error
	Budget() int
	Grain() int
	Ready() <-chan struct{}
	Receive(ctx context.Context) ([]byte, error)
	Recycle(msg []byte)
	Stats() carrier.Stats
	Done() <-chan struct{}
	Err() error
	Close() error
}

// The carriers between hosts of one location, as configuration and the local API call them.
const (
	CarrierTLS = "tls" // TLS 1.3 over TCP; UDP where that does not get through
	CarrierUDP = "udp" // what goes to other locations
)

// defaultCarrier is TLS, but for a hub: it is nobody's neighbour, and its TCP port serves the control plane.
func defaultCarrier(r fleet.Role) string {
	if r == fleet.RoleHub {
		return CarrierUDP
	}
	return CarrierTLS
}

// carriedBy names what a connection runs on.
func carriedBy(c connection) string {
	if _, ok := c.(*lan.Conn); ok {
		return CarrierTLS
	}
	return CarrierUDP
}

// seenAt is where a peer's data plane is seen; not valid where it is not known: a TCP connection comes from any port.
func seenAt(c connection) netip.AddrPort {
	if carriedBy(c) == CarrierTLS {
		return netip.AddrPort{}
	}
	return c.RemoteAddr()
}
