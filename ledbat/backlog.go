// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A backlog is what stands in front of the bottleneck, as far as it is known where it comes from: our own datagrams, counted as they left and
// as the bottleneck takes them. A host that is late sends what it missed in a row; that makes a queue, which is nobody else's, and which
// stays for long, because we send almost as much as the bottleneck takes.
type backlog struct {
	bytes float64
	at    time.Time
	wait  time.Duration // of the last datagram, behind those before it
}

// arrived enters a datagram, and returns how long it must have waited behind others of ours. It cannot have waited for longer than it did.
func (b *backlog) arrived(a Arrival, mu float64, waited time.Duration) time.Duration {
	if mu == 0 {
		return 0
	}
	left := a.Left()
	if gap := left.Sub(b.at); gap > 0 {
		b.bytes = max(0, b.bytes-mu*gap.Seconds())
		b.at = left
	}
	b.bytes = min(b.bytes, mu*max(0, waited).Seconds())
	b.wait = time.Duration(b.bytes / mu * float64(time.Second))
	b.bytes += float64(a.Bytes)
	return b.wait
}
