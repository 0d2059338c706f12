// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	// "on initialization: CTO = 1 second" (RFC 6817, section 2.4.2); "Whenever RTO is computed, if it is less than 1 second,
	// then the RTO SHOULD be rounded up to 1 second." (RFC 6298, section 2.4)
	minCTO = time.Second
	// RFC 6298 wants a ceiling to be 60 seconds or more. Here it is lower, so that a flow is back within seconds after a
	// blackout of minutes: all it costs the path meanwhile is one datagram of one MSS every two seconds.
	maxCTO = 2 * time.Second
)

// A roundTrip smooths round trips and derives the congestion timeout. "The CTO would be the same as the retransmission timeout
// (RTO)" of RFC 6298 (RFC 6817, section 2.4.2).
type roundTrip struct {
	smoothed  time.Duration // 0: nothing measured
	variation time.Duration
	backoff   int // timeouts in a row
}

// sample enters a measured round trip. (RFC 6298, sections 2.2 and 2.3)
func (r *roundTrip) sample(rtt time.Duration) {
	if rtt <= 0 {
		return
	}
	if r.smoothed == 0 {
		r.smoothed, r.variation = rtt, rtt/2 // "SRTT <- R, RTTVAR <- R/2"
		return
	}
	r.variation += ((r.smoothed - rtt).Abs() - r.variation) / 4
	r.smoothed += (rtt - r.smoothed) / 8
}

// timeout is the CTO.
func (r *roundTrip) timeout() time.Duration {
	cto := minCTO
	if r.smoothed > 0 {
		cto = max(cto, r.smoothed+4*r.variation) // "RTO <- SRTT + max (G, K*RTTVAR)"
	}
	for range r.backoff {
		if cto >= maxCTO {
			return cto
		}
		cto = min(2*cto, maxCTO) // "CTO = 2 * CTO"
	}
	return cto
}
