// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"time"

	"github.com/ebbproject/ebb/ledbat/harm"
)

// Hush begins a silence: Budget answers 0 until then, and Ready is pulsed when it is over. It ends by itself, so that nothing is lost if
// whoever ordered it is gone; a time that has passed, or zero, ends it at once. What SCTP has already is not held back, nor are its
// acknowledgements and retransmissions, so no timer of it notices. The controller is told (ledbat.Pauser).
func (c *Conn) Hush(until time.Time) {
	now := time.Now()
	c.mu.Lock()
	if now.Before(until) {
		if c.hush.IsZero() {
			c.shim.Paused(now)
		}
		c.hush = until
		c.mu.Unlock()
		return
	}
	if !c.hush.IsZero() {
		c.hush = now
	}
	c.mu.Unlock()
	c.feed()
}

// silent reports whether a silence is under way, and sees to it that whoever asked is woken at its end. Under mu.
func (c *Conn) silent(now time.Time) bool {
	switch {
	case c.hush.IsZero():
		return false
	case now.Before(c.hush):
		c.paceAt = c.hush
		if c.paceAt.Before(c.armed) {
			pulse(c.wake)
		}
		return true
	}
	c.hush = time.Time{}
	c.shim.Resumed(now)
	return false
}

// Handed is how many bytes of messages were handed over with Send so far.
func (c *Conn) Handed() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handed
}

// Sample sends one small datagram now, to be timed; in the dark none.
func (c *Conn) Sample() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return
	}
	if f, ok := c.shim.Sample(); ok {
		c.post(time.Now(), f)
		pulse(c.wake)
	}
}

// Sampled appends to dst what became of samples since it was last asked, in the order of their arrival.
func (c *Conn) Sampled(dst []harm.Sample) []harm.Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shim.Sampled(dst)
}
