// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/transfer/udp"
)

const (
	knockAgain    = 250 * time.Millisecond // doubling
	knockAgainMax = 2 * time.Second
)

// Dial opens a Conn to the host at addr, and tries until ctx ends. Errors are of type *HandshakeError and wrap ErrUnreachable, ErrForeign,
// ErrExpired, ErrRefused or ErrClosed.
func (e *Endpoint) Dial(ctx context.Context, addr netip.AddrPort) (*Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, &HandshakeError{Addr: addr, Reason: ErrClosed}
	}
	e.wg.Add(1)
	e.mu.Unlock()
	defer e.wg.Done()
	if err := e.trust().Expired(addr); err != nil {
		return nil, err
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	c, err := e.dial(ctx, addr)
	if err == nil {
		return c, nil
	}
	var h *HandshakeError
	if !errors.As(err, &h) {
		h = e.trust().Explain(addr, err)
	}
	if e.ctx.Err() != nil {
		h.Reason, h.Hint = ErrClosed, ""
	}
	return nil, h
}

func (e *Endpoint) dial(ctx context.Context, addr netip.AddrPort) (*Conn, error) {
	try := newAttempt()
	d := &dialing{token: make(chan []byte, 1)}
	e.mu.Lock()
	e.dialing[try] = d
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.dialing, try)
		e.mu.Unlock()
	}()
	token, err := e.knock(ctx, addr, try, d)
	if err != nil {
		return nil, err
	}
	p := newPipe(e.Addr(), addr, func(records []byte) {
		b := append(make([]byte, 0, outwardHeader+len(records)), formOutward)
		b = append(append(b, try[:]...), token...)
		b = append(b, records...)
		_ = e.socket.WriteBatch(addr, b, len(b))
	})
	e.mu.Lock()
	d.pipe = p
	e.mu.Unlock()
	s, dtlsConn, err := e.shakeHands(ctx, p, true)
	if err != nil {
		return nil, err
	}
	p.mute()
	_ = dtlsConn.Close()
	c, err := e.open(s, addr)
	if err != nil {
		return nil, err
	}
	if err := c.establish(ctx); err != nil {
		c.end(err)
		return nil, err
	}
	return c, nil
}

// knock asks for a token until it comes.
func (e *Endpoint) knock(ctx context.Context, addr netip.AddrPort, try attempt, d *dialing) ([]byte, error) {
	knock := appendKnock(nil, try)
	wait := knockAgain
	for {
		err := e.socket.WriteBatch(addr, knock, len(knock))
		var big *udp.TooBigError
		if errors.As(err, &big) {
			return nil, fmt.Errorf("knock: %w", err)
		}
		select {
		case token := <-d.token:
			return token, nil
		case <-time.After(wait):
			wait = min(2*wait, knockAgainMax)
		case <-ctx.Done():
			h := &HandshakeError{Addr: addr, Reason: ErrUnreachable, Hint: "no answer; is it running, and may UDP pass?", Err: ctx.Err()}
			if err != nil {
				h.Hint, h.Err = "the system cannot send there", fmt.Errorf("%w; %w", err, ctx.Err())
			}
			return nil, h
		}
	}
}

// tokenCame hands a token to the attempt it is for.
func (e *Endpoint) tokenCame(datagram []byte) {
	try, token, ok := parseToken(datagram)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.dialing[try]; d != nil {
		select {
		case d.token <- append([]byte(nil), token...):
		default:
		}
	}
}
