// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// dialFails dials and returns the error, which must be a *HandshakeError, and what the listener has to say.
func dialFails(t *testing.T, a, b *Endpoint, refused chan error) (dialer, listener error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := a.Dial(ctx, b.Addr())
	if err == nil {
		t.Fatalf("connected: %v", c.PeerCertificate().Subject)
	}
	var h *HandshakeError
	if !errors.As(err, &h) || h.Addr != b.Addr() {
		t.Errorf("%T %v", err, err)
	}
	select {
	case listener = <-refused:
	default:
	}
	return err, listener
}

func TestCertificates(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	said := errors.New("revoked")
	for _, c := range []struct {
		name             string
		dialer, listener func(*Config)
		want             error // at the dialer
		told             error // at the listener; nil: it hears nothing it could name
	}{
		{
			"foreign listener", nil,
			func(c *Config) { c.Certificate = theirs.issue("b", time.Hour) },
			ErrForeign, ErrForeign,
		},
		{
			"expired listener", nil,
			func(c *Config) { c.Certificate = ours.issue("b", -time.Minute) },
			ErrExpired, ErrExpired,
		},
		{
			"listener of another fleet", nil,
			func(c *Config) { c.Certificate, c.Roots = theirs.issue("b", time.Hour), theirs.pool() },
			ErrForeign, ErrRefused,
		},
		{
			"foreign dialer",
			func(c *Config) { c.Certificate = theirs.issue("a", time.Hour) }, nil,
			ErrForeign, ErrForeign,
		},
		{
			"expired dialer",
			func(c *Config) { c.Certificate = ours.issue("a", -time.Minute) }, nil,
			ErrExpired, nil,
		},
		{
			"dialer that the listener does not want", nil,
			func(c *Config) { c.Verify = func(*x509.Certificate) error { return said } },
			ErrRefused, ErrRefused,
		},
		{
			"listener that the dialer does not want",
			func(c *Config) { c.Verify = func(*x509.Certificate) error { return said } }, nil,
			ErrRefused, ErrRefused,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused := make(chan error, 1)
			b := onLoopback(t, ours, "b", func(config *Config) {
				config.Refused = func(_ netip.AddrPort, err error) {
					select {
					case refused <- err:
					default:
					}
				}
				if c.listener != nil {
					c.listener(config)
				}
			})
			err, told := dialFails(t, onLoopback(t, ours, "a", c.dialer), b, refused)
			if !errors.Is(err, c.want) {
				t.Errorf("dialer: %v; wanted %v", err, c.want)
			}
			if c.told != nil && told == nil {
				select {
				case told = <-refused:
				case <-time.After(time.Minute):
				}
			}
			if c.told != nil && !errors.Is(told, c.told) {
				t.Errorf("listener: %v; wanted %v", told, c.told)
			}
			t.Logf("dialer: %v\nlistener: %v", err, told)
		})
	}
}

func TestUnreachable(t *testing.T) {
	fleet := newAuthority(t, "fleet")
	a := onLoopback(t, fleet, "a", nil)
	for _, addr := range []string{"127.0.0.1:9", "192.0.2.1:9", "[::1]:9"} {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		_, err := a.Dial(ctx, netip.MustParseAddrPort(addr))
		cancel()
		if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", addr, err)
		}
		t.Log(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Dial(ctx, a.Addr()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestListenNeedsItsConfiguration(t *testing.T) {
	if _, err := Listen(Config{}); err == nil {
		t.Error("listens without anything")
	}
}

// A host whose certificate has run out is let in again as soon as it uses a new one.
func TestARenewedCertificateIsUsed(t *testing.T) {
	ours := newAuthority(t, "ours")
	b := onLoopback(t, ours, "b", nil)
	a := onLoopback(t, ours, "a", func(c *Config) { c.Certificate = ours.issue("a", -time.Minute) })
	if err, _ := dialFails(t, a, b, nil); !errors.Is(err, ErrExpired) {
		t.Fatal(err)
	}
	a.Renewed(ours.issue("a", time.Hour))
	c, err := a.Dial(t.Context(), b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.PeerCertificate().Subject.CommonName; got != "b" {
		t.Errorf("reached %q", got)
	}
}
