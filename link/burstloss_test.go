// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The chain is bad for p/(p+r) of the packets, for 1/r of them in a row on average.
func TestGilbertElliottHasItsMeanAndItsBursts(t *testing.T) {
	const packets = 400_000
	for _, c := range []GilbertElliott{
		{ToBad: 0.01, ToGood: 0.25, LossBad: 1},
		{ToBad: 0.001, ToGood: 0.05, LossBad: 1},
		{ToBad: 0.02, ToGood: 0.5, LossGood: 0.001, LossBad: 0.6},
	} {
		l := New[int](epoch, Config{BurstLoss: c, Seed: 5})
		lost, bursts, before := 0, 0, false
		for i := range packets {
			is := l.Send(epoch, datagram(100, i)) == DroppedBurst
			if is {
				lost++
			}
			if is && !before {
				bursts++
			}
			before = is
			l.Take(epoch)
		}
		bad := c.ToBad / (c.ToBad + c.ToGood)
		share := bad*c.LossBad + (1-bad)*c.LossGood
		// Packets of a burst are lost together, so that the share spreads as that of packets/burst.
		dev := math.Sqrt(2 * share / c.ToGood / packets)
		if got := float64(lost) / packets; math.Abs(got-share) > 4*dev {
			t.Errorf("%+v: %.5f lost, want %.5f within %.5f", c, got, share, 4*dev)
		}
		if c.LossBad < 1 {
			continue
		}
		length, want := float64(lost)/float64(bursts), 1/c.ToGood
		if math.Abs(length-want) > 4*want/math.Sqrt(float64(bursts)) {
			t.Errorf("%+v: bursts of %.2f packets, want %.2f", c, length, want)
		}
		if got := l.Stats().DroppedBurst; got != int64(lost) {
			t.Errorf("%d lost and %d counted", lost, got)
		}
	}
}

func TestBurstsDoNotDisturbOtherMishaps(t *testing.T) {
	c := Config{Loss: 0.1, Jitter: ms, JitterReorders: true, Seed: 9}
	lost, extra := run(c)
	c.BurstLoss = GilbertElliott{ToBad: 0.05, ToGood: 0.2, LossBad: 1}
	alsoLost, alsoExtra := run(c)
	for i := range 2000 {
		if alsoLost[i] && !lost[i] {
			t.Fatalf("packet %d is lost at random only with bursts", i)
		}
		if d, ok := alsoExtra[i]; ok && d != extra[i] {
			t.Fatalf("packet %d: %v late with bursts, %v without", i, d, extra[i])
		}
	}
}

// RFC 2697: over any time what is green is at most CBS + CIR times it; and what is not is more than the
// tokens there were.
func TestPropertyPolicerConforms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policer{
			Rate:  rapid.SampledFrom([]float64{1000, 1e6, 20e6, 1e9 + 7}).Draw(t, "rate"),
			Burst: rapid.SampledFrom([]int{1500, 15_000, 1_000_000}).Draw(t, "burst"),
		}
		l := New[int](epoch, Config{Policer: p})
		type passed struct {
			at    time.Duration
			bytes int
		}
		var all []passed
		now, tokens, filled := time.Duration(0), float64(p.Burst), time.Duration(0)
		for range rapid.IntRange(1, 300).Draw(t, "packets") {
			now += time.Duration(rapid.SampledFrom([]int64{0, 0, 1, 1000, int64(ms), int64(time.Second)}).Draw(t, "pass"))
			size := rapid.SampledFrom([]int{0, 100, 1472, 1500}).Draw(t, "size")
			tokens = min(float64(p.Burst), tokens+(now-filled).Seconds()*p.Rate/8)
			filled = now
			v := l.Send(at(now), datagram(size, 0))
			if room := tokens - float64(size); room > 0.01 && v != Queued || room < -0.01 && v != DroppedPolicer {
				t.Fatalf("%d bytes at %v with tokens for %.3f: %v", size, now, tokens, v)
			}
			if v == Queued {
				tokens -= float64(size)
				all = append(all, passed{now, size})
			}
		}
		for i := range all {
			bits := int64(0)
			for _, q := range all[i:] {
				bits += int64(q.bytes) * 8
				if span := int64(q.at - all[i].at); bits-int64(p.Burst)*8 > int64(float64(span)*p.Rate/1e9)+1 {
					t.Fatalf("%d bits passed in %d ns", bits, span)
				}
			}
		}
	})
}

func TestPolicerHasNoQueue(t *testing.T) {
	l := New[int](epoch, Config{Rate: 100e6, Policer: Policer{Rate: 20e6, Burst: 30_000}})
	for now := time.Duration(0); now < time.Second; now += ms { // 100 Mbit/s
		for range 10 {
			l.Send(at(now), datagram(1250, 0))
		}
	}
	drain(t, l)
	s := l.Stats()
	if want := int64(2_500_000 + 30_000); s.Delivered.Bytes < want-2*20_000 || s.Delivered.Bytes > want || s.QueueMax > ms {
		t.Fatalf("%d bytes came of 20 Mbit/s: %v", s.Delivered.Bytes, s)
	}
	if s.DroppedPolicer != s.Dropped.Packets {
		t.Fatal(s)
	}
}
