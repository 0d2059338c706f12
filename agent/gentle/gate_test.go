// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/transfer"
)

var dawn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func busy(cpu float64) Sample { s := Blind(); s.CPU = cpu; return s }

func queued(n float64) Sample { s := Blind(); s.Queue = n; return s }

func on(l Link) Sample { s := Blind(); s.Link = l; return s }

func powered(p Power) Sample { s := Blind(); s.Power = p; return s }

// feed gives the same sample every two seconds, and says when the gate first answered differently than at the start; -1: never.
func feed(g *Gate, now *time.Time, s Sample, lasting time.Duration) time.Duration {
	_, before := g.May(*now)
	for from := *now; now.Sub(from) < lasting; *now = now.Add(2 * time.Second) {
		g.Sampled(*now, s)
		if _, ok := g.May(*now); ok != before {
			return now.Sub(from)
		}
	}
	return -1
}

// "Refuse to serve beyond CPU 80 % or disk queue 10, on battery, VPN, metered", each with its reason, and serve again afterwards.
func TestRefusesAndServesAgain(t *testing.T) {
	for _, x := range []struct {
		bad, good    Sample
		why          transfer.Reason
		closes, open time.Duration
	}{
		{busy(0.9), busy(0.1), transfer.ReasonCPU, 4 * time.Second, 14 * time.Second},
		{queued(11), queued(1), transfer.ReasonDisk, 4 * time.Second, 14 * time.Second},
		{powered(Battery), powered(Mains), transfer.ReasonBattery, 0, 6 * time.Second},
		{on(VPN), on(Wired), transfer.ReasonVPN, 0, 6 * time.Second},
		{on(Metered), on(WiFi), transfer.ReasonMetered, 0, 6 * time.Second},
	} {
		g, now := NewGate(DefaultPolicy()), dawn
		if _, ok := g.May(now); !ok {
			t.Fatal("a gate without samples is closed")
		}
		if after := feed(g, &now, x.bad, time.Minute); after != x.closes {
			t.Errorf("%v: refuses after %v, expected %v", x.bad, after, x.closes)
		}
		if why, ok := g.May(now); ok || why != x.why {
			t.Errorf("%v: refuses for %v, expected %v", x.bad, why, x.why)
		}
		now = now.Add(2 * time.Second)
		if after := feed(g, &now, x.good, time.Minute); after != x.open {
			t.Errorf("%v: serves again after %v, expected %v", x.good, after, x.open)
		}
		g, now = NewGate(Policy{}), dawn
		if after := feed(g, &now, x.bad, time.Minute); after != -1 {
			t.Errorf("%v: refuses, and nobody said so", x.bad)
		}
	}
}

// Exactly the limit is not beyond it, and between the limit and the lower mark nothing changes.
func TestTheLimitItself(t *testing.T) {
	g, now := NewGate(DefaultPolicy()), dawn
	if feed(g, &now, busy(0.8), time.Minute) != -1 {
		t.Error("refuses at the limit")
	}
	if feed(g, &now, busy(0.81), time.Minute) == -1 {
		t.Error("serves beyond the limit")
	}
	if feed(g, &now, busy(0.75), time.Minute) != -1 {
		t.Error("serves again just below the limit")
	}
	if feed(g, &now, busy(0.69), time.Minute) == -1 {
		t.Error("does not serve below seven eighths of the limit")
	}
}

// What a sensor cannot tell never blocks, and a sensor that has gone silent does not block for ever.
func TestUnknownNeverBlocks(t *testing.T) {
	g, now := NewGate(DefaultPolicy()), dawn
	if feed(g, &now, Blind(), time.Minute) != -1 {
		t.Error("refuses without sensors")
	}
	feed(g, &now, busy(1), 10*time.Second)
	if _, ok := g.May(now); ok {
		t.Fatal("serves at full load")
	}
	if _, ok := g.May(now.Add(staleFor + 3*time.Second)); !ok {
		t.Error("refuses for a sample of long ago")
	}
}

// A load that comes and goes does not make the gate flap: whatever the samples are, two closings of one cause are as far apart as the
// pace says.
func TestDoesNotFlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, now := NewGate(DefaultPolicy()), dawn
		var closed time.Time
		before := true
		for range rapid.IntRange(1, 200).Draw(t, "samples") {
			now = now.Add(time.Duration(rapid.IntRange(100, 5000).Draw(t, "ms")) * time.Millisecond)
			g.Sampled(now, busy(rapid.SampledFrom([]float64{0, 0.5, 0.7, 0.75, 0.8, 0.9, 1, Unknown}).Draw(t, "cpu")))
			_, ok := g.May(now)
			if before && !ok {
				if !closed.IsZero() && now.Sub(closed) < holdFor+riseFor {
					t.Fatalf("closed twice within %v", now.Sub(closed))
				}
				closed = now
			}
			if !before && ok && now.Sub(closed) < holdFor {
				t.Fatalf("open again after %v", now.Sub(closed))
			}
			before = ok
		}
	})
}
