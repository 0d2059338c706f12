// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPacerLetsAFewDatagramsGoAtOnce(t *testing.T) {
	var p Pacer
	p.SetRate(250_000)
	for i := range burstDatagrams {
		if !p.CanSend(at(0), 1000) {
			t.Fatalf("datagram %d of the first burst is refused: %v", i, &p)
		}
		p.Sent(at(0), 1000)
	}
	if p.CanSend(at(0), 1000) {
		t.Fatalf("the burst has no end: %v", &p)
	}
	// 1000 bytes at 250,000 bytes a second.
	if got := p.Next().Sub(at(0)); got < 4*ms || got > 4*ms+time.Microsecond {
		t.Errorf("the next may leave after %v, want 4ms", got)
	}
	if !p.CanSend(p.Next(), 1000) {
		t.Errorf("refused at the time it named itself: %v", &p)
	}
	if !p.Next().IsZero() {
		t.Errorf("Next is %v though nothing is refused", p.Next())
	}
}

// Where a datagram takes long, others wait for each of ours, and never for two in a row.
func TestSlowDatagramsLeaveOneByOne(t *testing.T) {
	var p Pacer
	p.SetRate(100_000)
	for i := range 5 {
		now := at(time.Duration(i) * time.Second)
		if !p.CanSend(now, 1000) {
			t.Fatalf("datagram %d is refused after a pause: %v", i, &p)
		}
		p.Sent(now, 1000)
		if p.CanSend(now, 1000) {
			t.Fatalf("a second one may leave at once: %v", &p)
		}
	}
}

func TestPacerOff(t *testing.T) {
	var p Pacer
	for range 1000 {
		if !p.CanSend(at(0), 65535) {
			t.Fatal("a pacer without rate refuses")
		}
		p.Sent(at(0), 65535)
	}
	if p.String() != "pacer off" {
		t.Errorf("it says %q", p.String())
	}
	p.SetRate(1e6)
	if !strings.HasPrefix(p.String(), "pacer 1000000 B/s") {
		t.Errorf("it says %q", p.String())
	}
}

// Whatever is sent and however late the timers are: no more leaves in any stretch than rate times time and one
// bucket; a sender that waits for Next is never refused then; and it is not slower than the rate by more than late timers explain.
func TestPacerKeepsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(1e3, 1e9).Draw(t, "rate")
		size := rapid.IntRange(1, 65535).Draw(t, "size")
		late := time.Duration(rapid.IntRange(0, 1000).Draw(t, "late µs")) * time.Microsecond
		var p Pacer
		p.SetRate(rate)
		now, sent := at(0), 0.0
		for range 300 {
			if !p.CanSend(now, size) {
				now = p.Next()
				if !p.CanSend(now, size) {
					t.Fatalf("refused at the time it named itself: %v", &p)
				}
				now = now.Add(late)
			}
			p.Sent(now, size)
			sent += float64(size)
			elapsed := now.Sub(at(0)).Seconds()
			if limit := rate*elapsed*1.000001 + p.depth() + 1; sent > limit {
				t.Fatalf("%.0f bytes left in %.6f s, more than %.0f: %v", sent, elapsed, limit, &p)
			}
		}
		if late == 0 {
			if want := now.Sub(at(0)).Seconds() * rate * 0.9999; sent < want-float64(size) {
				t.Fatalf("%.0f bytes left, the rate allows %.0f", sent, want)
			}
		}
	})
}

// What must leave without permission is paid back, but not for ever.
func TestPacerDebtIsBounded(t *testing.T) {
	var p Pacer
	p.SetRate(1e6)
	for range 1000 {
		p.Sent(at(0), 1000)
	}
	p.CanSend(at(0), 1000)
	if got := p.Next().Sub(at(0)); got > 10*ms {
		t.Errorf("after a burst by force nothing may leave for %v", got)
	}
}

func TestCreditIsWhatMayLeave(t *testing.T) {
	var p Pacer
	if got := p.Credit(epoch); !math.IsInf(got, 1) {
		t.Errorf("credit is %v without a pace", got)
	}
	p.SetRate(1e6)
	for p.CanSend(epoch, 1000) {
		p.Sent(epoch, 1000)
	}
	if got := p.Credit(epoch); got != 0 {
		t.Errorf("credit is %v where nothing may leave", got)
	}
	p.Sent(epoch, 500)
	if got := p.Credit(epoch.Add(2 * ms)); got != 1500 {
		t.Errorf("credit is %v after 2ms at 1 MB/s and a debt of 500 B, want 1500", got)
	}
}
