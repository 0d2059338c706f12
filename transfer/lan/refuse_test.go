// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ebbproject/ebb/transfer/carrier"
)

func TestCertificates(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	said := errors.New("revoked")
	unwanted := func(c *Config) { c.Trust.Verify = func(*x509.Certificate) error { return said } }
	for _, c := range []struct {
		name             string
		dialer, listener func(*Config)
		want             error // at the dialer
		told             error // at the listener; nil: it hears nothing
	}{
		{"foreign listener", nil, func(c *Config) { c.Trust.Certificate = theirs.issue("b", time.Hour) }, carrier.ErrForeign, carrier.ErrForeign},
		{"expired listener", nil, func(c *Config) { c.Trust.Certificate = ours.issue("b", -time.Minute) }, carrier.ErrExpired, carrier.ErrExpired},
		{
			"listener of another fleet", nil,
			func(c *Config) { c.Trust.Certificate, c.Trust.Roots = theirs.issue("b", time.Hour), theirs.pool() },
			carrier.ErrForeign, carrier.ErrRefused,
		},
		{"foreign dialer", func(c *Config) { c.Trust.Certificate = theirs.issue("a", time.Hour) }, nil, carrier.ErrForeign, carrier.ErrForeign},
		{"expired dialer", func(c *Config) { c.Trust.Certificate = ours.issue("a", -time.Minute) }, nil, carrier.ErrExpired, nil},
		{"dialer that the listener does not want", nil, unwanted, carrier.ErrRefused, carrier.ErrRefused},
		{"listener that the dialer does not want", unwanted, nil, carrier.ErrRefused, carrier.ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused := make(chan error, 1)
			b := listen(t, ours, "b", func(config *Config) {
				config.Refused = func(_ netip.AddrPort, err error) { refused <- err }
				if c.listener != nil {
					c.listener(config)
				}
			})
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := listen(t, ours, "a", c.dialer).Dial(ctx, b.Addr())
			var h *carrier.HandshakeError
			if !errors.Is(err, c.want) || !errors.As(err, &h) || h.Addr != b.Addr() {
				t.Errorf("dialer: %v; wanted %v", err, c.want)
			}
			if c.told == nil {
				return
			}
			select {
			case told := <-refused:
				t.Logf("dialer: %v\nlistener: %v", err, told)
				if !errors.Is(told, c.told) {
					t.Errorf("listener: %v; wanted %v", told, c.told)
				}
			case <-ctx.Done():
				t.Error("the listener was not told")
			}
		})
	}
}

func TestARenewedCertificateIsUsed(t *testing.T) {
	ours := newAuthority(t, "ours")
	b := listen(t, ours, "b", nil)
	a := listen(t, ours, "a", func(c *Config) { c.Trust.Certificate = ours.issue("a", -time.Minute) })
	if _, err := a.Dial(t.Context(), b.Addr()); !errors.Is(err, carrier.ErrExpired) {
		t.Fatal(err)
	}
	a.Renewed(ours.issue("a", time.Hour))
	join(t, a, b)
}

func TestUnreachable(t *testing.T) {
	a := listen(t, newAuthority(t, "fleet"), "a", nil)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, gone.Close())
	if _, err := a.Dial(t.Context(), addressOf(gone.Addr())); !errors.Is(err, carrier.ErrUnreachable) {
		t.Error(err)
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	must(t, err)
	defer mute.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := a.Dial(ctx, addressOf(mute.Addr())); !errors.Is(err, carrier.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	must(t, a.Close())
	if _, err := a.Dial(t.Context(), addressOf(mute.Addr())); !errors.Is(err, carrier.ErrClosed) {
		t.Error(err)
	}
	if _, err := a.Accept(t.Context()); !errors.Is(err, carrier.ErrClosed) {
		t.Error(err)
	}
	if _, err := Listen(Config{Address: loopback}); err == nil {
		t.Error("listens without certificates")
	}
}

// Connections that begin a handshake and do not go on, or creep, are bounded in number and in time, whatever they send.
func TestSlowHandshakesAreBounded(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	refused := make(chan error, 2*carrier.MaxPerPrefix)
	b := listen(t, fleet, "b", func(c *Config) {
		c.HandshakeTimeout = 500 * time.Millisecond
		c.Refused = func(_ netip.AddrPort, err error) { refused <- err }
	})
	var held []net.Conn
	for range carrier.MaxPerPrefix + 4 {
		conn, err := net.Dial("tcp", b.Addr().String())
		must(t, err)
		defer conn.Close()
		_, _ = conn.Write([]byte{22, 3, 1, 0, 200, 1}) // the beginning of a ClientHello
		held = append(held, conn)
	}
	for _, conn := range held { // a byte at a time does not help: the limit is of the whole handshake
		_, _ = conn.Write([]byte{0})
	}
	for range carrier.MaxPerPrefix {
		select {
		case err := <-refused:
			if !errors.Is(err, carrier.ErrUnreachable) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("a handshake has no end")
		}
	}
	for _, conn := range held {
		must(t, conn.SetReadDeadline(time.Now().Add(patience)))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Error("it was answered, or left open")
		}
	}
	if len(refused) > 0 {
		t.Errorf("%d handshakes more than the limit of one neighbourhood", len(refused))
	}
	join(t, listen(t, fleet, "a", nil), b) // there is room again
}

// stranger speaks TLS with the endpoint under a good certificate, and then whatever the test wants.
func stranger(t *testing.T, fleet *authority, to *Endpoint, protocols ...string) (*tls.Conn, *Conn) {
	t.Helper()
	conn, err := tls.Dial("tcp", to.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols,
		Certificates: []tls.Certificate{fleet.issue("stranger", time.Hour)}})
	if err != nil {
		t.Log(err)
		return nil, nil
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if len(protocols) == 0 {
		return conn, nil
	}
	c, err := to.Accept(ctx)
	must(t, err)
	return conn, c
}

func TestAnotherProtocolIsRefused(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	refused := make(chan error, 2)
	b := listen(t, fleet, "b", func(c *Config) { c.Refused = func(_ netip.AddrPort, err error) { refused <- err } })
	if conn, _ := stranger(t, fleet, b); conn != nil { // names none
		if _, err := io.ReadAll(conn); err != nil {
			t.Log(err)
		}
	}
	if err := <-refused; !errors.Is(err, carrier.ErrBroken) {
		t.Error(err)
	}
	if _, err := tls.Dial("tcp", b.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"ebb-lan/9"},
		Certificates: []tls.Certificate{fleet.issue("s", time.Hour)}}); err == nil {
		t.Error("speaks a version that is not there")
	}
	t.Log(<-refused)
}

// What a member of the fleet may send that breaks the protocol: its conversation ends, and says so.
func TestBrokenFrames(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	b := listen(t, fleet, "b", nil)
	for name, bytes := range map[string][]byte{
		"an unknown kind":                {9, 0, 0, 0},
		"an empty message":               appendHeader(nil, kindMessage, 0),
		"a message too large":            appendHeader(nil, kindMessage, carrier.MaxMessage+1),
		"a probe of another size":        appendHeader(nil, kindProbe, 4),
		"a goodbye with a body":          appendHeader(nil, kindBye, 1),
		"an answer that nobody asked of": appendWord(nil, kindEcho, 1<<40),
	} {
		t.Run(name, func(t *testing.T) {
			conn, c := stranger(t, fleet, b, protocol)
			_, err := conn.Write(bytes)
			must(t, err)
			<-c.Done()
			if !errors.Is(c.Err(), carrier.ErrBroken) {
				t.Error(c.Err())
			}
			t.Log(c.Err())
		})
	}
}

// A process that is killed in the middle of a message leaves what was whole, and no more.
func TestAPeerThatIsKilled(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	conn, c := stranger(t, fleet, listen(t, fleet, "b", nil), protocol)
	_, err := conn.Write(append(appendHeader(nil, kindMessage, 3), "one"...))
	must(t, err)
	_, err = conn.Write(append(appendHeader(nil, kindMessage, 1000), "a part"...))
	must(t, err)
	m, err := c.Receive(t.Context())
	if err != nil || string(m) != "one" {
		t.Fatalf("%q, %v", m, err)
	}
	must(t, conn.NetConn().(*net.TCPConn).SetLinger(0)) // as a kernel does that has nobody to read for
	must(t, conn.NetConn().Close())
	<-c.Done()
	if _, err := c.Receive(t.Context()); !errors.Is(err, ErrLost) || !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if err := c.Send([]byte("late"), false); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

// A peer that answers no probe is given up, whether it reads or not.
func TestAPeerThatDoesNotAnswer(t *testing.T) {
	for _, reads := range []bool{true, false} {
		fleet := newAuthority(t, "fleet")
		b := listen(t, fleet, "b", func(c *Config) { c.DeadAfter = 10 * time.Millisecond })
		conn, c := stranger(t, fleet, b, protocol)
		if reads {
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
		message := make([]byte, carrier.MaxMessage)
		for range 200 { // more than kernels take
			if c.Send(message, false) != nil {
				break
			}
		}
		select {
		case <-c.Done():
		case <-time.After(patience):
			t.Fatal("it is not given up")
		}
		// Where there is a limit in the kernel as well, either may be the first.
		if err := c.Err(); !errors.Is(err, carrier.ErrDead) && !errors.Is(err, ErrLost) {
			t.Error(err)
		}
		t.Log(c.Err())
	}
}

// What nobody receives waits in bounded memory at both ends.
func TestTheInboxIsBounded(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	a, b := join(t, listen(t, fleet, "a", nil), listen(t, fleet, "b", nil))
	sent := 0
	for a.Budget() > 0 || sent < inboxDepth*slab {
		if a.Budget() == 0 {
			<-a.Ready()
			continue
		}
		must(t, a.Send(make([]byte, grain), true))
		sent += grain
	}
	if n := len(b.inbox); n > inboxDepth {
		t.Errorf("%d messages wait", n)
	}
	if q := maxQueued; a.queuedNow() > q {
		t.Errorf("%d bytes wait at the sender, the limit is %d", a.queuedNow(), q)
	}
}

func (c *Conn) queuedNow() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}
