// SPDX-License-Identifier: Apache-2.0

// Package client speaks the local API of a daemon over the unix socket in its state directory. The command line uses
// it and nothing else; so may other programs.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/ebbproject/ebb/agent/api"
)

// ErrUnreachable: no daemon answers on the socket, or it went away before it had answered.
var ErrUnreachable = errors.New("no daemon answers")

// Socket is the path of the local API's socket in a state directory.
func Socket(state string) string { return filepath.Join(state, "ebb.sock") }

// Client talks to one daemon. It is safe for concurrent use.
type Client struct {
	socket string
	http   *http.Client
}

// New is a client of the daemon that runs on a state directory. Nothing is opened yet.
func New(state string) *Client {
	socket := Socket(state)
	var d net.Dialer
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
	}}}
}

// Call sends in as JSON (nothing if nil; an io.Reader as it is) and decodes the answer into out (ignored if nil).
// An error of the daemon is an *api.Problem; without a daemon it is ErrUnreachable.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	switch in := in.(type) {
	case nil:
	case io.Reader:
		body = in
	default:
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://ebb/api/v1/"+path, body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.explain(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return problem(resp)
	}
	if out == nil {
		return nil
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return c.explain(ctx, err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the daemon's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// explain tells a daemon that is not there, or is there no more, from a caller who has given up.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("asking the daemon on %s: %w", c.socket, ctx.Err())
	}
	var op *net.OpError
	var u *url.Error
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		err = op.Err
	case errors.As(err, &op):
		err = fmt.Errorf("it went away: %w", op.Err)
	case errors.As(err, &u):
		err = fmt.Errorf("it went away: %w", u.Err)
	}
	return fmt.Errorf("%w on %s: %w", ErrUnreachable, c.socket, err)
}

func problem(resp *http.Response) error {
	p := &api.Problem{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(p); err != nil || p.Title == "" {
		p = &api.Problem{Title: "the daemon answered " + resp.Status, Status: resp.StatusCode, Code: api.CodeInternal}
	}
	return p
}

// Close frees idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status of the daemon.
func (c *Client) Status(ctx context.Context) (s api.Status, err error) {
	err = c.Call(ctx, http.MethodGet, "status", nil, &s)
	return s, err
}

// Get begins a flow.
func (c *Client) Get(ctx context.Context, g api.Get) (f api.Flow, err error) {
	err = c.Call(ctx, http.MethodPost, "flows", g, &f)
	return f, err
}

// Flow is one flow by its id.
func (c *Client) Flow(ctx context.Context, id string) (f api.Flow, err error) {
	err = c.Call(ctx, http.MethodGet, "flows/"+url.PathEscape(id), nil, &f)
	return f, err
}

// Flows lists all flows.
func (c *Client) Flows(ctx context.Context) ([]api.Flow, error) {
	var list struct{ Flows []api.Flow }
	err := c.Call(ctx, http.MethodGet, "flows", nil, &list)
	return list.Flows, err
}

// Peers lists the address book.
func (c *Client) Peers(ctx context.Context) ([]api.Peer, error) {
	var list struct{ Peers []api.Peer }
	err := c.Call(ctx, http.MethodGet, "peers", nil, &list)
	return list.Peers, err
}

// Harm is what this host does to others, to all locations or to one.
func (c *Client) Harm(ctx context.Context, location string) (h api.Harm, err error) {
	path := "harm"
	if location != "" {
		path += "?location=" + url.QueryEscape(location)
	}
	err = c.Call(ctx, http.MethodGet, path, nil, &h)
	return h, err
}

// Ledger is which bytes went where, of all locations and contents or of one.
func (c *Client) Ledger(ctx context.Context, location, ref string) (l api.Ledger, err error) {
	q := url.Values{}
	if location != "" {
		q.Set("location", location)
	}
	if ref != "" {
		q.Set("content", ref)
	}
	err = c.Call(ctx, http.MethodGet, "ledger?"+q.Encode(), nil, &l)
	return l, err
}

// Contents lists what is known.
func (c *Client) Contents(ctx context.Context) ([]api.Content, error) {
	var list struct{ Contents []api.Content }
	err := c.Call(ctx, http.MethodGet, "contents", nil, &list)
	return list.Contents, err
}
