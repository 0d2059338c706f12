// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
)

// ErrMoved marks a report that must go to the hub directly: only of whom it hears itself does it know where that host is.
var ErrMoved = errors.New("this host has not spoken to the hub from where it is now")

// Write makes news for the hub a letter that another host may hand on. seq is that of the letter, and of its answer. ErrMoved, relay.ErrLetter.
func (c *Client) Write(ctx context.Context, r fleet.SyncRequest) (letter []byte, seq uint64, err error) {
	r = c.complete(ctx, r)
	n, seq := c.Node(), r.Seq
	c.mu.Lock()
	moved := whereabouts{r.Lan, r.Net, r.Location} != c.told
	c.mu.Unlock()
	if moved {
		return nil, 0, ErrMoved
	}
	key, ok := n.Certificate.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, 0, fmt.Errorf("the private key is a %T, which does not sign", n.Certificate.PrivateKey)
	}
	r.Seq = 0 // the letter has it
	report, err := json.Marshal(r)
	if err == nil {
		letter, err = relay.Seal(seq, report, n.Certificate.Certificate[0], key)
	}
	return letter, seq, err
}

// Read opens the answer to a letter. relay.ErrLetter, and ErrForeign when it is not the hub that answers that letter.
func (c *Client) Read(ctx context.Context, answer []byte, seq uint64) (reply fleet.SyncReply, err error) {
	l, err := relay.Open(answer, x509.ParseCertificate)
	if err != nil {
		return reply, err
	}
	if _, err := l.Certificate.Verify(x509.VerifyOptions{Roots: c.Node().Roots, DNSName: fleet.HubName}); err != nil {
		return reply, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if l.Seq != seq {
		return reply, fmt.Errorf("%w: it answers letter %d, not %d", ErrForeign, l.Seq, seq)
	}
	if err := json.Unmarshal(l.Report, &reply); err != nil {
		return fleet.SyncReply{}, fmt.Errorf("the hub's answer to a letter: %w", err)
	}
	reply.Hub = c.locatedHub(ctx, reply.Hub)
	return reply, nil
}

// Letters hands on what hosts of this location report.
func (c *Client) Letters(ctx context.Context, r fleet.LettersRequest) (reply fleet.LettersReply, err error) {
	if err = c.post(ctx, "/v1/letters", r, &reply); err == nil && len(reply.Answers) != len(r.Letters) {
		err = fmt.Errorf("the hub gives %d answers to %d letters", len(reply.Answers), len(r.Letters))
	}
	return reply, err
}

// whereabouts is what a host tells of where it is.
type whereabouts struct{ lan, net, location string }

// complete adds to news what is known here: where this host is, and which of its reports it is.
func (c *Client) complete(ctx context.Context, r fleet.SyncRequest) fleet.SyncRequest {
	r.Holdings = r.Holdings[:min(len(r.Holdings), fleet.MaxHoldings)]
	r.Wanted = r.Wanted[:min(len(r.Wanted), fleet.MaxWanted)]
	r.Lan = c.located(ctx, r.Lan, net.Conn.LocalAddr)
	r.Net, r.Location = c.own(ctx), c.Node().Identity.Location
	if r.Relay {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seq = max(c.seq+1, uint64(time.Now().UnixMicro()))
		r.Seq = c.seq
	}
	return r
}
