// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/bench"
)

// Report is one run.
type Report struct {
	Command   string           `json:"command"`
	Started   time.Time        `json:"started"`
	Seconds   float64          `json:"seconds"`
	Short     bool             `json:"short"` // the figures mean nothing
	Commit    string           `json:"commit"`
	Machine   bench.Machine    `json:"machine"`
	Rounds    int              `json:"rounds"`
	Times     Times            `json:"times"`
	Scenarios []ScenarioReport `json:"scenarios"`
}

// Goals are what a background should reach.
type Goals struct {
	Kept    float64 `json:"kept_percent_min"`
	Call    float64 `json:"call_p95_more_ms_max"`
	Fetch50 float64 `json:"fetch_median_more_percent_max"`
	Fetch95 float64 `json:"fetch_p95_more_percent_max"`
	Used    float64 `json:"link_used_percent_min"`
	Back    float64 `json:"back_seconds_max"`
}

// goals are those for a link. Where flows are isolated, the queue of the others is hidden from who yields by delay.
func (s Scenario) goals() Goals {
	g := Goals{Kept: 97, Call: 3, Fetch50: 5, Fetch95: 10, Used: 95, Back: 2}
	if s.AQM == "fq_codel" {
		g.Kept = 85
	}
	return g
}

// ScenarioReport is what was measured over one link.
type ScenarioReport struct {
	Scenario Scenario `json:"scenario"`
	Title    string   `json:"title"`
	Goals    Goals    `json:"goals"`
	Missing  string   `json:"missing,omitempty"` // why there are no figures
	// Late is the share of the packets that the link let out more than a millisecond late because the machine was busy.
	Late float64 `json:"link_late_percent"`
	Solo Row     `json:"solo"` // the foregrounds with nothing beside them
	Rows []Row   `json:"rows"`
	// Simulated is the same in the simulator, for the backgrounds that it has.
	Simulated struct {
		Solo *Row  `json:"solo,omitempty"`
		Rows []Row `json:"rows,omitempty"`
	} `json:"simulated"`
}

// A Row is one background. Figures that were not measured are null.
type Row struct {
	Background string `json:"background"`
	Missing    string `json:"missing,omitempty"` // why there are no figures
	Problem    string `json:"problem,omitempty"` // why there are not all

	Rates map[string]*Value `json:"foreground_bits_per_second"`
	Kept  map[string]*Value `json:"kept_percent"`
	Way   map[string]*Value `json:"gives_way_seconds"`
	Back  map[string]*Value `json:"back_seconds"`

	Call50   *Value `json:"call_p50_ms"`
	Call95   *Value `json:"call_p95_ms"`
	CallLost *Value `json:"call_lost_percent"`
	Fetch50  *Value `json:"fetch_median_ms"`
	Fetch95  *Value `json:"fetch_p95_ms"`
	Used     *Value `json:"link_used_percent"`
	Queue95  *Value `json:"queue_p95_ms"`
}

// A Value is the median of the rounds, with the least and the greatest.
type Value struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

func newValue(values []float64) *Value {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v != v }) // NaN: nothing came
	if len(values) == 0 {
		return nil
	}
	return &Value{median(values), slices.Min(values), slices.Max(values), len(values)}
}

func newValues(all map[string][]float64) map[string]*Value {
	m := map[string]*Value{}
	for name, values := range all {
		if v := newValue(values); v != nil {
			m[name] = v
		}
	}
	return m
}

func (f *figures) row(name string) Row {
	return Row{Background: name, Rates: newValues(f.rates), Kept: newValues(f.kept), Way: newValues(f.way), Back: newValues(f.back),
		Call50: newValue(f.call50), Call95: newValue(f.call95), CallLost: newValue(f.callLost), Fetch50: newValue(f.fetch50),
		Fetch95: newValue(f.fetch95), Used: newValue(f.used), Queue95: newValue(f.queue95)}
}

// worst is the greatest of the medians; nil of none.
func worst(values map[string]*Value) *Value {
	var w *Value
	for _, v := range values {
		if w == nil || v.Median > w.Median {
			w = v
		}
	}
	return w
}
