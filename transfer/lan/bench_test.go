// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"context"
	"testing"
)

// Messages of the best size in one direction over loopback, both ends in this process.
func BenchmarkLoopback(b *testing.B) {
	fleet := newAuthority(b, "fleet")
	from, to := join(b, listen(b, fleet, "a", nil), listen(b, fleet, "b", nil))
	b.SetBytes(grain)
	go func() {
		buf := make([]byte, grain)
		for range b.N {
			for from.Budget() == 0 {
				<-from.Ready()
			}
			if from.Send(buf, true) != nil {
				return
			}
		}
	}()
	for range b.N {
		m, err := to.Receive(context.Background())
		must(b, err)
		to.Recycle(m)
	}
	b.Log(&from.pace)
}
