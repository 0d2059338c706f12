// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"math"
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s is %.4f, want %.4f +-%.4f", what, got, want, by)
	}
}

// What a link can carry is its rate over time, the payload of it, or what a policer lets pass.
func TestCapacity(t *testing.T) {
	const payload = 1440.0 / 1468 / 8
	for name, c := range map[string]struct {
		config link.Config
		mbit   float64 // mean of 10 to 40 s
	}{
		"constant": {link.Config{Rate: 20e6}, 20},
		"step":     {link.Config{Rate: 20e6, Schedule: link.Schedule{Steps: []link.Step{{At: 25 * sec, Rate: 10e6}}}}, 15},
		"early":    {link.Config{Rate: 20e6, Schedule: link.Schedule{Steps: []link.Step{{At: 5 * sec, Rate: 10e6}, {At: 50 * sec, Rate: 1e6}}}}, 10},
		"period": {link.Config{Rate: 20e6, Schedule: link.Schedule{
			Period: 10 * sec, Steps: []link.Step{{At: 0, Rate: 20e6}, {At: 5 * sec, Rate: 10e6}},
		}}, 15},
		"policer": {link.Config{Rate: 100e6, Policer: link.Policer{Rate: 20e6, Burst: 1e5}}, 20},
	} {
		w := &world{Setup: Setup{Forward: c.config}}
		near(t, name, w.capacity(10*sec, 40*sec)/1e6, c.mbit*30*payload, 1e-9)
	}
}

// LEDBAT alone fills the link and holds its target; CUBIC alone has what is published; and who is absent is.
func TestFiguresOfKnownWorlds(t *testing.T) {
	s := Scenario{
		Setup: usual().against("cubic", 0, 20*sec), Alone: Span{5 * sec, 90 * sec}, Beside: Span{5 * sec, 20 * sec}, Leaves: 20 * sec, End: 25 * sec,
	}
	r := &runs{Scenario: &s, controller: "rfc6817", seed: 1}
	got := r.measure()
	near(t, "LEDBAT's use alone", got["u"], 0.99, 0.02)
	near(t, "LEDBAT's queue alone, its target", got["q95_ms"], 60, 6)
	if got["ptr"] < 0.5 || got["ptr"] > 1.001 {
		t.Errorf("ptr is %.3f", got["ptr"])
	}
	near(t, "CUBIC solo", r.solo().got(5*sec, 20*sec)*8/15/1e6, 48.2, 0.3)
	if len(r.solo().ours) != 0 || len(r.alone().others) != 0 {
		t.Error("solo or alone is not")
	}
	if got["t_r_s"] <= 0 || got["t_r_s"] > 5 {
		t.Errorf("t_r is %.2f", got["t_r_s"])
	}
}

// Two worlds of one seed have the same primary, and of two seeds not.
func TestSeedsMakeTheDifference(t *testing.T) {
	s := usual().against("cubic", 0, 5*sec)
	run := func(seed uint64) (time.Duration, float64) {
		w := s.play("", who{others: true}, seed, 5*sec)
		return w.late, w.got(0, 5*sec)
	}
	late1, got1 := run(1)
	again1, gotAgain1 := run(1)
	late2, got2 := run(2)
	if late1 != again1 || got1 != gotAgain1 || late1 == late2 || got1 == got2 {
		t.Errorf("seed 1: %v, %v and %v, %v; seed 2: %v, %v", late1, got1, again1, gotAgain1, late2, got2)
	}
}

// The weather stays within its bounds, and changes when it is to.
func TestWeather(t *testing.T) {
	s := usual()
	s.Weather = Weather{Every: 15 * sec, Low: 10e6, High: 65e6, Delay: 10 * ms}
	steps := s.schedule(3, 150*sec).Steps
	if len(steps) != 9 {
		t.Fatalf("%d changes in 150 s", len(steps))
	}
	for i, step := range steps {
		if step.At != time.Duration(i+1)*15*sec || step.Rate < 10e6 || step.Rate > 65e6 || step.Delay < 5*ms || step.Delay > 25*ms {
			t.Errorf("change %d: %+v", i, step)
		}
	}
}
