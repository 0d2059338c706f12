// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

// A small hub keeps to its limit, and one of thousands of hosts always has room for as much again as is alive.
func TestRoomGrowsWithTheFleet(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ live, stacks, want int64 }{
		{0, 0, hubMemory}, {20 * mib, 2 * mib, hubMemory}, {90 * mib, 80 * mib, 312 * mib}, {450 * mib, 400 * mib, 1432 * mib},
	} {
		if got := room(hubMemory, c.live, c.stacks); got != c.want {
			t.Errorf("%d MiB alive and %d of stacks: %d MiB, want %d", c.live/mib, c.stacks/mib, got/mib, c.want/mib)
		}
	}
}
