// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat/harm"
)

// In a silence no data leaves, but samples do and are timed; no timer notices, and after it the flow is as fast as before.
func TestASilence(t *testing.T) {
	for _, name := range []string{"rfc6817", "ebb"} {
		t.Run(name, func(t *testing.T) { silence(t, name) })
	}
}

func silence(t *testing.T, controller string) {
	inWorldOf(t, controller, ordinary, ordinary, func(w *world) {
		f := pour(w.dialed, w.accepted)
		f.bits(10 * time.Second)
		before := f.bits(2 * time.Second)
		queue, lost := w.there.QueueDelay(), w.dialed.Stats().Lost

		const silence, settle = 800 * ms, 300 * ms
		w.dialed.Hush(time.Now().Add(silence))
		time.Sleep(settle)
		handed := w.dialed.Handed()
		for range 10 {
			w.dialed.Sample()
			time.Sleep((silence - settle) / 10)
			if n := w.dialed.Handed(); n != handed && w.elapsed() < 12*time.Second+silence {
				t.Errorf("%d bytes were handed over in the silence", n-handed)
			}
		}
		after := f.bits(2 * time.Second)
		samples := w.dialed.Sampled(nil)
		for i, s := range samples {
			if d := s.RTT; d < 50*ms || d > 53*ms {
				t.Errorf("sample %d took %v for the round trip of an empty path of 50 ms", i, d)
			}
		}
		s := w.dialed.Stats()
		t.Logf("queue before %v, %s before, %s after; %+v", queue, share(before, ordinary.Rate), share(after, ordinary.Rate), s)
		if len(samples) != 10 || controller == "rfc6817" && queue < 20*ms || after < .95*before {
			t.Errorf("%d samples", len(samples))
		}
		if s.Timeouts+s.SCTPTimeouts > 0 || s.Lost > lost || s.Blackout {
			t.Errorf("the silence was noticed: %+v", s)
		}

		// It can be ended early, and one that nobody ends ends by itself.
		w.dialed.Hush(time.Now().Add(time.Hour))
		time.Sleep(time.Second)
		w.dialed.Hush(time.Time{})
		if got := f.bits(2 * time.Second); got < .9*before {
			t.Errorf("%s after a silence that was ended", share(got, ordinary.Rate))
		}
		f.end()
	})
}

// Twenty trials in a row by the plan cost the flow next to nothing, and tell how long its queue was.
func TestTrialsOverAConn(t *testing.T) {
	long(t)
	inWorldOf(t, "rfc6817", ordinary, ordinary, func(w *world) {
		f := pour(w.dialed, w.accepted)
		f.bits(5 * time.Second)
		plan := harm.New(harm.Config{Seed: 1, Share: .05})
		var tally harm.Tally
		var series harm.Series
		var queue time.Duration
		looks := 0
		received := f.received.Load()
		begin := time.Now()
		for time.Since(begin) < 200*time.Second {
			s := w.dialed.Stats()
			plan.Sending(time.Now(), harm.Path{RTT: s.RTT, MinRTT: s.MinRTT, Queue: s.QueueDelay})
			plan.Advance(time.Now())
			for order, ok := plan.Take(time.Now()); ok; order, ok = plan.Take(time.Now()) {
				switch order.Do {
				case harm.Begin:
					tally.Begin(order.Trial)
				case harm.Silence:
					w.dialed.Hush(order.Trial.Silence.To)
				case harm.Probe:
					w.dialed.Sample()
				case harm.End:
					for _, s := range w.dialed.Sampled(nil) {
						tally.Deliver(s)
					}
					p, v := tally.Pair()
					if v != harm.Good {
						t.Errorf("%v: %v", v, &tally)
						continue
					}
					series.Add(p)
				}
			}
			queue += w.there.QueueDelay()
			looks++
			time.Sleep(min(max(time.Until(plan.Deadline()), 0), 50*ms))
		}
		got := float64(f.received.Load()-received) * 8 / 200
		r := series.Report()
		t.Logf("%v; goodput %s; queue %v in the mean; %+v", r, share(got, ordinary.Rate), queue/time.Duration(looks), w.dialed.Stats())
		if r.Finding != harm.Harm || r.Low < 30*ms || r.High > 70*ms || r.Pairs < 15 {
			t.Errorf("%v, alone on the path with a target of 60 ms", r)
		}
		if s := w.dialed.Stats(); got < .85*ordinary.Rate || s.Timeouts+s.SCTPTimeouts > 0 {
			t.Errorf("goodput %s, %+v", share(got, ordinary.Rate), s)
		}
		f.end()
	})
}
