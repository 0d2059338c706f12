// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/link"
)

const (
	ms   = time.Millisecond
	sec  = time.Second
	mega = 1e6
)

// wire is a bottleneck with a drop-tail buffer, and the way back without limit.
func wire(mbit float64, rtt time.Duration, buffer int) Setup {
	return Setup{
		Forward: link.Config{Rate: mbit * mega, Delay: rtt / 2, BufferBytes: buffer},
		Reverse: link.Config{Delay: rtt / 2},
	}
}

// bdp is a buffer of so many times what is under way, and at least three packets.
func bdp(mbit float64, rtt time.Duration, times float64) int {
	return max(3*1500, int(times*mbit*mega/8*rtt.Seconds()))
}

// usual is 50 Mbit/s, 30 ms, 4 BDP.
func usual() Setup { return wire(50, 30*ms, bdp(50, 30*ms, 4)) }

// against is a setup with one flow of TCP, from the start or from some time on.
func (s Setup) against(control string, start, stop time.Duration) Setup {
	s.Others = []Traffic{{Control: control, Start: start, Stop: stop}}
	return s
}

// weArrive has us begin after the primary.
func (s Setup) weArrive(after time.Duration) Setup {
	s.Ours.After = after
	return s
}

// row1: the primary is there, we arrive after 5 s, and it leaves.
func row1(e Edition) []Scenario {
	var all []Scenario
	for _, c := range []struct {
		control string
		full    time.Duration
		ptr     float64
	}{{"cubic", 150 * sec, 0.99}, {"bbr", 100 * sec, 0.96}, {"copa", 100 * sec, 0.95}} {
		stop := e.lasts(c.full, 30*sec)
		all = append(all, Scenario{
			Name: "50 Mbit/s, 30 ms, 4 BDP", Against: c.control, Short: true,
			Setup: usual().against(c.control, 0, stop).weArrive(5 * sec),
			Alone: Span{5 * sec, e.lasts(30*sec, 15*sec)}, Beside: Span{5 * sec, stop}, Leaves: stop, End: stop + 10*sec,
			Target: []Bound{atLeast("ptr", c.ptr), atLeast("u", 0.97), atMost("t_r_s", 1), atMost("q95_ms", 5)},
		})
	}
	return all
}

// row2: we are there, the primary arrives after 20 s.
func row2(e Edition) []Scenario {
	var all []Scenario
	for _, control := range []string{"cubic", "bbr", "copa"} {
		from := e.lasts(20*sec, 10*sec)
		to := e.lasts(80*sec, 20*sec)
		all = append(all, Scenario{
			Name: "primary arrives", Against: control, Short: true,
			Setup: usual().against(control, from, to), Beside: Span{from, to}, Leaves: to, End: to + 10*sec,
			Asks: []Figure{firstSecond}, Target: []Bound{atLeast("first_second", 0.8)},
		})
	}
	return all
}

// row3: buffers.
func row3(Edition) []Scenario {
	var all []Scenario
	for _, control := range []string{"cubic", "bbr", "copa"} {
		for _, n := range []float64{0.1, 0.2, 0.5, 1, 2, 4, 8} {
			least := 0.97
			if n <= 0.2 {
				least = 0.95
			}
			all = append(all, Scenario{
				Name: fmt.Sprintf("%g BDP", n), Against: control,
				Setup: wire(50, 30*ms, bdp(50, 30*ms, n)).against(control, 0, 60*sec).weArrive(5 * sec),
				Alone: Span{5 * sec, 30 * sec}, Beside: Span{5 * sec, 60 * sec},
				Target: []Bound{atLeast("ptr", least), atLeast("u", 0.95)},
			})
		}
	}
	return all
}

// packetsOfRow4 bounds what each of row 4's scenarios costs.
const packetsOfRow4 = 500_000

// row4: a grid, of which quantiles are asked.
func row4(Edition) []Scenario {
	var all []Scenario
	for _, mbit := range []float64{20, 50, 100, 200, 300, 500} {
		for _, rtt := range []time.Duration{5 * ms, 10 * ms, 30 * ms, 60 * ms, 100 * ms, 200 * ms} {
			for _, n := range []float64{0.2, 0.5, 1, 2, 5} {
				lasts := time.Duration(packetsOfRow4 * 1500 * 8 / (mbit * mega) * float64(sec))
				lasts = min(max(lasts, 20*sec), 60*sec)
				from := max(2*sec, 20*rtt)
				all = append(all, Scenario{
					Name: fmt.Sprintf("%g Mbit/s, %v, %g BDP", mbit, rtt, n), Against: "cubic",
					Setup:  wire(mbit, rtt, bdp(mbit, rtt, n)).against("cubic", 0, lasts).weArrive(from),
					Beside: Span{from, lasts},
				})
			}
		}
	}
	return all
}

// grid is what is asked of row 4 as a whole.
var grid = []Bound{atLeast("ptr", 0.98), atLeast("ptr_p10", 0.92)}

// row5: BBR at any round trip.
func row5(Edition) []Scenario {
	var all []Scenario
	for _, rtt := range []time.Duration{10 * ms, 20 * ms, 40 * ms, 60 * ms, 80 * ms, 120 * ms} {
		all = append(all, Scenario{
			Name: fmt.Sprint(rtt), Against: "bbr",
			Setup:  wire(50, rtt, bdp(50, rtt, 4)).against("bbr", 0, 60*sec).weArrive(5 * sec),
			Beside: Span{5 * sec, 60 * sec}, Target: []Bound{atLeast("ptr", 0.95)},
		})
	}
	return all
}

// thousand is a buffer of 1000 packets.
const thousand = 1000 * 1500

// row6: a buffer far too large.
func row6(Edition) []Scenario {
	return []Scenario{{
		Name: "20 Mbit/s, 20 ms, 1000 packets", Against: "cubic", Setup: wire(20, 20*ms, thousand).against("cubic", 15*sec, 35*sec),
		Beside: Span{15 * sec, 35 * sec}, Leaves: 35 * sec, End: 60 * sec, Asks: []Figure{share, afterwards(5 * sec)},
		Target: []Bound{atMost("share", 0.02), atLeast("back_mbit", 19)},
	}}
}

// row7: four of us, who know nothing of each other or are one group.
func row7(Edition) []Scenario {
	var all []Scenario
	for _, grouped := range []bool{false, true} {
		name := "four hosts"
		if grouped {
			name = "four flows of a host"
		}
		s := wire(20, 20*ms, thousand)
		s.Ours = Ours{Starts: evenly(4, 10*sec), Grouped: grouped}
		all = append(all, Scenario{
			Name: name, Against: "alone", Setup: s, Alone: Span{40 * sec, 100 * sec}, Asks: []Figure{jain, goodput},
			Target: []Bound{atLeast("jain", 0.98), atLeast("goodput_mbit", 19), atMost("q95_ms", 5)},
		})
	}
	return all
}

// row8: Reno on a slow line with a large buffer.
func row8(Edition) []Scenario {
	return []Scenario{{
		Name: "10 Mbit/s, 40 ms, 256 KB", Against: "reno", Setup: wire(10, 40*ms, 256_000).against("reno", 0, 100*sec).weArrive(5 * sec),
		Beside: Span{5 * sec, 100 * sec}, Target: []Bound{atLeast("ptr", 0.98)},
	}}
}

// row9: random loss.
func row9(e Edition) []Scenario {
	var all []Scenario
	for _, c := range []struct{ loss, mbit float64 }{{0.01, 9}, {0.05, 7.5}} {
		s := wire(10, 40*ms, bdp(10, 40*ms, 2))
		s.Forward.Loss = c.loss
		all = append(all, Scenario{
			Name: fmt.Sprintf("loss %g %%", c.loss*100), Against: "alone", Setup: s, Short: c.loss == 0.01,
			Alone: Span{5 * sec, e.lasts(65*sec, 25*sec)}, Asks: []Figure{goodput}, Target: []Bound{atLeast("goodput_mbit", c.mbit)},
		})
	}
	return all
}

// row10: how soon a long path is full.
func row10(Edition) []Scenario {
	return []Scenario{{
		Name: "20 Mbit/s, 200 ms", Against: "alone", Setup: wire(20, 200*ms, bdp(20, 200*ms, 1)), Alone: Span{5 * sec, 30 * sec},
		Asks: []Figure{reaches(19), goodput}, Target: []Bound{atMost("reach_s", 5), atLeast("goodput_mbit", 19)}, Short: true,
	}}
}
