// SPDX-License-Identifier: Apache-2.0

package carrier

import "testing"

// Joined is both ends of a conversation over loopback, between hosts a and b.
func Joined(t *testing.T) (a, b *Conn) {
	fleet := newAuthority(t, "fleet")
	return join(t, onLoopback(t, fleet, "a", nil), onLoopback(t, fleet, "b", nil))
}
