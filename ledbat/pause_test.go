// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"testing"
	"time"
)

// RFC 7661, section 4.3: in the nonvalidated phase a sender keeps its window. After a pause in which all was acknowledged, the first
// acknowledgements find little in flight, and the window must not shrink to that: a flow that was told to pause had more.
func TestAPauseIsNoLackOfData(t *testing.T) {
	window := func(told bool) (before, after int) {
		c := newRFC6817(Default())
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		const rtt, mss = 50 * time.Millisecond, 1400
		ack := func(bytes, left int) {
			c.Acked(now, Ack{Bytes: bytes, OneWayDelay: 10 * time.Millisecond, RTT: rtt, InFlight: left})
		}
		for range 8 { // round trips in which the window is used up
			n := c.Window() / mss
			for range n {
				c.Sent(now, mss)
			}
			now = now.Add(rtt)
			for i := range n {
				ack(mss, (n-i-1)*mss)
			}
		}
		before = c.Window()
		if told {
			c.Paused(now)
		}
		now = now.Add(700 * time.Millisecond)
		if told {
			c.Resumed(now)
		}
		for range 4 {
			c.Sent(now, mss)
		}
		now = now.Add(rtt)
		ack(mss, 3*mss)
		return before, c.Window()
	}
	before, after := window(true)
	if after < before {
		t.Errorf("the window was %d before the pause and is %d after it", before, after)
	}
	if before, after := window(false); after > before/2 {
		t.Errorf("the window was %d and is %d after idling untold: then this test shows nothing", before, after)
	}
}
