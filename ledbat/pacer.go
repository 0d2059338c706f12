// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"math"
	"time"
)

const (
	// What may leave at once after a pause: a few datagrams, or on fast paths what a timer that comes
	// this late would have let pass.
	burstDatagrams = 2
	burstTime      = 2 * time.Millisecond
	slowDatagram   = 5 * time.Millisecond // what takes longer never leaves as a burst
)

// A Pacer spreads datagrams over time, so that a window never leaves as one burst. It is a bucket of credit that
// fills at the rate; a datagram takes its size from it. The zero value does not pace.
type Pacer struct {
	rate    float64   // bytes a second; 0: not paced
	credit  float64   // bytes that may leave, as of at; at most depth, and at least -depth
	at      time.Time // zero before the first datagram, when the bucket is full
	largest int       // the largest datagram seen: the unit of a burst
	refused int       // size of the datagram last refused; 0: none since
}

// SetRate sets the pace in bytes a second; 0 or less stops pacing.
func (p *Pacer) SetRate(bytesPerSecond float64) { p.rate = max(0, bytesPerSecond) }

// Unit says how many bytes leave at a time, at least: the bucket has room for them, whatever was seen of datagrams before. Whoever does not
// ask CanSend before each says it, or what is larger than all that was sent waits for ever.
func (p *Pacer) Unit(bytes int) { p.largest = max(p.largest, bytes) }

// CanSend reports whether a datagram of that many bytes may leave now. If not, Next says when.
func (p *Pacer) CanSend(now time.Time, bytes int) bool {
	p.largest = max(p.largest, bytes)
	p.refused = 0
	if p.rate == 0 || p.creditAt(now) >= float64(bytes) {
		return true
	}
	p.refused = bytes
	return false
}

// Credit is how many bytes may leave now; without bound if there is no pace, and below 0 in debt.
func (p *Pacer) Credit(now time.Time) float64 {
	if p.rate == 0 {
		return math.Inf(1)
	}
	return p.creditAt(now)
}

// Sent reports that a datagram left, allowed or not: those that must not wait run up a debt. Bytes below 0 give back what was paid for a
// datagram that did not leave.
func (p *Pacer) Sent(now time.Time, bytes int) {
	p.largest = max(p.largest, bytes)
	p.credit = max(p.creditAt(now)-float64(bytes), -p.depth())
	if p.at.Before(now) {
		p.at = now
	}
	p.refused = 0
}

// Next is when the datagram that CanSend last refused may leave; zero: none was refused.
func (p *Pacer) Next() time.Time {
	if p.refused == 0 || p.rate == 0 {
		return time.Time{}
	}
	wait := (float64(p.refused) - p.credit) / p.rate * float64(time.Second)
	// Round up, so that whoever waits until then is not refused again for a nanosecond.
	return p.at.Add(time.Duration(math.Ceil(min(wait, float64(time.Hour)))) + 1)
}

func (p *Pacer) depth() float64 {
	if p.rate > 0 && float64(p.largest)/p.rate > slowDatagram.Seconds() {
		return float64(p.largest) // each of them makes others wait long enough
	}
	return max(float64(burstDatagrams*p.largest), p.rate*burstTime.Seconds())
}

func (p *Pacer) creditAt(now time.Time) float64 {
	if p.at.IsZero() {
		return p.depth()
	}
	elapsed := max(0, now.Sub(p.at)).Seconds()
	return min(p.credit+float64(p.rate*elapsed), p.depth())
}

// String is the state in one line.
func (p *Pacer) String() string {
	if p.rate == 0 {
		return "pacer off"
	}
	return fmt.Sprintf("pacer %.0f B/s, credit %.0f of %.0f B", p.rate, p.credit, p.depth())
}
