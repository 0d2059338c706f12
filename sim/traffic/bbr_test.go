// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"testing"
	"time"
)

// draft-cardwell-iccrg-bbr-congestion-control-00, section 4.3.5: "if the RTProp estimate has not been updated (i.e., by getting a lower RTT
// measurement) for more than ProbeRTTInterval = 10 seconds, then BBR enters ProbeRTT and reduces the cwnd to BBRMinPipeCwnd", on short paths and
// on long ones, where the queue runs empty in each cycle and the same round trip is measured again and again.
func TestBBRProbesTheRoundTrip(t *testing.T) {
	for _, l := range []line{
		{mbit: 5, rtt: 200 * ms, bdp: 4}, {mbit: 20, rtt: 100 * ms, bdp: 4}, {mbit: 50, rtt: 30 * ms, bdp: 4},
		{mbit: 50, rtt: 200 * ms, bdp: 4}, {mbit: 200, rtt: 5 * ms, bdp: 4},
	} {
		_, f, _ := share(l, 65*sec, Config{Control: "bbr", Seed: 1})
		// Ten seconds after the smallest round trip in Startup, and then ten after the end of each.
		var at []time.Duration
		was, end := false, time.Duration(0)
		for i, v := range f[0].Windows()[500:] {
			now := 5*sec + time.Duration(i)*10*ms
			small := v <= bbrMinWindow*full/1000
			if small && !was {
				at = append(at, now)
				if len(at) > 1 && (now-end < 10*sec || now-end > 10*sec+2*l.rtt+20*ms) {
					t.Errorf("%v Mbit/s, %v: ProbeRTT at %v, after one that ended at %v", l.mbit, l.rtt, now, end)
				}
			}
			if small {
				end = now
			}
			was = small
		}
		if len(at) != 6 {
			t.Errorf("%v Mbit/s, %v: ProbeRTT at %v in 65 s, want six", l.mbit, l.rtt, at)
		}
	}
}

// What 200 ms and a round trip or two in ten seconds cost, 1 % of margin, and headers: 0.93 and more of the link, and hardly a queue.
func TestBBRAloneOnManyPaths(t *testing.T) {
	for _, mbit := range []float64{10, 100} {
		for _, rtt := range []time.Duration{30 * ms, 200 * ms} {
			p, f, s := share(line{mbit: mbit, rtt: rtt, bdp: 4}, 65*sec, Config{Control: "bbr", Seed: 1})
			got := f[0].Goodput(15*sec, 65*sec) / 1e6 / mbit * full / Payload
			q := p.QueueBetween(15*sec, 65*sec)
			if got < 0.95 || q.Median > time.Duration(0.3*float64(rtt)) || s[0].Retransmissions() > 0 {
				t.Errorf("%v Mbit/s, %v: %.3f of the link, queue %+v, sent again %d", mbit, rtt, got, q, s[0].Retransmissions())
			}
		}
	}
}

// bbr_quantization_budget of Linux: three times what is sent at once, which is what a millisecond of the pace has, two packets at least from
// 1.2 Mbit/s on and 64 kB at most, and an even number.
func TestBBRAllowsForBursts(t *testing.T) {
	for _, c := range []struct{ pace, want float64 }{{99, 10 + 4}, {100, 10 + 6}, {2500, 10 + 6}, {5000, 10 + 16}, {100_000, 10 + 130}} {
		b := &bbr{minRTT: 100 * ms, pace: c.pace, mode: bbrDrain}
		b.bandwidth.reset(0, 99.5) // 9.95 packets in a round trip
		if got := b.inflight(1); got != c.want {
			t.Errorf("at %v packets/s: %v in flight, want %v", c.pace, got, c.want)
		}
	}
}
