// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

const (
	burstTime = 20 * time.Millisecond // of sending at the cap
	burstMost = 64 << 10              // bytes: one batch of datagrams
	// BurstLeast is the smallest burst in bytes: one datagram of the usual size.
	BurstLeast = 1440
)

// Cap keeps the sum of several conversations under a rate. It is a token bucket (golang.org/x/time/rate) of one burst.
//
// Whoever wants to send asks Allow, sends at most that many bytes, and reports what it sent with Sent. So in any stretch of time of
// length t no more than rate * t + one burst is reported as sent, provided that everything was allowed before. What was not, because a
// carrier sends it unasked (acknowledgements, retransmissions, probes), is reported too, and makes the next ones wait: the mean holds for
// all that was reported, and a second may exceed the rate by what came unasked in it.
type Cap struct {
	bucket *rate.Limiter
	burst  int
	owed   float64 // bytes reported beyond what the bucket could take at once
}

// NewCap is a cap of that many bytes a second, more than 0.
func NewCap(bytes float64) *Cap {
	c := &Cap{burst: BurstOf(bytes)}
	c.bucket = rate.NewLimiter(rate.Limit(bytes), c.burst)
	return c
}

// BurstOf is how many bytes may leave at once under a cap.
func BurstOf(bytes float64) int {
	return int(min(max(bytes*burstTime.Seconds(), BurstLeast), burstMost))
}

// SetRate changes the cap from now on.
func (c *Cap) SetRate(now time.Time, bytes float64) {
	if rate.Limit(bytes) == c.bucket.Limit() {
		return
	}
	c.burst = BurstOf(bytes)
	c.bucket.SetLimitAt(now, rate.Limit(bytes))
	c.bucket.SetBurstAt(now, c.burst)
}

// Allow is how many bytes may leave now: a whole burst, or 0, and then when to ask again. All wait for the same amount, so that those who
// want little do not always come first.
func (c *Cap) Allow(now time.Time) (bytes int, again time.Time) {
	c.settle(now)
	tokens := c.bucket.TokensAt(now) - c.owed
	// The bucket reckons in fractions; a byte is not worth waiting for.
	lacks := float64(c.burst) - tokens
	if lacks < 1 {
		return c.burst, time.Time{}
	}
	wait := math.Ceil(lacks / float64(c.bucket.Limit()) * float64(time.Second))
	return 0, now.Add(time.Duration(min(wait, float64(time.Minute))) + time.Microsecond)
}

// Sent reports bytes that left, allowed or not.
func (c *Cap) Sent(now time.Time, bytes int) {
	c.owed += float64(bytes)
	c.settle(now)
}

// settle pays what is owed from the bucket, as much as it holds.
func (c *Cap) settle(now time.Time) {
	if c.owed <= 0 {
		return
	}
	n := int(min(c.owed, math.Floor(c.bucket.TokensAt(now))))
	if n > 0 && c.bucket.ReserveN(now, n).OK() {
		c.owed -= float64(n)
	}
}
