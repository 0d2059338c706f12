// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// By their size, datagrams are full, parts of packets that go in two, or too small to compare, as acknowledgements are.
const (
	LargeShare = 0.75            // of the largest: that or more is about as fast as it is
	PartShare  = 0.4             // of the largest, at least, is a part
	ManyParts  = 16              // and no full datagram
	InParts    = 2 * time.Second // for so long, and the path has become narrow
)

// sized follows the size of what arrives: where the path has become narrow, packets go in parts. The end of a message is no part.
func (e *ebb) sized(now time.Time, bytes int) {
	switch full := float64(e.cfg.MSS); {
	case float64(bytes) >= LargeShare*full:
		e.mss, e.fullAt, e.parts = full, now, 0
	case float64(bytes) >= PartShare*full:
		if e.parts++; e.parts >= ManyParts && now.Sub(e.fullAt) > InParts {
			e.mss = float64(bytes)
		}
	}
}

// small says that a datagram took less time at the bottleneck than those of data do, so that its delay does not compare.
func (e *ebb) small(bytes int) bool { return float64(bytes) < LargeShare*e.mss }
