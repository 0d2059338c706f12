// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"testing"
	"time"
)

// "on initialization: CTO = 1 second"; "CTO = 2 * CTO" (RFC 6817, section 2.4.2)
func TestTimeoutDoubles(t *testing.T) {
	var r roundTrip
	if got := r.timeout(); got != time.Second {
		t.Errorf("initial CTO is %v, want 1s", got)
	}
	r.backoff = 1
	if got := r.timeout(); got != 2*time.Second {
		t.Errorf("CTO after a timeout is %v, want 2s", got)
	}
	r.backoff = 30
	if got := r.timeout(); got != maxCTO {
		t.Errorf("CTO after many timeouts is %v, want %v", got, maxCTO)
	}
}

// "Whenever RTO is computed, if it is less than 1 second, then the RTO SHOULD be rounded up to 1 second." (RFC 6298,
// section 2.4)
func TestTimeoutOfShortPaths(t *testing.T) {
	var r roundTrip
	for range 20 {
		r.sample(5 * ms)
	}
	if got := r.timeout(); got != time.Second {
		t.Errorf("CTO is %v, want 1s", got)
	}
}

// "SRTT <- R, RTTVAR <- R/2, RTO <- SRTT + max (G, K*RTTVAR)" (RFC 6298, section 2.2)
func TestTimeoutOfLongPaths(t *testing.T) {
	var r roundTrip
	r.sample(800 * ms)
	if got := r.timeout(); got != 2400*ms {
		t.Errorf("CTO after one sample of 800ms is %v, want 2.4s", got)
	}
	r.backoff = 3
	if got := r.timeout(); got != 2400*ms {
		t.Errorf("CTO is %v; one that is above the limit by itself must not shrink, nor grow", got)
	}
	r.sample(0)
	if r.smoothed != 800*ms {
		t.Errorf("a feedback without round trip changed it to %v", r.smoothed)
	}
	for range 100 {
		r.sample(400 * ms)
	}
	if r.smoothed < 400*ms || r.smoothed > 401*ms {
		t.Errorf("smoothed round trip is %v, want 400ms", r.smoothed)
	}
}

func TestPeakRemembersOneToTwoSpans(t *testing.T) {
	var p peak
	p.add(at(0), 100*ms, 7)
	p.add(at(50*ms), 100*ms, 3)
	for _, c := range []struct {
		at   time.Duration
		want float64
	}{{110 * ms, 7}, {190 * ms, 7}, {211 * ms, 3}, {900 * ms, 3}} {
		p.add(at(c.at), 100*ms, 3)
		if got := p.max(); got != c.want {
			t.Errorf("at %v the peak is %v, want %v", c.at, got, c.want)
		}
	}
}
