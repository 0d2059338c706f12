// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

var epoch = time.Unix(1_700_000_000, 0)

// at is a moment of a story.
func at(d time.Duration) time.Time { return epoch.Add(d) }

// "queuing_delay = FILTER(current_delays) - MIN(base_delays)" (RFC 6817, section 2.4.2)
func TestQueueIsCurrentAboveBase(t *testing.T) {
	var e Estimator
	for i, d := range []time.Duration{40 * ms, 25 * ms, 70 * ms, 65 * ms, 61 * ms, 90 * ms} {
		e.Sample(at(time.Duration(i)*10*ms), d, 0)
	}
	if got := e.Base(); got != 25*ms {
		t.Errorf("base is %v, the smallest was 25ms", got)
	}
	if got := e.Queue(time.Second); got != 36*ms {
		t.Errorf("queue is %v, the smallest of the last four was 61ms: want 36ms", got)
	}
	if got := e.Fresh(time.Second); got != 36*ms {
		t.Errorf("fresh queue is %v, want 36ms", got)
	}
	e.Sample(at(60*ms), 80*ms, 0)
	if got := e.Fresh(time.Second); got != 55*ms {
		t.Errorf("fresh queue is %v, the smallest of the last two was 80ms: want 55ms", got)
	}
}

// "CURRENT_FILTER MUST be limited such that samples in the list are not older than an RTT in the past."
// (RFC 6817, section 2.4.2)
func TestOldSamplesAreNotCurrent(t *testing.T) {
	var e Estimator
	e.Sample(at(0), 10*ms, 0)
	e.Sample(at(400*ms), 80*ms, 0)
	e.Sample(at(450*ms), 90*ms, 0)
	if got := e.Queue(100 * ms); got != 70*ms {
		t.Errorf("queue is %v; the sample of 10ms is older than a round trip: want 70ms", got)
	}
}

// "Maintain BASE_HISTORY delay-minima. Each minimum is measured over a period of a minute."; "If the actual base delay
// increases, however, a LEDBAT sender will take BASE_HISTORY minutes to adapt" (RFC 6817, sections 2.4.2 and 2.5)
func TestBaseIsForgottenAfterTenMinutes(t *testing.T) {
	var e Estimator
	e.Sample(at(0), 20*ms, 0)
	for s := 1; s < 660; s++ {
		e.Sample(at(time.Duration(s)*time.Second), 50*ms, 0)
		want := 20 * ms
		if s >= 600 {
			want = 50 * ms
		}
		if got := e.Base(); got != want {
			t.Fatalf("after %d s the base is %v, want %v: %v", s, got, want, &e)
		}
	}
}

// "If the actual base delay decreases, due to a route change, for instance, a LEDBAT sender adapts immediately"
// (RFC 6817, section 2.5)
func TestSmallerBaseIsBelievedAtOnce(t *testing.T) {
	var e Estimator
	e.Sample(at(0), 50*ms, 100*ms)
	e.Sample(at(25*ms), 30*ms, 80*ms)
	if got := e.Base(); got != 30*ms {
		t.Errorf("base is %v, want 30ms", got)
	}
}

func TestHistorySurvivesIdling(t *testing.T) {
	var e Estimator
	e.Sample(at(0), 20*ms, 0)
	e.Sample(at(9*time.Minute), 45*ms, 0)
	if got := e.Queue(time.Second); got != 25*ms {
		t.Errorf("after nine idle minutes the queue is %v, want 25ms: the base is still known", got)
	}
	e.Sample(at(20*time.Minute), 60*ms, 0)
	if got := e.Base(); got != 60*ms {
		t.Errorf("after eleven idle minutes the base is %v, want 60ms: all that was known is too old", got)
	}
}

func TestOffsetOfClocksDoesNotMatter(t *testing.T) {
	for _, offset := range []time.Duration{0, -3 * time.Hour, 17 * time.Minute, -20 * ms} {
		var e Estimator
		for i, d := range []time.Duration{25 * ms, 26 * ms, 75 * ms, 77 * ms, 80 * ms, 76 * ms} {
			e.Sample(at(time.Duration(i)*25*ms), offset+d, 0)
		}
		if got := e.Queue(time.Second); got != 50*ms {
			t.Errorf("offset %v: queue is %v, want 50ms", offset, got)
		}
	}
}

// Stamps are 32 bits of microseconds: a delay near 2^31 becomes one near -2^31.
func TestStampsWrap(t *testing.T) {
	var e Estimator
	edge := time.Duration(1<<31-5_000) * time.Microsecond
	for i, d := range []time.Duration{0, 4 * ms, 6 * ms, 30 * ms, 31 * ms, 29 * ms, 33 * ms} {
		stamped := edge + d
		if stamped >= stampWrap/2 {
			stamped -= stampWrap
		}
		e.Sample(at(time.Duration(i)*25*ms), stamped, 80*ms)
	}
	if got := e.Queue(time.Second); got != 29*ms {
		t.Errorf("queue is %v, want 29ms: %v", got, &e)
	}
}

func TestSmallerOfWrappedDelays(t *testing.T) {
	for _, c := range []struct{ a, b, want time.Duration }{
		{5 * ms, 9 * ms, 5 * ms}, {9 * ms, 5 * ms, 5 * ms}, {-9 * ms, 5 * ms, -9 * ms},
		{stampWrap/2 - ms, -stampWrap/2 + ms, stampWrap/2 - ms}, {-stampWrap/2 + ms, stampWrap/2 - ms, stampWrap/2 - ms},
	} {
		if got := Smaller(c.a, c.b); got != c.want {
			t.Errorf("the smaller of %v and %v is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// steady feeds n samples of a path with the given queue, 10 ms apart.
func steady(e *Estimator, from time.Duration, n int, offset, queue time.Duration) time.Duration {
	for range n {
		from += 10 * ms
		e.Sample(at(from), offset+25*ms+queue, 50*ms+queue)
	}
	return from
}

// A step of either clock moves the delay and not the round trip. The base moves with it, and the queue is seen as before.
func TestClockStepIsNoQueue(t *testing.T) {
	for _, step := range []time.Duration{30 * ms, -30 * ms, 100 * ms, -100 * ms, time.Hour, -time.Hour} {
		var e Estimator
		now := steady(&e, 0, 50, 0, 0)
		now = steady(&e, now, 50, 0, 40*ms)
		now = steady(&e, now, stepSamples-1, step, 41*ms)
		if got := e.Queue(50 * ms); got != 40*ms {
			t.Errorf("step %v, not yet believed: queue is %v, want 40ms as before: %v", step, got, &e)
		}
		if !strings.Contains(e.String(), "suspected") {
			t.Errorf("step %v: the suspicion is not told: %v", step, &e)
		}
		steady(&e, now, 8, step, 41*ms)
		if got := e.Queue(50 * ms); got != 41*ms {
			t.Errorf("step %v: queue is %v, want 41ms: %v", step, got, &e)
		}
	}
}

// A queue that fills or empties moves both, however suddenly: nothing is held back.
func TestSuddenQueueIsNoClockStep(t *testing.T) {
	var e Estimator
	now := steady(&e, 0, 50, 0, 0)
	now = steady(&e, now, 1, 0, 120*ms)
	if got := e.Queue(5 * ms); got != 120*ms {
		t.Errorf("queue is %v right after it filled, want 120ms: %v", got, &e)
	}
	steady(&e, now, 1, 0, 0)
	if got := e.Queue(5 * ms); got != 0 {
		t.Errorf("queue is %v right after it emptied, want 0: %v", got, &e)
	}
}

// One late datagram is not a clock step: the next samples disagree.
func TestOutlierIsNoClockStep(t *testing.T) {
	var e Estimator
	now := steady(&e, 0, 50, 0, 0)
	now = steady(&e, now, 1, 200*ms, 0)
	steady(&e, now, 10, 0, 0)
	if base, queue := e.Base(), e.Queue(50*ms); base != 25*ms || queue != 0 {
		t.Errorf("base %v, queue %v; want 25ms and 0: %v", base, queue, &e)
	}
}

func TestNothingMeasured(t *testing.T) {
	var e Estimator
	if e.Base() != 0 || e.Queue(time.Second) != 0 || e.Noise() != 0 {
		t.Errorf("an estimator that has seen nothing says %v", &e)
	}
}

func TestNoiseIsTheMeanDifference(t *testing.T) {
	var e Estimator
	for i := range 400 {
		e.Sample(at(time.Duration(i)*10*ms), 25*ms+time.Duration(i%2)*4*ms, 50*ms)
	}
	if got := e.Noise(); got < 3900*time.Microsecond || got > 4*ms {
		t.Errorf("noise of samples that alternate by 4ms is %v", got)
	}
}
