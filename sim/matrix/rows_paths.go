// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

// row11: queue managers.
func row11(Edition) []Scenario {
	var all []Scenario
	for _, ecn := range []bool{false, true} {
		for _, q := range []struct {
			name string
			aqm  link.AQM
			ptr  float64
		}{
			{"PIE 15 ms", link.PIE{ECN: ecn}, 0.97}, {"CoDel 5 ms", link.CoDel{ECN: ecn}, 0.97}, {"FQ-CoDel", link.FQCoDel{ECN: ecn}, 0.85},
		} {
			for _, flows := range []int{1, 5} {
				name := q.name
				if ecn {
					name += ", ECN"
				}
				s := wire(50, 30*ms, thousand).weArrive(5 * sec)
				s.Forward.AQM = q.aqm
				s.Ours.NotECT = !ecn
				s.Others = []Traffic{{Control: "cubic", Flows: flows, Stop: 60 * sec, ECN: ecn}}
				all = append(all, Scenario{
					Name: name, Against: fmt.Sprintf("%d cubic", flows), Setup: s,
					Beside: Span{5 * sec, 60 * sec}, Target: []Bound{atLeast("ptr", q.ptr)},
				})
			}
		}
	}
	return all
}

// row12: many flows of a host, and a short round trip.
func row12(Edition) []Scenario {
	var all []Scenario
	for _, control := range []string{"cubic", "bbr"} {
		for _, flows := range []int{8, 32, 128} {
			s := wire(50, 5*ms, bdp(50, 5*ms, 4)).against(control, 0, 60*sec).weArrive(5 * sec)
			s.Ours.Starts, s.Ours.Grouped = evenly(flows, 10*ms), true
			all = append(all, Scenario{
				Name: fmt.Sprintf("%d of our flows", flows), Against: control, Setup: s,
				Alone: Span{5 * sec, 30 * sec}, Beside: Span{5 * sec, 60 * sec},
				Target: []Bound{atLeast("ptr", 0.97), atLeast("u", 0.95)},
			})
		}
	}
	return all
}

// row13: the hosts of a site share its budget; who divides it dies.
func row13(Edition) []Scenario {
	s := wire(50, 5*ms, bdp(50, 5*ms, 4)).against("cubic", 0, 90*sec).weArrive(5 * sec)
	budget := 0.985 * 50 * mega / 8 * mss / (mss + headers)
	s.Ours.Site = Site{Hosts: 16, Flows: 2, Budget: budget, Kill: 60 * sec}
	return []Scenario{{
		Name: "16 hosts, coordinator killed", Against: "cubic", Setup: s, Alone: Span{10 * sec, 70 * sec}, Beside: Span{5 * sec, 90 * sec},
		Asks: []Figure{afterKill}, Target: []Bound{atLeast("ptr", 0.97), atLeast("after_kill", 0.9)},
	}}
}

// row14: clocks and hosts that misbehave.
func row14(Edition) []Scenario {
	var all []Scenario
	for _, c := range []struct {
		name  string
		clock sim.Clock
		pause bool
		to    time.Duration
	}{
		{"skew 20 ppm", sim.Clock{Skew: 20}, false, 180 * sec}, {"skew 100 ppm", sim.Clock{Skew: 100}, false, 180 * sec},
		{"skew 500 ppm", sim.Clock{Skew: 500}, false, 180 * sec}, {"skew -100 ppm", sim.Clock{Skew: -100}, false, 180 * sec},
		{"step +100 ms", sim.Clock{Steps: []sim.ClockStep{{At: 20 * sec, By: 100 * ms}}}, false, 60 * sec},
		{"step -100 ms", sim.Clock{Steps: []sim.ClockStep{{At: 20 * sec, By: -100 * ms}}}, false, 60 * sec},
		{"pause of 2 s", sim.Clock{}, true, 60 * sec},
	} {
		s := usual()
		s.Ours.Clock = c.clock
		from := 5 * sec
		if c.pause {
			s.Ours.Pauses = []sim.Pause{{At: 20 * sec, For: 2 * sec}}
			from = 24 * sec // what the pause itself takes is not counted
		}
		all = append(all,
			Scenario{Name: c.name, Against: "alone", Setup: s, Alone: Span{from, c.to}, Target: []Bound{atLeast("u", 0.97)}},
			Scenario{
				Name: c.name, Against: "cubic", Setup: s.against("cubic", 0, 60*sec).weArrive(5 * sec), Beside: Span{5 * sec, 60 * sec},
				Asks: []Figure{unchanged}, Target: []Bound{atLeast("ptr_change", -0.01)},
			})
	}
	return all
}

// row15: delay that is no queue.
func row15(e Edition) []Scenario {
	var all []Scenario
	for _, c := range []struct {
		name string
		set  func(*link.Config)
	}{
		{"jitter 2 ms", func(l *link.Config) { l.Jitter = 2 * ms }},
		{"jitter 5 ms", func(l *link.Config) { l.Jitter = 5 * ms }},
		{"bursts of 4 ms", func(l *link.Config) { l.WiFi = link.WiFi{Interval: 4 * ms, Access: 4 * ms} }},
		{"LTE 8 ms", func(l *link.Config) { l.LTE = link.LTE{Interval: ms, Retransmit: 0.1, RoundTrip: 8 * ms} }},
	} {
		s := usual()
		c.set(&s.Forward)
		all = append(all,
			Scenario{
				Name: c.name, Against: "alone", Setup: s, Alone: Span{5 * sec, e.lasts(60*sec, 20*sec)}, Target: []Bound{atLeast("u", 0.9)},
				Short: c.name == "jitter 2 ms",
			},
			Scenario{
				Name: c.name, Against: "cubic", Setup: s.against("cubic", 0, 60*sec).weArrive(5 * sec),
				Beside: Span{5 * sec, 60 * sec}, Target: []Bound{atLeast("ptr", 0.97)},
			})
	}
	return all
}

// row16: the way back is full.
func row16(Edition) []Scenario {
	var all []Scenario
	for _, mbit := range []float64{50, 5} {
		s := usual()
		s.Reverse.Rate, s.Reverse.BufferBytes = mbit*mega, bdp(mbit, 30*ms, 4)
		s.Background = []Traffic{{Control: "cubic", Back: true}}
		all = append(all, Scenario{
			Name: fmt.Sprintf("cubic back, %g Mbit/s", mbit), Against: "alone", Setup: s, Alone: Span{5 * sec, 60 * sec},
			Target: []Bound{atLeast("u", 0.95)},
		})
	}
	return all
}

// row17: slow lines, with a buffer of at least 20 packets.
func row17(e Edition) []Scenario {
	var all []Scenario
	for _, kbit := range []float64{256, 512, 1000, 2000} {
		mbit := kbit / 1000
		packet := 1500 * 8 / kbit // ms
		for _, c := range []struct {
			against string
			other   Traffic
			asks    []Figure
			target  []Bound
		}{
			{"call", Traffic{Kind: Calls}, []Figure{callDelay, callLoss}, []Bound{atMost("call_p99_ms", 1.5*packet)}},
			{"web", Traffic{Kind: Pages, Control: "cubic"}, []Figure{completion}, []Bound{atLeast("ptr", 0.95)}},
			{"cubic", Traffic{Control: "cubic"}, nil, []Bound{atLeast("ptr", 0.95)}},
		} {
			s := wire(mbit, 60*ms, max(20*1500, bdp(mbit, 60*ms, 4))).weArrive(5 * sec)
			to := e.lasts(400*sec, 60*sec)
			c.other.Stop = to
			s.Others = []Traffic{c.other}
			all = append(all, Scenario{
				Name: fmt.Sprintf("%g kbit/s", kbit), Against: c.against, Setup: s, Short: kbit == 512,
				Alone: Span{5 * sec, 60 * sec}, Beside: Span{5 * sec, to}, Asks: c.asks, Target: append(c.target, atLeast("u", 0.9)),
			})
		}
	}
	return all
}

// row18: satellites, with a buffer of 1 BDP each way.
func row18(Edition) []Scenario {
	var all []Scenario
	for _, c := range []struct{ down, up, plain, lossy float64 }{
		{250, 3, 7, 10}, {50, 10, 20, 20}, {10, 2, 85, 85}, {2, 10, 420, 420},
	} {
		for _, share := range []float64{0, 0.01} {
			s := wire(c.down, 600*ms, bdp(c.down, 600*ms, 1))
			s.Forward.Loss = share
			s.Reverse.Rate, s.Reverse.BufferBytes = c.up*mega, bdp(c.up, 600*ms, 1)
			most := c.plain
			if share > 0 {
				most = c.lossy
			}
			all = append(all, Scenario{
				Name: fmt.Sprintf("%g/%g Mbit/s, loss %g %%", c.down, c.up, share*100), Against: "alone", Setup: s,
				Alone: Span{0, time.Duration(1.5 * most * float64(sec))}, Asks: []Figure{done(100e6)},
				Target: []Bound{atMost("done_s", most)}, Short: c.down == 250 && share == 0,
			})
		}
	}
	return all
}
