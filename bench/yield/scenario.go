// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"fmt"
	"time"
)

// A Scenario is a link, the same in both directions.
type Scenario struct {
	Name   string        `json:"name"`
	Rate   float64       `json:"rate_bits_per_second"`
	Delay  time.Duration `json:"one_way_delay_ns"`
	Buffer time.Duration `json:"buffer_ns,omitempty"`
	AQM    string        `json:"aqm,omitempty"` // as ebb link has it; it marks where it can
}

var scenarios = []Scenario{
	{Name: "dsl", Rate: 20e6, Delay: 20 * time.Millisecond, Buffer: 100 * time.Millisecond},
	{Name: "bloated", Rate: 20e6, Delay: 20 * time.Millisecond, Buffer: 250 * time.Millisecond},
	{Name: "slow", Rate: 5e6, Delay: 50 * time.Millisecond, Buffer: 200 * time.Millisecond},
	{Name: "fqcodel", Rate: 20e6, Delay: 20 * time.Millisecond, AQM: "fq_codel"},
}

// Scenarios are the names of those there are, in their order.
func Scenarios() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.Name)
	}
	return names
}

func (s Scenario) String() string {
	text := fmt.Sprintf("%g Mbit/s, %v round trip, ", s.Rate/1e6, 2*s.Delay)
	if s.AQM != "" {
		return text + s.AQM
	}
	return text + fmt.Sprintf("%v of buffer", s.Buffer)
}

// flags are those of ebb link.
func (s Scenario) flags() []string {
	f := []string{"--rate", fmt.Sprintf("%gbit", s.Rate), "--delay", s.Delay.String()}
	if s.Buffer > 0 {
		f = append(f, "--buffer", s.Buffer.String())
	}
	if s.AQM != "" {
		f = append(f, "--aqm", s.AQM, "--ecn")
	}
	return f
}

// Times of a chain.
type Times struct {
	Warm  time.Duration `json:"warm_ns"`  // alone, not counted
	Alone time.Duration `json:"alone_ns"` // alone, counted
	Bulk  time.Duration `json:"bulk_ns"`  // a bulk foreground stays
	Back  time.Duration `json:"back_ns"`  // the background has the link again
	Light time.Duration `json:"light_ns"` // a call, or the fetches
	Rest  time.Duration `json:"rest_ns"`  // after those
}

// chain is how long one takes.
func (t Times) chain() time.Duration {
	return t.Warm + t.Alone + time.Duration(len(bulks))*(t.Bulk+t.Back) + 2*(t.Light+t.Rest)
}

// bulks are the congestion controls of the bulk foregrounds.
var bulks = []string{"cubic", "bbr", "reno"}
