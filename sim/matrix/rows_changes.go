// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/link"
)

// row19: rate and base delay change at random.
func row19(Edition) []Scenario {
	s := usual()
	s.Weather = Weather{Every: 15 * sec, Low: 10 * mega, High: 65 * mega, Delay: 10 * ms}
	return []Scenario{{
		Name: "10 to 65 Mbit/s, base +-10 ms", Against: "alone", Setup: s, Alone: Span{5 * sec, 150 * sec}, Target: []Bound{atLeast("u", 0.85)},
	}}
}

// row20: a policer with a bucket of 50 ms at its rate.
func row20(Edition) []Scenario {
	s := wire(100, 30*ms, bdp(100, 30*ms, 4))
	s.Forward.Policer = link.Policer{Rate: 20 * mega, Burst: 125_000}
	return []Scenario{{
		Name: "policer of 20 on 100 Mbit/s", Against: "alone", Setup: s, Alone: Span{5 * sec, 60 * sec}, Asks: []Figure{goodput, loss},
		Target: []Bound{atLeast("goodput_mbit", 18), atMost("loss", 0.01)}, Short: true,
	}}
}

// row21: traffic that comes in bits.
func row21(e Edition) []Scenario {
	var all []Scenario
	to := e.lasts(125*sec, 30*sec)
	for _, c := range []struct {
		against string
		other   Traffic
		asks    Figure
		target  Bound
	}{
		{"4 readers", Traffic{Kind: Pages, Control: "cubic", Flows: 4}, completion, atMost("completion_pct", 5)},
		{"5 calls", Traffic{Kind: Calls, Flows: 5}, callDelay, atMost("call_p99_ms", 3)},
		{"short, load .3", Traffic{Kind: Short, Control: "cubic", Load: 0.3}, completion, atMost("completion_pct", 5)},
		{"short, load .7", Traffic{Kind: Short, Control: "cubic", Load: 0.7}, completion, atMost("completion_pct", 5)},
	} {
		s := usual()
		c.other.Stop = to
		s.Others = []Traffic{c.other}
		all = append(all, Scenario{
			Name: "50 Mbit/s, 30 ms, 4 BDP", Against: c.against, Setup: s, Short: c.against == "5 calls" || c.against == "short, load .3",
			Beside: Span{5 * sec, to}, End: to + 10*sec, Asks: []Figure{c.asks, useOfRest}, Target: []Bound{c.target, atLeast("u_rest", 0.8)},
		})
	}
	return all
}

// row22: the route changes every minute, for half an hour.
func row22(Edition) []Scenario {
	var all []Scenario
	for _, by := range []time.Duration{20 * ms, 50 * ms} {
		s := wire(20, 120*ms, bdp(20, 120*ms, 2))
		delay := s.Forward.Delay
		s.Forward.Schedule = link.Schedule{Period: 4 * time.Minute, Steps: []link.Step{
			{At: 0, Rate: 20 * mega, Delay: delay}, {At: time.Minute, Rate: 20 * mega, Delay: delay + by},
			{At: 2 * time.Minute, Rate: 20 * mega, Delay: delay}, {At: 3 * time.Minute, Rate: 20 * mega, Delay: delay - by},
		}}
		all = append(all, Scenario{
			Name: fmt.Sprintf("route +-%v each minute", by), Against: "alone", Setup: s, Alone: Span{5 * sec, 30 * time.Minute},
			Asks:   []Figure{stepsBack, drift},
			Target: []Bound{atLeast("u", 0.95), atMost("back_s", 5), atMost("q95_drift_ms", 5)},
		})
	}
	return all
}

// row23: a LAN.
func row23(Edition) []Scenario {
	const rtt = 300 * time.Microsecond
	s := wire(1000, rtt, bdp(1000, rtt, 4))
	return []Scenario{
		{Name: "1 Gbit/s, 0.3 ms", Against: "alone", Setup: s, Alone: Span{sec, 8 * sec}, Target: []Bound{atLeast("u", 0.9)}},
		{
			Name: "1 Gbit/s, 0.3 ms", Against: "cubic", Setup: s.against("cubic", 0, 10*sec).weArrive(2 * sec),
			Beside: Span{2 * sec, 10 * sec}, Target: []Bound{atLeast("ptr", 0.97)},
		},
	}
}
