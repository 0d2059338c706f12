// SPDX-License-Identifier: Apache-2.0

// Package client asks a hub over its control port: HTTPS with certificates of the fleet on both sides. Before a host
// has a certificate it enrols: it knows the hub by the fingerprint in its token and says nothing to anybody else.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

// What a caller may want to decide on. Errors returned wrap one of these where it applies.
var (
	ErrUnreachable  = errors.New("hub not reachable")
	ErrForeign      = errors.New("the hub is not of this fleet")
	ErrNotFound     = errors.New("not found at the hub")
	ErrDenied       = errors.New("the hub refuses")
	ErrTokenUnknown = errors.New("the hub does not know this token")
	ErrTokenUsed    = errors.New("the token was used already")
	ErrTokenExpired = errors.New("the token has expired")
)

// Limits of what is read from a hub.
const (
	maxDocument = 16 << 20
	maxManifest = 80 << 20
)

var byCode = map[string]error{
	fleet.CodeNotFound: ErrNotFound, fleet.CodeDenied: ErrDenied, fleet.CodeTokenUnknown: ErrTokenUnknown,
	fleet.CodeTokenUsed: ErrTokenUsed, fleet.CodeTokenExpired: ErrTokenExpired,
}

// Client asks one hub. It is safe for concurrent use.
type Client struct {
	addr string
	http *http.Client
}

// New is a client with the certificate of an enrolled host.
func New(n *node.Node) (*Client, error) {
	return newClient(n.HubAddr, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{n.Certificate}, RootCAs: n.Roots,
		ServerName: fleet.HubName})
}

func newClient(addr string, c *tls.Config) (*Client, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("%w: %q is not an address and a port such as hub.example:8732", ErrUnreachable, addr)
	}
	d := &net.Dialer{Timeout: 5 * time.Second}
	return &Client{addr: addr, http: &http.Client{
		Transport: &http.Transport{TLSClientConfig: c, DialContext: d.DialContext, TLSHandshakeTimeout: 5 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: 60 * time.Second, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Sync exchanges news with the hub.
func (c *Client) Sync(ctx context.Context, r fleet.SyncRequest) (fleet.SyncReply, error) {
	var reply fleet.SyncReply
	err := c.post(ctx, "/v1/sync", r, &reply)
	return reply, err
}

// Content fetches the signed manifest of a name or id.
func (c *Client) Content(ctx context.Context, ref string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/v1/contents/"+url.PathEscape(ref), nil, maxManifest)
}

// Close frees idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) post(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := c.do(ctx, http.MethodPost, path, b, maxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the hub's answer to %s: %w", path, err)
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://"+c.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp.Status, b)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("the hub's answer to %s is longer than %d bytes", path, limit)
	}
	return b, nil
}

func refusal(status string, body []byte) error {
	var p fleet.Problem
	if json.Unmarshal(body, &p) != nil || p.Title == "" {
		return fmt.Errorf("the hub answered %s", status)
	}
	if sentinel, ok := byCode[p.Code]; ok {
		return fmt.Errorf("%w: %s", sentinel, p.Title)
	}
	return fmt.Errorf("the hub answered: %s", p.Title)
}

// TLS alerts by which a hub says what it thinks of our certificate (RFC 8446, section 6).
const (
	alertBadCertificate = 42
	alertExpired        = 45
	alertUnknownCA      = 48
)

// explain tells a hub that is not there from one that is another's, and from one that does not want us.
func (c *Client) explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var hostname x509.HostnameError
	var alert tls.AlertError
	switch {
	case errors.As(err, &alert) && alert == alertExpired:
		return fmt.Errorf("%w: it says that this host's certificate has expired; enrol again: ebb enroll --again", ErrDenied)
	case errors.As(err, &alert) && (alert == alertBadCertificate || alert == alertUnknownCA):
		return fmt.Errorf("%w: it does not accept this host's certificate, which is of another fleet", ErrDenied)
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("hub at %s: %w", c.addr, errors.Unwrap(err))
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &hostname):
		return fmt.Errorf("%w: at %s: %w", ErrForeign, c.addr, err)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.addr, err)
}
