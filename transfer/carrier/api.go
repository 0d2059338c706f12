// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/transfer/udp"
)

// MaxMessage is the size in bytes of the largest message a Conn carries.
const MaxMessage = 256 << 10

const (
	minDatagram     = 1200 // what every path is expected to take
	wanDatagram     = 1440 // fits Ethernet's 1500 with IPv6 and a relay's header
	largestDatagram = 8160 // pion/sctp reads 8192; eight of these make one batch of the kernel's
)

// Config says how an Endpoint works. Socket, Certificate and Roots are required.
type Config struct {
	// Socket is owned by the Endpoint from Listen on and closed by it.
	Socket udp.Socket
	// Certificate is this host's own, ECDSA P-256, issued by one of Roots for both client and server authentication.
	Certificate tls.Certificate
	// Roots are the certificate authorities of the fleet.
	Roots *x509.CertPool
	// Verify, if set, has the last word on a peer's certificate after its chain and dates were checked.
	Verify func(*x509.Certificate) error
	// Controller makes the congestion controller of a Conn with that peer for datagrams of mss bytes; nil means Named(ledbat.DefaultName).
	// One that is a Member of Groups leaves its group with the Conn.
	Controller func(peer *x509.Certificate, mss int) ledbat.Controller
	// MaxDatagram is the largest UDP payload in bytes ever tried, 1200 to 8160; 0 means 8160. What the path takes is probed.
	MaxDatagram int
	// DeadAfter is how long nothing may be heard of a peer before its Conn is closed; 0 means 30 minutes.
	DeadAfter time.Duration
	// HandshakeTimeout bounds a handshake that a peer began with us; 0 means 30 seconds. Dial is bounded by its context.
	HandshakeTimeout time.Duration
	// Refused, if set, is told of handshakes by peers that failed, with a *HandshakeError. It must not block.
	Refused func(from netip.AddrPort, err error)
}

func (c *Config) applyDefaults() {
	if c.MaxDatagram == 0 {
		c.MaxDatagram = largestDatagram
	}
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = 30 * time.Second
	}
	if c.Controller == nil {
		c.Controller, _ = Named(ledbat.DefaultName)
	}
}

// Named makes controllers of that name, one of ledbat.Names, with its defaults. Its error wraps ledbat.ErrUnknownController.
func Named(name string) (func(peer *x509.Certificate, mss int) ledbat.Controller, error) {
	if _, err := ledbat.New(name, ledbat.Default()); err != nil {
		return nil, err
	}
	return func(_ *x509.Certificate, mss int) ledbat.Controller { return fresh(name, mss) }, nil
}

// fresh is a new controller of one of ledbat.Names, with its defaults.
func fresh(name string, mss int) ledbat.Controller {
	config := ledbat.Default()
	config.MSS = mss
	controller, err := ledbat.New(name, config)
	if err != nil {
		panic(err) // the defaults are good, and so is every size of a datagram
	}
	return controller
}

// Stats is a snapshot of one Conn.
type Stats struct {
	RTT           time.Duration // smoothed round trip
	MinRTT        time.Duration // smallest round trip seen
	QueueDelay    time.Duration // standing queue towards the peer, as the controller sees it
	Window        int           // bytes the controller allows in flight
	Rate          float64       // pacing rate in bytes per second; 0: not paced
	InFlight      int           // bytes sent and neither acknowledged nor lost
	Buffered      int           // bytes handed over with Send that the peer has not acknowledged
	MTU           int           // UDP payload in bytes that the path takes
	Datagrams     uint64        // datagrams sent
	BytesSent     uint64        // UDP payload bytes sent
	BytesReceived uint64        // UDP payload bytes received and authenticated
	Lost          uint64        // datagrams declared lost
	Spurious      uint64        // datagrams declared lost that arrived after all
	Retransmitted uint64        // packets sent more than once
	Timeouts      uint64        // times nothing came back for a whole timeout while data was in flight
	SCTPTimeouts  uint64        // T3 expiries of SCTP: its retransmission timer, which should stay silent
	Blackout      bool          // a whole timeout went unanswered: only probes are sent
	LastHeard     time.Time     // when the peer was last heard
}
