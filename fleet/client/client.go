// SPDX-License-Identifier: Apache-2.0

// Package client asks a hub over its control port: HTTPS with certificates of the fleet on both sides. Before a host
// has a certificate it enrols: it knows the hub by the fingerprint in its token and says nothing to anybody else.
//
// A host knows its hub by the fleet's CA, not by its address. Nothing here retries, but for enrolments; who asks knows when to ask again.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/fleet/relay"
)

// Limits of what is read from a hub.
const (
	maxDocument = 16 << 20
	maxManifest = 80 << 20
)

// Client asks one hub. It is safe for concurrent use.
type Client struct {
	asker

	mu   sync.Mutex
	node *node.Node  // never changed, only replaced
	told whereabouts // with the last exchange of news
	keys relay.Keys  // for letters since then
	seq  uint64      // of the last report
}

// New is a client with the certificate of an enrolled host. Nothing is opened yet.
func New(n *node.Node) (*Client, error) {
	c := &Client{node: n}
	var err error
	c.asker, err = newAsker(n.HubAddr, &tls.Config{RootCAs: n.Roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.Node().Certificate, nil }})
	return c, err
}

// Node is the host as it is enrolled now; Renew changes it.
func (c *Client) Node() *node.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.node
}

// Sync exchanges news with the hub: the first MaxHoldings and MaxWanted of them. Where either of the two listens on
// all its addresses, that one is told by which they reach each other.
func (c *Client) Sync(ctx context.Context, r fleet.SyncRequest) (fleet.SyncReply, error) {
	r = c.complete(ctx, r)
	here := whereabouts{r.Lan, r.Net, c.Node()}
	var reply fleet.SyncReply
	conn, err := c.post(ctx, "/v1/sync", r, &reply)
	if err != nil {
		return fleet.SyncReply{}, err
	}
	var keys relay.Keys
	if r.Seq > 0 {
		if keys, err = relay.Agree(conn.ExportKeyingMaterial, r.Seq); err != nil {
			return fleet.SyncReply{}, fmt.Errorf("keys for letters to the hub: %w", err)
		}
	}
	c.mu.Lock()
	c.told, c.keys = here, keys
	c.mu.Unlock()
	reply.Hub = c.locatedHub(ctx, reply.Hub)
	return reply, nil
}

// Copies tells what is held whole here, and asks how that stands in the location.
func (c *Client) Copies(ctx context.Context, r fleet.CopiesRequest) (reply fleet.CopiesReply, err error) {
	r.Kept = r.Kept[:min(len(r.Kept), fleet.MaxHoldings)]
	_, err = c.post(ctx, "/v1/copies", r, &reply)
	return reply, err
}

// Content fetches the signed manifest of a name or id. It is not verified here. ErrNotFound.
func (c *Client) Content(ctx context.Context, ref string) ([]byte, error) {
	if _, err := content.ParseID(ref); err != nil && content.ValidName(ref) != nil {
		return nil, fmt.Errorf("%w: %q is neither a name nor an id of a content", ErrNotFound, ref)
	}
	raw, _, err := c.do(ctx, http.MethodGet, "/v1/contents/"+ref, nil, maxManifest)
	return raw, err
}

// asker puts questions to the control port.
type asker struct {
	addr string
	http *http.Client
}

func newAsker(addr string, t *tls.Config) (asker, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return asker{}, fmt.Errorf("%w: %q is not an address and a port such as hub.example:8732", ErrUnreachable, addr)
	}
	t.MinVersion, t.ServerName = tls.VersionTLS13, fleet.HubName
	d := &net.Dialer{Timeout: 5 * time.Second}
	// HTTP/1.1: when a question times out its connection goes with it, and the next one finds the hub by another way.
	// A connection of HTTP/2 that leads nowhere would be tried until the kernel gives it up, for a quarter of an hour.
	return asker{addr, &http.Client{
		Transport: &http.Transport{TLSClientConfig: t, DialContext: d.DialContext, TLSHandshakeTimeout: 5 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: fleet.IdleAsker},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close frees idle connections.
func (a asker) Close() { a.http.CloseIdleConnections() }

// post asks, decodes the answer into out, and says over which connection that went.
func (a asker) post(ctx context.Context, path string, in, out any) (*tls.ConnectionState, error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	answer, conn, err := a.do(ctx, http.MethodPost, path, b, maxDocument)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("the hub's answer to %s: %w", path, err)
	}
	return conn, nil
}

// pathEnroll spends a token.
const pathEnroll = "/v1/enroll"

func (a asker) do(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, *tls.ConnectionState, error) {
	req, err := http.NewRequestWithContext(ctx, method, "https://"+a.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if path != pathEnroll {
		// It does no harm when the hub hears it twice: it is said anew over another connection where the kept one turns out to have ended.
		// The header is not sent; see http.Transport.
		req.Header["Idempotency-Key"] = nil
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, nil, a.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, refusal(resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, nil, a.explain(err)
	}
	if int64(len(b)) > limit {
		return nil, nil, fmt.Errorf("the hub's answer to %s is longer than %d bytes", path, limit)
	}
	return b, resp.TLS, nil
}
