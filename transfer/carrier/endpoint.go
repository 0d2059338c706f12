// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/transfer/seal"
	"github.com/ebbproject/ebb/transfer/udp"
)

// maxWaiting is how many Conns there may be that nobody has accepted yet.
const maxWaiting = 64

// Endpoint is one UDP socket and every Conn over it. Its methods may be called from any goroutine.
//
// One goroutine reads the socket and hands each datagram to whom it belongs: sealed ones by connection id, those of
// handshakes by attempt.
type Endpoint struct {
	cfg    Config
	socket udp.Socket
	mint   *mint
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	accept chan *Conn
	wg     sync.WaitGroup // every goroutine there is

	certificate atomic.Pointer[tls.Certificate] // cfg.Certificate until Renewed

	mu       sync.Mutex
	closed   bool
	conns    map[uint32]*Conn
	dialing  map[attempt]*dialing
	halfOpen map[halfOpenKey]*pipe
	porch    Porch // those that are half open
}

// halfOpenKey names a handshake that a peer began.
type halfOpenKey struct {
	from netip.AddrPort
	try  attempt
}

// dialing is a handshake that we began.
type dialing struct {
	token chan []byte // capacity 1
	pipe  *pipe       // nil until the token is there
}

// Listen starts an Endpoint over c.Socket: it answers peers at once, and gives their Conns to Accept.
func Listen(c Config) (*Endpoint, error) {
	if c.Socket == nil || c.Roots == nil || len(c.Certificate.Certificate) == 0 {
		return nil, errors.New("carrier: Socket, Roots and Certificate are required")
	}
	c.applyDefaults()
	if c.MaxDatagram < minDatagram || c.MaxDatagram > largestDatagram {
		return nil, fmt.Errorf("carrier: MaxDatagram is %d, must be %d to %d", c.MaxDatagram, minDatagram, largestDatagram)
	}
	e := &Endpoint{
		cfg: c, socket: c.Socket, mint: newMint(),
		accept:   make(chan *Conn, maxWaiting),
		conns:    make(map[uint32]*Conn),
		dialing:  make(map[attempt]*dialing),
		halfOpen: make(map[halfOpenKey]*pipe),
	}
	e.certificate.Store(&c.Certificate)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.wg.Go(e.read)
	return e, nil
}

// Addr is the address of the socket.
func (e *Endpoint) Addr() netip.AddrPort { return e.socket.LocalAddr() }

// Renewed uses another certificate for the handshakes that begin from now on.
func (e *Endpoint) Renewed(c tls.Certificate) { e.certificate.Store(&c) }

// Accept waits for the next Conn that a peer opened and that is authenticated.
func (e *Endpoint) Accept(ctx context.Context) (*Conn, error) {
	select {
	case c := <-e.accept:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.ctx.Done():
		return nil, fmt.Errorf("accept on %v: %w", e.Addr(), ErrClosed)
	}
}

// Close closes every Conn and the socket, and waits until all goroutines have ended. It may be called again.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		e.wg.Wait()
		return nil
	}
	e.closed = true
	conns := make([]*Conn, 0, len(e.conns))
	for _, c := range e.conns {
		conns = append(conns, c)
	}
	e.mu.Unlock()
	var closing sync.WaitGroup
	for _, c := range conns {
		closing.Go(func() { _ = c.Close() })
	}
	closing.Wait()
	e.cancel()
	err := e.socket.Close()
	e.wg.Wait()
	return err
}

// read is the goroutine that reads the socket.
func (e *Endpoint) read() {
	for {
		messages, err := e.socket.ReadBatch()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select { // "no other error is final", but do not spin on one that repeats
			case <-e.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		now := time.Now()
		var last *Conn
		for i := range messages {
			c := e.route(now, &messages[i])
			if last != nil && c != last {
				last.delivered(now)
			}
			last = c
		}
		if last != nil {
			last.delivered(now)
		}
	}
}

// route hands one datagram to whom it belongs, and returns the Conn if it was for one.
func (e *Endpoint) route(now time.Time, m *udp.Message) *Conn {
	if len(m.Data) == 0 {
		return nil
	}
	switch m.Data[0] {
	case formKnock:
		if reply := e.mint.answerKnock(now, m.Data, m.From); reply != nil {
			_ = e.socket.WriteBatch(m.From, reply, len(reply))
		}
	case formToken:
		e.tokenCame(m.Data)
	case formOutward:
		e.handshakeFor(now, m)
	case formInward:
		if a, records, ok := parseInward(m.Data); ok {
			e.mu.Lock()
			d := e.dialing[a]
			e.mu.Unlock()
			if d != nil && d.pipe != nil {
				d.pipe.deliver(records)
			}
		}
	default:
		h, err := seal.ParseHeader(m.Data)
		if err != nil {
			return nil
		}
		e.mu.Lock()
		c := e.conns[h.Connection]
		e.mu.Unlock()
		if c != nil {
			c.deliver(now, m)
		}
		return c
	}
	return nil
}

// handshakeFor takes a datagram of a handshake that a peer began: only with a good token, and only so many at a time.
func (e *Endpoint) handshakeFor(now time.Time, m *udp.Message) {
	try, token, records, ok := parseOutward(m.Data)
	if !ok || !e.mint.good(now, m.From, try, token) {
		return
	}
	key := halfOpenKey{m.From, try}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.halfOpen[key]; p != nil {
		p.deliver(records)
		return
	}
	from := m.From // m is the reader's
	if e.closed || !e.porch.Enter(from.Addr()) {
		return
	}
	p := newPipe(e.Addr(), from, func(records []byte) {
		b := append(make([]byte, 0, inwardHeader+len(records)), formInward)
		b = append(append(b, try[:]...), records...)
		_ = e.socket.WriteBatch(from, b, len(b))
	})
	e.halfOpen[key] = p
	p.deliver(records)
	e.wg.Go(func() {
		e.serve(p)
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.halfOpen, key)
		e.porch.Leave(from.Addr())
	})
}

// serve runs a handshake that a peer began, to the end.
func (e *Endpoint) serve(p *pipe) {
	ctx, cancel := context.WithTimeout(e.ctx, e.cfg.HandshakeTimeout)
	defer cancel()
	s, dtlsConn, err := e.shakeHands(ctx, p, false)
	if err != nil {
		e.refused(p.remote, err)
		return
	}
	defer func() {
		p.mute()
		_ = dtlsConn.Close()
	}()
	c, err := e.open(s, p.remote)
	if err != nil {
		e.refused(p.remote, err)
		return
	}
	// Our last flight may have been lost; DTLS repeats it when the peer repeats its own (RFC 6347, section 4.2.4), until a
	// sealed datagram shows that the peer has it.
	if err := c.establish(ctx); err != nil {
		e.refused(p.remote, err)
		c.end(err)
		return
	}
	select {
	case e.accept <- c:
	default:
		c.end(fmt.Errorf("%w: nobody accepts connections here", ErrClosed))
	}
}

func (e *Endpoint) refused(from netip.AddrPort, err error) {
	if e.cfg.Refused == nil || e.ctx.Err() != nil {
		return
	}
	e.cfg.Refused(from, e.trust().Explain(from, err))
}

// open makes a Conn of a finished handshake and lets datagrams in.
func (e *Endpoint) open(s *secrets, remote netip.AddrPort) (*Conn, error) {
	c, err := newConn(e, s, remote)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("%v: %w", e.Addr(), ErrClosed)
	}
	if e.conns[s.own] != nil { // one in 2^32
		return nil, fmt.Errorf("%w: two connections were given the same number, try again", ErrUnreachable)
	}
	e.conns[s.own] = c
	e.wg.Go(c.run)
	return c, nil
}

func (e *Endpoint) forget(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conns[c.own] == c {
		delete(e.conns, c.own)
	}
}
