// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/transfer/carrier"
)

// maxWaiting is how many Conns there may be that nobody has accepted yet.
const maxWaiting = 64

// Config says how an Endpoint works.
type Config struct {
	// Address is what to listen at; port 0: the system chooses.
	Address netip.AddrPort
	// Trust is whom we are and whom we believe.
	Trust carrier.Trust
	// DeadAfter is how long a peer may leave a probe unanswered before its Conn is closed; 0 means two minutes.
	DeadAfter time.Duration
	// HandshakeTimeout bounds a handshake that a peer began with us, from its first byte to its last; 0 means ten seconds. Dial is bounded by
	// its context.
	HandshakeTimeout time.Duration
	// Refused, if set, is told of handshakes by peers that failed, with a *carrier.HandshakeError. It must not block.
	Refused func(from netip.AddrPort, err error)
}

// Endpoint is one TCP listener and every Conn that came to it or was dialled with it. Its methods may be called from any goroutine.
type Endpoint struct {
	cfg      Config
	listener *net.TCPListener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	accept   chan *Conn
	wg       sync.WaitGroup // every goroutine there is

	certificate atomic.Pointer[tls.Certificate] // cfg.Trust.Certificate until Renewed

	mu     sync.Mutex
	closed bool
	conns  map[*Conn]bool
	porch  carrier.Porch
}

// Listen starts an Endpoint: it answers peers at once, and gives their Conns to Accept.
func Listen(c Config) (*Endpoint, error) {
	if c.Trust.Roots == nil || len(c.Trust.Certificate.Certificate) == 0 {
		return nil, errors.New("lan: Roots and Certificate are required")
	}
	if c.DeadAfter == 0 {
		c.DeadAfter = 2 * time.Minute
	}
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	quiet := net.ListenConfig{KeepAlive: -1} // the probes are ours
	l, err := quiet.Listen(context.Background(), "tcp", c.Address.String())
	if err != nil {
		return nil, err
	}
	e := &Endpoint{cfg: c, listener: l.(*net.TCPListener), accept: make(chan *Conn, maxWaiting), conns: map[*Conn]bool{}}
	e.certificate.Store(&c.Trust.Certificate)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.wg.Go(e.listen)
	return e, nil
}

// Addr is where the Endpoint listens.
func (e *Endpoint) Addr() netip.AddrPort { return addressOf(e.listener.Addr()) }

// Renewed uses another certificate for the handshakes that begin from now on.
func (e *Endpoint) Renewed(c tls.Certificate) { e.certificate.Store(&c) }

func (e *Endpoint) trust() carrier.Trust {
	t := e.cfg.Trust
	t.Certificate = *e.certificate.Load()
	return t
}

// Accept waits for the next Conn that a peer opened and that is authenticated.
func (e *Endpoint) Accept(ctx context.Context) (*Conn, error) {
	select {
	case c := <-e.accept:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.ctx.Done():
		return nil, fmt.Errorf("accept on %v: %w", e.Addr(), carrier.ErrClosed)
	}
}

// Close closes every Conn and the listener, and waits until all goroutines have ended. It may be called again.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	conns := make([]*Conn, 0, len(e.conns))
	for c := range e.conns {
		conns = append(conns, c)
	}
	e.mu.Unlock()
	var closing sync.WaitGroup
	for _, c := range conns {
		closing.Go(func() { _ = c.Close() })
	}
	closing.Wait()
	e.cancel()
	var err error
	if first {
		err = e.listener.Close()
	}
	e.wg.Wait()
	return err
}

// enter notes a Conn; false if the Endpoint has been closed.
func (e *Endpoint) enter(c *Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.conns[c] = true
	}
	return !e.closed
}

func (e *Endpoint) forget(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, c)
}

// listen is the goroutine that accepts connections.
func (e *Endpoint) listen() {
	for {
		tcp, err := e.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of files, or the peer has gone: "no error is final", but do not spin on one that repeats
			select {
			case <-e.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		from := addressOf(tcp.RemoteAddr()).Addr()
		if !e.admit(from) {
			_ = tcp.Close()
			continue
		}
		e.wg.Go(func() {
			defer e.release(from)
			e.serve(tcp)
		})
	}
}

// admit lets so many handshakes begin, and so many from one neighbourhood.
func (e *Endpoint) admit(from netip.Addr) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.closed && e.porch.Enter(from)
}

func (e *Endpoint) release(from netip.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.porch.Leave(from)
}

// serve runs a handshake that a peer began, to the end.
func (e *Endpoint) serve(tcp *net.TCPConn) {
	from := addressOf(tcp.RemoteAddr())
	ctx, cancel := context.WithTimeout(e.ctx, e.cfg.HandshakeTimeout)
	defer cancel()
	w, t, err := e.shakeHands(ctx, tcp, false)
	if err == nil {
		var c *Conn
		if c, err = newConn(e, w, t, false); err == nil {
			select {
			case e.accept <- c:
			default:
				c.end(fmt.Errorf("%w: nobody accepts connections here", carrier.ErrClosed))
			}
			return
		}
	}
	_ = tcp.Close()
	if e.cfg.Refused != nil && e.ctx.Err() == nil {
		e.cfg.Refused(from, e.trust().Explain(from, err))
	}
}

// Dial opens a Conn to the host at addr until ctx ends. Errors are of type *carrier.HandshakeError and wrap carrier.ErrUnreachable,
// ErrForeign, ErrExpired, ErrRefused or ErrClosed.
func (e *Endpoint) Dial(ctx context.Context, addr netip.AddrPort) (*Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, &carrier.HandshakeError{Addr: addr, Reason: carrier.ErrClosed}
	}
	e.wg.Add(1)
	e.mu.Unlock()
	defer e.wg.Done()
	if err := e.trust().Expired(addr); err != nil {
		return nil, err
	}
	c, err := e.dial(ctx, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()))
	if err == nil {
		return c, nil
	}
	h := e.trust().Explain(addr, err)
	if e.ctx.Err() != nil {
		h.Reason, h.Hint = carrier.ErrClosed, ""
	}
	return nil, h
}

func (e *Endpoint) dial(ctx context.Context, addr netip.AddrPort) (*Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	if here := e.Addr().Addr(); !here.IsUnspecified() { // where we listen is where we are known
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(here, 0))
	}
	conn, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w; %w", err, ctx.Err())
		}
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	w, t, err := e.shakeHands(ctx, tcp, true)
	if err != nil {
		_ = tcp.Close()
		return nil, err
	}
	c, err := newConn(e, w, t, true)
	if err != nil {
		_ = tcp.Close()
	}
	return c, err
}

// protocol is the name of what is spoken (RFC 7301). Another version has another name.
const protocol = "ebb-lan/1"

// shakeHands runs the handshake; for the dialer to the first word of the listener, which shows that we were let in.
func (e *Endpoint) shakeHands(ctx context.Context, tcp *net.TCPConn, client bool) (*wire, *tls.Conn, error) {
	defer context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(time.Unix(1, 0)) })()
	w := &wire{TCPConn: tcp}
	trust, usage := e.trust(), x509.ExtKeyUsageClientAuth
	if client {
		usage = x509.ExtKeyUsageServerAuth
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true,
		Certificates: []tls.Certificate{trust.Certificate},
		// Show the certificate even to a listener that does not name its issuer: then it can say what is wrong with it.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &trust.Certificate, nil },
		// No name of a host is looked at, so the whole of the verification is ours, at both ends alike.
		InsecureSkipVerify: true, ClientAuth: tls.RequireAnyClientCert,
		VerifyPeerCertificate: func(shown [][]byte, _ [][]*x509.Certificate) error { return trust.Check(shown, usage) },
	}
	t := tls.Server(w, c)
	if client {
		t = tls.Client(w, c)
	}
	err := t.HandshakeContext(ctx)
	if err == nil && t.ConnectionState().NegotiatedProtocol != protocol {
		err = fmt.Errorf("%w: it does not speak %s; both ends need versions that fit", carrier.ErrBroken, protocol)
	}
	if err == nil && client {
		err = welcomed(t)
	}
	if err == nil && ctx.Err() == nil {
		return w, t, nil
	}
	if ctx.Err() != nil {
		err = errors.Join(err, ctx.Err())
	}
	return nil, nil, err
}

// welcomed waits for the probe that a listener begins with.
func welcomed(t *tls.Conn) error {
	f, err := readFrame(t)
	if err == nil && (f.kind != kindProbe || f.value != 0) {
		err = fmt.Errorf("%w: it does not begin with a probe", carrier.ErrBroken)
	}
	return err
}
