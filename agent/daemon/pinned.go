// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"crypto/ed25519"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/fleet/node"
)

// Renewed takes over the certificate and the pinned publishers of a renewed enrolment.
func (d *Daemon) Renewed(n *node.Node) {
	d.endpoint.Renewed(n.Certificate)
	if d.near != nil {
		d.near.Renewed(n.Certificate)
	}
	d.node.Store(n)
	d.Pinned(n.Publishers)
}

// Pinned tells the daemon which publishers to believe from now on.
func (d *Daemon) Pinned(keys []ed25519.PublicKey) {
	d.do(func(c *agent.Core, _ time.Time) { c.Pinned(keys) })
}
