// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hear gives the senders what they are to be told.
func hear(s *Shares, told map[string]float64) {
	for x, ok := s.Take(); ok; x, ok = s.Take() {
		told[x.Peer] = x.Rate
	}
}

// Whoever comes and goes and whatever each makes of its share, the shares of those who may send never add up to more than the cap, but
// for the 64th of one that joins.
func TestSharesAddUpToTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const cap = 1e6
		s, now, told := NewShares(cap), dawn, map[string]float64{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			peer := fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "peer"))
			switch rapid.IntRange(0, 4).Draw(t, "do") {
			case 0:
				s.Asked(now, peer)
			case 1:
				s.Received(peer, 0, 0)
			case 2:
				s.Lost(peer)
				delete(told, peer)
			default:
				s.Received(peer, int64(rapid.Float64Range(0, told[peer]).Draw(t, "bytes")), 1)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 700).Draw(t, "ms")) * time.Millisecond)
			s.Advance(now)
			hear(s, told)
			sum := 0.0
			for name := range s.peers {
				sum += told[name]
			}
			if sum > cap*1.0001 {
				t.Fatalf("the shares %v are %.0f of %.0f", told, sum, cap)
			}
		}
	})
}

// One sender has all of it; a second one that is fast takes half within a few seconds; one that is slow leaves the rest to the other.
func TestSharesFollowTheSenders(t *testing.T) {
	const cap = 1e6
	for _, x := range []struct{ slow, low, high float64 }{{1e9, 0.4e6, 0.6e6}, {50e3, 50e3, 150e3}} {
		s, now, told := NewShares(cap), dawn, map[string]float64{}
		s.Asked(now, "fast")
		hear(s, told)
		if told["fast"] != cap {
			t.Errorf("alone it may send %.0f", told["fast"])
		}
		s.Asked(now, "other")
		hear(s, told)
		for range 20 {
			now = now.Add(shareEvery)
			s.Received("fast", int64(told["fast"]), 1)
			s.Received("other", int64(min(told["other"], x.slow)), 1)
			s.Advance(now)
			hear(s, told)
		}
		if got := told["other"]; got < x.low || got > x.high || told["fast"] < (cap-x.high)*0.9 {
			t.Errorf("after a while %v", told)
		}
		s.Lost("fast")
		for range 5 {
			now = now.Add(shareEvery)
			s.Received("other", int64(told["other"]), 1)
			s.Advance(now)
			hear(s, told)
		}
		if told["other"] < 0.95*cap {
			t.Errorf("alone again it may send %.0f", told["other"])
		}
	}
}

// A cap that changes is told in proportion, at once when it shrinks.
func TestSharesOfACapThatChanges(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := NewShares(0)
	s.Asked(now, "a")
	s.SetTotal(1000)
	for total, want := range map[float64]float64{1000: 1000, 980: 980, 400: 400, 0: 1} {
		s.SetTotal(1000)
		s.SetTotal(total)
		last := 0.0
		for x, ok := s.Take(); ok; x, ok = s.Take() {
			last = x.Rate
		}
		if last != want {
			t.Errorf("of %.0f the only sender has %.0f", total, last)
		}
		s.SetTotal(1000)
	}
}
