// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

func jain(v ...float64) float64 {
	sum, squares := 0.0, 0.0
	for _, x := range v {
		sum, squares = sum+x, squares+x*x
	}
	return sum * sum / (float64(len(v)) * squares)
}

// Mathis et al., "The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm" (1997): sqrt(3/2)/sqrt(p) packets in a round trip, on
// a link that is never full.
func TestRenoObeysMathis(t *testing.T) {
	for _, c := range []struct {
		loss float64
		d    time.Duration
	}{{0.001, 300 * sec}, {0.01, 200 * sec}} {
		_, f, s := share(line{mbit: 1000, rtt: 50 * ms, loss: c.loss, seed: 5}, c.d, Config{Control: "reno"})
		got := f[0].Goodput(10*sec, c.d) / 8 / Payload * 0.05
		t.Logf("loss %.1f %%: window %.1f, %d timeouts", c.loss*100, got, s[0].Timeouts())
		within(t, fmt.Sprintf("window at %v", c.loss), got, math.Sqrt(1.5/c.loss), 0.15)
	}
}

// RFC 9438, section 4.2, figures 1 and 2: K = cbrt((W_max - cwnd)/C), and the window is C(t-K)^3 + W_max.
func TestCubicFollowsItsFunction(t *testing.T) {
	const rtt = 50 * ms
	s := newSender(Config{Control: "cubic"})
	c := s.ctl.(*cubic)
	s.srtt, s.blocked = rtt, true
	c.cwnd = 1000
	c.congested(s, 0)
	within(t, "window after the reduction", c.cwnd, 700, 0)
	k := math.Cbrt(300 / 0.4) // 9.09 s
	due, at := 0.0, time.Duration(0)
	for now := time.Duration(0); now < 15*sec; now += ms {
		for due += c.cwnd / 50; due >= 1; due-- {
			c.acked(s, &ack{now: now, acked: 1, rtt: rtt})
		}
		if now < at {
			continue
		}
		at += sec
		// The window is the function's a round trip ahead: it is what is reached at the end of it.
		x := now.Seconds() - k
		if want := 0.4*x*x*x + 1000; math.Abs(c.cwnd-want) > 0.012*want {
			t.Errorf("after %v: %.1f, want %.1f", now, c.cwnd, want)
		}
	}
	within(t, "K", c.k, k, 1e-9)
	// Fast convergence, section 4.7.
	before := c.cwnd
	c.congested(s, 15*sec)
	c.congested(s, 15*sec)
	within(t, "W_max", c.max, before*0.7*0.85, 1e-9)
}

// On a short path CUBIC's window is that which Reno would have (section 4.3): Mathis with alpha 3(1-beta)/(1+beta), beta 0.7, whose
// constant is the same by construction.
func TestCubicIsFriendlyToReno(t *testing.T) {
	_, f, _ := share(line{mbit: 1000, rtt: 10 * ms, loss: 0.005, seed: 5}, 60*sec, Config{Control: "cubic"})
	got := f[0].Goodput(5*sec, 60*sec) / 8 / Payload * 0.01
	t.Logf("window %.1f", got)
	within(t, "window", got, math.Sqrt(1.5/0.005), 0.2)
}

// A full buffer of 4 BDP is 120 ms; after a reduction to 0.7 of 5 BDP, 2.5 BDP remain. RFC 9438 predicts the distance of reductions: a little
// more than K.
func TestCubicSawtooth(t *testing.T) {
	p, f, s := share(line{mbit: 50, rtt: 30 * ms, bdp: 4}, 60*sec, Config{Control: "cubic"})
	q := p.QueueBetween(20*sec, 60*sec)
	all := p.Queues()[2000:]
	least := slices.Min(all)
	if least < 70 || least > 80 || q.Max < 118*ms || q.Max > 121*ms {
		t.Errorf("queue from %.1f to %v, want 75 to 120 ms", least, q.Max)
	}
	w := f[0].Windows()[2000:]
	drops := 0
	for i := 1; i < len(w); i++ {
		if w[i] < 0.9*w[i-1] {
			drops++
		}
	}
	k := math.Cbrt(0.3 * 5 * 125 / 0.4) // 5 BDP are 625 packets
	t.Logf("queue %.1f ms to %v, %d reductions in 40 s, K %.2f s, sent again %d", least, q.Max, drops, k, s[0].Retransmissions())
	if distance := 40 / float64(drops); distance < 0.85*k || distance > 1.5*k {
		t.Errorf("reductions every %.1f s, K is %.1f s", distance, k)
	}
}

func TestEqualFlowsShareEqually(t *testing.T) {
	for _, control := range []string{"reno", "cubic", "copa", "bbr"} {
		var fair, full []float64
		for seed := range uint64(5) {
			start := time.Duration(seed) * 237 * ms
			_, f, _ := share(line{mbit: 20, rtt: 30 * ms, bdp: 2, seed: seed}, 100*sec,
				Config{Control: control, Seed: seed}, Config{Control: control, Seed: seed + 10, Start: start})
			a, b := f[0].Goodput(20*sec, 100*sec), f[1].Goodput(20*sec, 100*sec)
			fair, full = append(fair, jain(a, b)), append(full, (a+b)/1e6)
		}
		t.Logf("%s: Jain %.3f, in all %.2f Mbit/s", control, fair, full)
		least := 0.95
		if control == "bbr" {
			least = 0.9 // equal in the mean of many rounds of ProbeBW
		}
		if median(fair) < least || median(full) < 18 {
			t.Errorf("%s: Jain %.3f, in all %.2f Mbit/s", control, median(fair), median(full))
		}
	}
}

// 70 packets, unpaced, 0.6 ms each: rounds of 10, 20 and 40, the last of which drains through the bottleneck.
func TestFiniteTransfer(t *testing.T) {
	for _, control := range []string{"reno", "cubic"} {
		_, f, s := share(line{mbit: 20, rtt: 40 * ms, bdp: 4}, 2*sec, Config{Control: control, Start: 100 * ms, Bytes: 100_000})
		within(t, control+" ms", (s[0].Done()-100*ms).Seconds()*1000, 3*40+42*0.6, 0.02)
		if f[0].DeliveredBy(2*sec) != 100_000 {
			t.Errorf("%s: delivered %d bytes", control, f[0].DeliveredBy(2*sec))
		}
	}
	for _, control := range []string{"bbr", "copa"} { // paced at twice the window a round trip and more: not much later
		_, _, s := share(line{mbit: 20, rtt: 40 * ms, bdp: 4}, 2*sec, Config{Control: control, Bytes: 100_000, Handshake: true})
		if d := s[0].Done(); d < 180*ms || d > 280*ms {
			t.Errorf("%s: %v with the handshake", control, d)
		}
	}
}

// RFC 6298, section 5: the timeout doubles until something is heard, and then the flow comes back.
func TestComesBackAfterABlackout(t *testing.T) {
	for _, control := range controls {
		w := sim.NewWorld()
		forward, back := line{mbit: 20, rtt: 40 * ms, bdp: 1}.both()
		forward.Blackouts = []link.Window{{From: 10 * sec, For: 3 * sec}}
		s, r := NewTCP(Config{Control: control})
		f := w.Add(w.Path(forward, back), s, r)
		w.Run(30 * sec)
		t.Logf("%s: %d timeouts, %.2f Mbit/s in 13-17 s, %.2f in 20-30 s", control, s.Timeouts(), f.Goodput(13*sec, 17*sec)/1e6,
			f.Goodput(20*sec, 30*sec)/1e6)
		if s.Timeouts() < 3 || s.Timeouts() > 6 {
			t.Errorf("%s: %d timeouts in 3 s", control, s.Timeouts())
		}
		if got := f.Goodput(20*sec, 30*sec); got < 18e6 {
			t.Errorf("%s: %.2f Mbit/s after a blackout", control, got/1e6)
		}
	}
}

func TestHeavyLossDoesNotStopIt(t *testing.T) {
	for _, control := range controls {
		for seed := range uint64(4) {
			_, f, s := share(line{mbit: 20, rtt: 40 * ms, bdp: 4, loss: 0.2, seed: seed}, 120*sec, Config{Control: control, Bytes: 300_000, Handshake: true})
			if s[0].Done() == 0 || f[0].DeliveredBy(120*sec) != 300_000 {
				t.Errorf("%s, seed %d: done %v, %d bytes", control, seed, s[0].Done(), f[0].DeliveredBy(120*sec))
			}
		}
	}
}
