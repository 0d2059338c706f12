// SPDX-License-Identifier: Apache-2.0

package scheduler

import "cmp"

// Turn is a flow's place in the order of service.
type Turn struct {
	Priority int   // higher is strictly first
	Tag      int64 // of fair queueing: what was given to it, in bytes, from where it began
	Number   int   // order of arrival
}

// Compare is negative if t is served before u: higher priority strictly first, and within one priority the flow that has been given least.
func (t Turn) Compare(u Turn) int {
	return cmp.Or(cmp.Compare(u.Priority, t.Priority), cmp.Compare(t.Tag, u.Tag), cmp.Compare(t.Number, u.Number))
}
