// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"crypto/ed25519"
	"time"

	"github.com/ebbproject/ebb/agent"
)

// Pinned tells the daemon which publishers to believe from now on.
func (d *Daemon) Pinned(keys []ed25519.PublicKey) {
	d.do(func(c *agent.Core, _ time.Time) { c.Pinned(keys) })
}
