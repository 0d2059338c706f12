// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"fmt"
	"math"
	"strings"
)

// How far the simulator may be from reality: throughput by a tenth of the link, delays by 5 ms.
const (
	nearShare = 10 // percent of the link
	nearDelay = 5  // ms
)

// compare writes reality and simulation of each background beside each other, and marks what is too far apart.
func (s *ScenarioReport) compare(b *strings.Builder) {
	if s.Simulated.Solo == nil {
		return
	}
	fmt.Fprintf(b, "  real / simulated; ! is more than %d %% of the link or %d ms apart\n", nearShare, nearDelay)
	fmt.Fprintf(b, "  %-12s  %13s %13s %13s %15s %15s %15s\n", "", "cubic Mbit/s", "bbr Mbit/s", "reno Mbit/s", "call p95 ms", "fetch p50 ms", "queue p95 ms")
	s.beside(b, &s.Solo, s.Simulated.Solo)
	for i := range s.Simulated.Rows {
		model := &s.Simulated.Rows[i]
		for j := range s.Rows {
			if s.Rows[j].Background == model.Background {
				s.beside(b, &s.Rows[j], model)
			}
		}
	}
}

func (s *ScenarioReport) beside(b *strings.Builder, real, model *Row) {
	line := fmt.Sprintf("  %-12s ", real.Background)
	for _, control := range bulks {
		line += fmt.Sprintf(" %13s", both(real.Rates[control], model.Rates[control], pair{per: 1e6, far: nearShare / 100.0 * s.Scenario.Rate}))
	}
	for _, v := range [][2]*Value{{real.Call95, model.Call95}, {real.Fetch50, model.Fetch50}, {real.Queue95, model.Queue95}} {
		line += fmt.Sprintf(" %15s", both(v[0], v[1], pair{per: 1, far: nearDelay}))
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// A pair is shown in a unit, and marked when its values are far apart.
type pair struct{ per, far float64 }

func both(real, model *Value, p pair) string {
	if real == nil || model == nil {
		return "-"
	}
	mark := ""
	if math.Abs(real.Median-model.Median) > p.far {
		mark = "!"
	}
	return fmt.Sprintf("%s / %s%s", brief(real.Median/p.per), brief(model.Median/p.per), mark)
}
