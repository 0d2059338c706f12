// SPDX-License-Identifier: Apache-2.0

package sense

import "github.com/ebbproject/ebb/agent/gentle"

// times are processor times since the system was started, in units that only have to be the same.
type times struct{ busy, total, own uint64 }

// others is the share of all processors' time that others used between two looks, 0 to 1; Unknown if the counters do not tell.
func others(then, now times) float64 {
	if then.total == 0 || now.total <= then.total || now.busy < then.busy || now.own < then.own {
		return gentle.Unknown
	}
	busy, own := float64(now.busy-then.busy), float64(now.own-then.own)
	return min(max(busy-own, 0)/float64(now.total-then.total), 1)
}
