// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sent is what left at a time.
type sent struct {
	at    time.Time
	bytes int
}

// I4: "A cap is never exceeded in any one-second window, but for one datagram burst." Several senders of which each takes what it is
// allowed, asks when it likes and comes late.
func TestNoSecondExceedsTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cap := rapid.Float64Range(4000, 20e6).Draw(t, "bytes a second")
		c, now := NewCap(cap), dawn
		var log []sent
		for range rapid.IntRange(1, 400).Draw(t, "asks") {
			n, again := c.Allow(now)
			if n > 0 {
				n = rapid.IntRange(1, n).Draw(t, "bytes")
				c.Sent(now, n)
				log = append(log, sent{now, n})
			}
			switch late := time.Duration(rapid.IntRange(0, 20).Draw(t, "late")) * time.Millisecond; {
			case !again.IsZero() && rapid.Bool().Draw(t, "waits"):
				now = again.Add(late)
			case rapid.IntRange(0, 30).Draw(t, "pause") == 0:
				now = now.Add(3 * time.Second)
			default:
				now = now.Add(late)
			}
		}
		holds(t, log, cap, 0)
	})
}

// holds checks every window that begins with something sent.
func holds(t *rapid.T, log []sent, cap float64, unasked int) {
	for i := range log {
		sum := 0
		for _, s := range log[i:] {
			if s.at.Sub(log[i].at) >= time.Second {
				break
			}
			sum += s.bytes
		}
		if limit := cap + float64(BurstOf(cap)+unasked) + 1; float64(sum) > limit {
			t.Fatalf("%d bytes in the second after %v, the cap is %.0f with a burst of %d", sum, log[i].at.Sub(dawn), cap, BurstOf(cap))
		}
	}
}

// What a carrier sends unasked is paid for afterwards: a second exceeds the cap at most by what came unasked in it, and the mean holds.
func TestUnaskedBytesArePaidFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const cap = 1e6
		c, now := NewCap(cap), dawn
		var log []sent
		unasked, total := 0, 0
		for now.Sub(dawn) < 20*time.Second {
			if rapid.IntRange(0, 9).Draw(t, "carrier") == 0 {
				n := rapid.IntRange(1, 30_000).Draw(t, "unasked")
				c.Sent(now, n)
				log, unasked, total = append(log, sent{now, n}), unasked+n, total+n
			}
			n, again := c.Allow(now)
			if n > 0 {
				c.Sent(now, n)
				log, total = append(log, sent{now, n}), total+n
				continue
			}
			now = again
		}
		holds(t, log, cap, unasked)
		if limit := cap*now.Sub(dawn).Seconds() + float64(BurstOf(cap)) + 30_000; float64(total) > limit {
			t.Fatalf("%d bytes in %v, the cap is %.0f a second", total, now.Sub(dawn), cap)
		}
	})
}

// Whoever always sends what it may uses the cap.
func TestTheCapIsUsed(t *testing.T) {
	for _, cap := range []float64{8000, 125_000, 2.5e6, 125e6} {
		c, now, total := NewCap(cap), dawn, 0
		for now.Sub(dawn) < 10*time.Second {
			n, again := c.Allow(now)
			if n == 0 {
				now = again
				continue
			}
			c.Sent(now, n)
			total += n
		}
		if used := float64(total) / cap / 10; math.Abs(used-1) > 0.02+float64(BurstOf(cap))/cap/10 {
			t.Errorf("%.0f bytes a second: %.3f of it used", cap, used)
		}
	}
}

// A new rate holds from now on, up and down.
func TestTheCapChanges(t *testing.T) {
	c, now := NewCap(1e6), dawn
	for _, cap := range []float64{1e5, 5e6} {
		c.SetRate(now, cap)
		from, total := now, 0
		for now.Sub(from) < 2*time.Second {
			n, again := c.Allow(now)
			if n == 0 {
				now = again
				continue
			}
			c.Sent(now, n)
			total += n
		}
		if limit := 2*cap + 2*float64(BurstOf(1e6)); float64(total) > limit || float64(total) < 1.8*cap {
			t.Errorf("%d bytes in two seconds at %.0f a second", total, cap)
		}
	}
}
