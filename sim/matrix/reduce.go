// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"cmp"
	"fmt"
	"slices"
)

// A Row is what a controller reached in one scenario: medians over the seeds. Its fields are only ever added to.
type Row struct {
	Row        int      `json:"row"`
	Scenario   string   `json:"scenario"`
	Controller string   `json:"controller"`
	Against    string   `json:"against"`
	PTR        *float64 `json:"ptr"` // nil: nothing to measure
	U          *float64 `json:"u"`
	Q95        *float64 `json:"q95_ms"`
	TR         *float64 `json:"t_r_s"`
	// Extra has the other figures, and of each figure NAME over several seeds the worst as NAME_worst.
	Extra  map[string]float64 `json:"extra"`
	Target string             `json:"target"` // "": none of its own
	Met    *bool              `json:"met"`    // nil: no target
	bounds []Bound
}

// Figure is a figure by name.
func (r Row) Figure(name string) (float64, bool) {
	for _, f := range []struct {
		name string
		at   *float64
	}{{"ptr", r.PTR}, {"u", r.U}, {"q95_ms", r.Q95}, {"t_r_s", r.TR}} {
		if f.name == name {
			if f.at == nil {
				return 0, false
			}
			return *f.at, true
		}
	}
	v, ok := r.Extra[name]
	return v, ok
}

// Bounds are the parts of the target, each with whether it is met.
func (r Row) Bounds() (all []Bound, met []bool) {
	for _, b := range r.bounds {
		v, ok := r.Figure(b.Figure)
		met = append(met, ok && b.holds(v))
	}
	return r.bounds, met
}

// direction tells which way figures without a bound are worse.
var direction = map[string]Bound{
	"ptr": atLeast("ptr", 0), "u": atLeast("u", 0), "jain": atLeast("jain", 0), "goodput_mbit": atLeast("goodput_mbit", 0),
	"u_rest": atLeast("u_rest", 0), "first_second": atLeast("first_second", 0), "back_mbit": atLeast("back_mbit", 0),
}

// Reduce makes rows of results, in the order of the matrix whatever the order of the results.
func Reduce(results []Result) []Row {
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.Controller, b.Controller), cmp.Compare(a.Seed, b.Seed))
	})
	var rows []Row
	for i := 0; i < len(results); {
		end := i + 1
		for end < len(results) && results[end].number == results[i].number && results[end].Controller == results[i].Controller {
			end++
		}
		rows = append(rows, reduce(results[i:end]))
		i = end
	}
	rows = append(rows, gridRows(rows)...)
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Row, b.Row) })
	return rows
}

// reduce makes a row of the results of several seeds.
func reduce(seeds []Result) Row {
	s := seeds[0].Scenario
	row := Row{
		Row: s.Row, Scenario: s.Name, Controller: seeds[0].Controller, Against: s.Against,
		Extra: map[string]float64{}, bounds: s.Target,
	}
	var names []string
	for name := range seeds[0].Figures {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var v []float64
		for _, r := range seeds {
			v = append(v, r.Figures[name])
		}
		row.set(name, median(v))
		if len(seeds) > 1 {
			worst := v[0]
			for _, x := range v[1:] {
				worst = s.bound(name).worse(worst, x)
			}
			row.Extra[name+"_worst"] = worst
		}
	}
	row.judge()
	return row
}

// bound is the scenario's bound on a figure, or what tells which way it is worse.
func (s *Scenario) bound(figure string) Bound {
	for _, b := range s.Target {
		if b.Figure == figure {
			return b
		}
	}
	return direction[figure]
}

func (r *Row) set(name string, v float64) {
	switch name {
	case "ptr":
		r.PTR = &v
	case "u":
		r.U = &v
	case "q95_ms":
		r.Q95 = &v
	case "t_r_s":
		r.TR = &v
	default:
		r.Extra[name] = v
	}
}

// judge finds whether the target is met.
func (r *Row) judge() {
	r.Target = targetText(r.bounds)
	if len(r.bounds) == 0 {
		return
	}
	_, each := r.Bounds()
	met := !slices.Contains(each, false)
	r.Met = &met
}

// gridRows sum up row 4, whose target is one for all of its scenarios.
func gridRows(rows []Row) []Row {
	var out []Row
	var controllers []string
	of := map[string][]float64{}
	for _, r := range rows {
		if r.Row != 4 || r.PTR == nil {
			continue
		}
		if of[r.Controller] == nil {
			controllers = append(controllers, r.Controller)
		}
		of[r.Controller] = append(of[r.Controller], *r.PTR)
	}
	for _, c := range controllers {
		v := slices.Sorted(slices.Values(of[c]))
		row := Row{
			Row: 4, Scenario: fmt.Sprintf("all %d", len(v)), Controller: c, Against: "cubic", bounds: grid,
			Extra: map[string]float64{"ptr_p10": v[len(v)/10], "ptr_worst": v[0]},
		}
		row.set("ptr", median(v))
		row.judge()
		out = append(out, row)
	}
	return out
}
