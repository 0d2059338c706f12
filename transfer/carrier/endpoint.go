// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/x509"
	"net/netip"
)

// Endpoint is one UDP socket and every Conn over it. Its methods may be called from any goroutine.
type Endpoint struct{}

// Listen starts an Endpoint over c.Socket: it answers peers at once, and gives their Conns to Accept.
func Listen(c Config) (*Endpoint, error) { panic("skeleton") }

// Dial opens a Conn to the host at addr. Errors: ErrUnreachable, ErrForeign, ErrExpired, ErrRefused, ErrClosed.
func (e *Endpoint) Dial(ctx context.Context, addr netip.AddrPort) (*Conn, error) { panic("skeleton") }

// Accept waits for the next Conn that a peer opened and that is authenticated.
func (e *Endpoint) Accept(ctx context.Context) (*Conn, error) { panic("skeleton") }

// Addr is the address of the socket.
func (e *Endpoint) Addr() netip.AddrPort { panic("skeleton") }

// Close closes every Conn and the socket, and waits until all goroutines have ended.
func (e *Endpoint) Close() error { panic("skeleton") }

// Conn is one conversation with one authenticated peer. Its methods may be called from any goroutine.
type Conn struct{}

// Receive waits for the next whole message. The caller owns the bytes. After the end of the Conn it returns what
// had arrived, then Err().
func (c *Conn) Receive(ctx context.Context) ([]byte, error) { panic("skeleton") }

// Send hands over one message of 1 to MaxMessage bytes. It never blocks and copies msg. Unordered messages may
// arrive in any order; the others keep theirs. Callers ask Budget first: what is sent beyond it waits inside SCTP.
func (c *Conn) Send(msg []byte, unordered bool) error { panic("skeleton") }

// Budget is how many bytes may be handed over now: at least Grain, or 0: then wait for Ready.
func (c *Conn) Budget() int { panic("skeleton") }

// Grain is the best size in bytes of a message now: 4 KiB on slow paths, up to 64 KiB on fast ones.
func (c *Conn) Grain() int { panic("skeleton") }

// Ready is pulsed (capacity 1) when Budget may have grown.
func (c *Conn) Ready() <-chan struct{} { panic("skeleton") }

// PeerCertificate is the certificate that the peer proved to own.
func (c *Conn) PeerCertificate() *x509.Certificate { panic("skeleton") }

// RemoteAddr is the address the peer is seen at now; it changes when the peer moves.
func (c *Conn) RemoteAddr() netip.AddrPort { panic("skeleton") }

// Stats is a snapshot.
func (c *Conn) Stats() Stats { panic("skeleton") }

// Done is closed when the Conn has ended; Err then says why.
func (c *Conn) Done() <-chan struct{} { panic("skeleton") }

// Err is nil while the Conn lives; ErrClosed after Close; ErrPeerClosed after the peer's; ErrDead after DeadAfter.
func (c *Conn) Err() error { panic("skeleton") }

// Close gives what was sent up to a second to be acknowledged, tells the peer, and frees everything.
func (c *Conn) Close() error { panic("skeleton") }
