// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// PartShare of the size of a full datagram is less than a packet that goes in two parts, and more than acknowledgements.
const PartShare = 0.4

const (
	manyParts = 16              // of packets, and no full datagram
	inParts   = 2 * time.Second // for so long, and the path has become narrow
)

// sized follows the size of what arrives: where the path has become narrow, packets go in parts. The end of a message is no part.
func (e *ebb) sized(now time.Time, bytes int) {
	switch full := float64(e.cfg.MSS); {
	case float64(bytes) >= 0.75*full:
		e.mss, e.fullAt, e.parts = full, now, 0
	case float64(bytes) >= PartShare*full:
		if e.parts++; e.parts >= manyParts && now.Sub(e.fullAt) > inParts {
			e.mss = float64(bytes)
		}
	}
}

// small says that a datagram took less time at the bottleneck than those of data do, so that its delay does not compare.
func (e *ebb) small(bytes int) bool { return 4*float64(bytes) < 3*e.mss }
