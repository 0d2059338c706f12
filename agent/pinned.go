// SPDX-License-Identifier: Apache-2.0

package agent

import "crypto/ed25519"

// Pinned: from now on these publishers are believed and no others. What was verified before stays.
func (c *Core) Pinned(keys []ed25519.PublicKey) { c.cfg.Publishers = keys }
