// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

// Due reports whether the certificate wants to be renewed.
func (c *Client) Due(now time.Time) bool { return c.Node().Due(now) }

// Renew fetches a new certificate for the same key (the peer's name is its hash) and the publisher keys that the hub
// pins now, saves them and uses them from its next connection on. The location of a host that roams may be another one. The data plane uses them when it is started with the
// node returned.
func (c *Client) Renew(ctx context.Context) (*node.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, enrollTimeout)
	defer cancel()
	old := c.Node()
	key, ok := old.Certificate.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the private key is a %T, not an ECDSA key", old.Certificate.PrivateKey)
	}
	csr, err := request(key)
	if err != nil {
		return nil, err
	}
	var reply fleet.EnrollReply
	if _, err := c.post(ctx, "/v1/renew", fleet.RenewRequest{CSR: csr, Net: c.own(ctx)}, &reply); err != nil {
		return nil, err
	}
	fresh := &node.Node{Dir: old.Dir, HubAddr: old.HubAddr}
	if err := accept(fresh, key, reply); err != nil {
		return nil, err
	}
	expected := old.Identity
	if fleet.Roams(old.Certificate.Leaf) {
		expected.Location = fresh.Identity.Location
	}
	if !fresh.CA.Equal(old.CA) || fresh.Identity != expected {
		return nil, fmt.Errorf("%w: it sent a certificate for %s", ErrForeign, fresh.Identity)
	}
	fresh.Hub = c.locatedHub(ctx, fresh.Hub)
	if err := fresh.Save(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.node = fresh
	c.mu.Unlock()
	c.Close() // connections with the old certificate that nobody uses now
	return fresh, nil
}
