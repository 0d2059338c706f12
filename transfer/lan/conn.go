// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ebbproject/ebb/transfer/carrier"
)

const (
	beat       = time.Second            // how often a Conn looks after itself
	probeEvery = 100 * time.Millisecond // while messages are sent, at most
	probeIdle  = 10 * time.Second       // while nothing is heard
	lingerFor  = time.Second            // Close waits that long for the peer to take everything

	inboxDepth = 16 // messages that wait for Receive; what follows waits in the kernel
)

// Conn is one conversation with one authenticated peer. Its methods may be called from any goroutine.
//
// Three goroutines run it: one reads frames, one writes them, one keeps time. mu guards what they share, and is never held while anything blocks.
type Conn struct {
	endpoint *Endpoint
	tcp      *net.TCPConn
	wire     *wire
	tls      *tls.Conn
	socket   socket
	peer     *x509.Certificate
	remote   netip.AddrPort

	mu      sync.Mutex
	queue   [][]byte  // frames that wait for the writer
	queued  int       // bytes of frames that it has not written; at most maxQueued, and one message
	handed  uint64    // bytes of messages given to Send
	written uint64    // of these, given to TLS
	arrived uint64    // of these, known to have arrived
	echo    uint64    // value of a probe that is to be answered
	answer  bool      // there is one
	asked   time.Time // when the probe left that has no answer; zero: there is none
	probed  time.Time // when the last one left
	wanted  time.Time // since when one is; zero: none is
	rtt     time.Duration
	leaving bool
	pace    pace
	stats   struct{ in, out uint64 } // bytes of frames

	heard   atomic.Int64 // when a frame last arrived, in nanoseconds since 1970
	starved atomic.Bool  // Budget said no since Ready was last pulsed
	wake    chan struct{}
	ready   chan struct{}
	inbox   chan []byte
	closing chan struct{} // closed when Close begins
	left    chan struct{} // closed when nothing more can be read

	ending atomic.Bool
	done   chan struct{}
	err    error // set before done is closed
	wg     sync.WaitGroup
}

// newConn begins the conversation over a finished handshake.
func newConn(e *Endpoint, w *wire, t *tls.Conn, dialled bool) (*Conn, error) {
	c := &Conn{
		endpoint: e, tcp: w.TCPConn, wire: w, tls: t, peer: t.ConnectionState().PeerCertificates[0], remote: addressOf(w.RemoteAddr()),
		socket: prepare(w.TCPConn, e.cfg.DeadAfter),
		wake:   make(chan struct{}, 1), ready: make(chan struct{}, 1), inbox: make(chan []byte, inboxDepth),
		closing: make(chan struct{}), left: make(chan struct{}), done: make(chan struct{}),
		wanted: time.Now(), // the listener speaks first
		answer: dialled,    // and has been heard
	}
	c.heard.Store(time.Now().UnixNano())
	if !e.enter(c) {
		return nil, fmt.Errorf("%v: %w", c.remote, carrier.ErrClosed)
	}
	for _, run := range []func(){c.read, c.write, c.keep} {
		c.wg.Add(1)
		e.wg.Go(func() {
			defer c.wg.Done()
			run()
		})
	}
	return c, nil
}

// read takes frames in until the end.
func (c *Conn) read() {
	defer close(c.left)
	for {
		f, err := readFrame(c.tls)
		if err != nil {
			c.end(lost(err))
			return
		}
		now := time.Now()
		c.heard.Store(now.UnixNano())
		switch f.kind {
		case kindMessage:
			c.take(f.message)
		case kindProbe:
			c.mu.Lock()
			c.echo, c.answer = f.value, true
			c.mu.Unlock()
			pulse(c.wake)
		case kindEcho:
			if err := c.echoed(now, f.value); err != nil {
				c.end(err)
				return
			}
		case kindBye:
			c.end(carrier.ErrPeerClosed)
			return
		}
	}
}

// take gives a message to Receive; once Close has begun nobody has to want it.
func (c *Conn) take(m []byte) {
	c.mu.Lock()
	c.stats.in += uint64(len(m) + frameHeader)
	c.mu.Unlock()
	select {
	case c.inbox <- m:
		return
	default:
	}
	select {
	case c.inbox <- m:
	case <-c.closing:
	case <-c.done:
	}
}

// echoed takes the answer to a probe.
func (c *Conn) echoed(now time.Time, value uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked.IsZero() || value > c.written || value < c.arrived {
		return fmt.Errorf("%w: it answers a probe that was not sent", carrier.ErrBroken)
	}
	c.rtt, c.asked, c.arrived = now.Sub(c.asked), time.Time{}, value
	return nil
}

// keep looks after the Conn: it probes a silent peer, and ends with one that does not answer.
func (c *Conn) keep() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if c.look(now) {
				c.end(carrier.ErrDead)
			}
		case <-c.done:
			return
		}
	}
}

// look reports whether the peer has not answered for too long.
func (c *Conn) look(now time.Time) (dead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.asked.IsZero():
		return now.Sub(c.asked) > c.endpoint.cfg.DeadAfter
	case !c.wanted.IsZero(): // the writer does not come to it
		return now.Sub(c.wanted) > c.endpoint.cfg.DeadAfter
	case c.written > c.arrived || now.Sub(time.Unix(0, c.heard.Load())) > probeIdle:
		c.wanted = now
		pulse(c.wake)
	}
	return false
}

// lost says why the connection cannot be read or written any more.
func lost(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, carrier.ErrBroken):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: %w", ErrGone, err)
	case errors.As(err, &op) && (op.Op == "read" || op.Op == "write"):
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return fmt.Errorf("%w: %w", carrier.ErrBroken, err)
}

var (
	// ErrLost: the connection ended without a goodbye: the peer's process was killed, or the network refuses.
	ErrLost = errors.New("connection lost")
	// ErrGone is an ErrLost of which the peer's system told at once: the process has ended.
	ErrGone = fmt.Errorf("%w: the peer's process has ended", ErrLost)
)

func pulse(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func addressOf(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// PeerCertificate is the certificate that the peer proved to own.
func (c *Conn) PeerCertificate() *x509.Certificate { return c.peer }

// RemoteAddr is the address of the peer's end; where the peer dialled, its port is not the one that it listens at.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.remote }

// Done is closed when the Conn has ended; Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is nil while the Conn lives; carrier.ErrClosed after Close; carrier.ErrPeerClosed after the peer's; carrier.ErrDead after
// Config.DeadAfter; ErrLost, ErrGone.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close sends what waits and a goodbye, gives the peer up to a second to take them, and frees everything.
func (c *Conn) Close() error {
	c.mu.Lock()
	first := !c.leaving
	c.leaving = true
	c.mu.Unlock()
	if first {
		_ = c.tcp.SetWriteDeadline(time.Now().Add(lingerFor))
		close(c.closing)
		pulse(c.wake)
	}
	select {
	case <-c.left: // the peer has read the goodbye, and closed
	case <-c.done:
	case <-time.After(lingerFor):
	}
	c.end(carrier.ErrClosed)
	<-c.done
	c.wg.Wait()
	return nil
}

// end ends the Conn for that reason; only the first one counts. It does not wait.
func (c *Conn) end(reason error) {
	if !c.ending.CompareAndSwap(false, true) {
		return
	}
	c.mu.Lock()
	if c.leaving {
		reason = carrier.ErrClosed
	}
	c.leaving = true
	c.err = fmt.Errorf("%v: %w", c.remote, reason)
	c.mu.Unlock()
	c.endpoint.forget(c)
	_ = c.tcp.Close()
	close(c.done)
}

// Receive waits for the next whole message. The caller owns the bytes, and may give them back with Recycle. After the end of the Conn it
// returns what had arrived, then Err().
func (c *Conn) Receive(ctx context.Context) ([]byte, error) {
	select {
	case m := <-c.inbox:
		return m, nil
	default:
	}
	select {
	case m := <-c.inbox:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
	}
	<-c.left
	select {
	case m := <-c.inbox:
		return m, nil
	default:
		return nil, c.err
	}
}

// Recycle gives the bytes of a received message back; the caller must not look at them any more.
func (c *Conn) Recycle(m []byte) { reuse(m) }
