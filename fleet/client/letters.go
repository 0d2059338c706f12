// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/fleet/relay"
)

// ErrMoved marks a report that must go to the hub directly: only of whom it hears itself does it know where that host is.
var ErrMoved = errors.New("this host has not spoken to the hub from where it is now")

// Write makes news for the hub a letter that another host may hand on. ErrMoved, relay.ErrLetter, relay.ErrKeys.
func (c *Client) Write(ctx context.Context, r fleet.SyncRequest) (relay.Sent, error) {
	r = c.complete(ctx, r)
	c.mu.Lock()
	n, keys, moved := c.node, c.keys, whereabouts{r.Lan, r.Net, c.node} != c.told
	c.mu.Unlock()
	if moved {
		return relay.Sent{}, ErrMoved
	}
	seq := r.Seq
	r.Seq = 0 // the letter has it
	report, err := json.Marshal(r)
	if err != nil {
		return relay.Sent{}, err
	}
	return keys.Seal(n.Identity.Peer, seq, report)
}

// Read opens the answer to a letter. relay.ErrLetter, when it is not the hub that answers that letter.
func (c *Client) Read(ctx context.Context, answer []byte, to relay.Sent) (reply fleet.SyncReply, err error) {
	doc, err := to.Read(answer)
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(doc, &reply); err != nil {
		return fleet.SyncReply{}, fmt.Errorf("the hub's answer to a letter: %w", err)
	}
	reply.Hub = c.locatedHub(ctx, reply.Hub)
	return reply, nil
}

// Letters hands on what hosts of this location report.
func (c *Client) Letters(ctx context.Context, r fleet.LettersRequest) (reply fleet.LettersReply, err error) {
	if _, err = c.post(ctx, "/v1/letters", r, &reply); err == nil && len(reply.Answers) != len(r.Letters) {
		err = fmt.Errorf("the hub gives %d answers to %d letters", len(reply.Answers), len(r.Letters))
	}
	return reply, err
}

// whereabouts is what a host tells of where it is, and under which certificate.
type whereabouts struct {
	lan, net string
	node     *node.Node
}

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
