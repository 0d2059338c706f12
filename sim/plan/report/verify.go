// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

// Verified is a plan beside what the hub's record says happened.
type Verified struct {
	At       time.Time       `json:"at"` // when it was compared
	Scenario string          `json:"scenario_hash"`
	Version  string          `json:"version"` // that made the plan
	Compared int             `json:"compared"`
	Open     int             `json:"open"`    // locations of an order that are not complete as yet
	Unknown  int             `json:"unknown"` // of which the record says nothing
	Median   *float64        `json:"completion_error_median"`
	P95      *float64        `json:"completion_error_p95"`
	Worst    *float64        `json:"completion_error_worst"`
	WAN      *float64        `json:"wan_error"` // of all bytes of locations that are complete; null: none is
	Rows     []VerifiedPlace `json:"locations"`
}

// VerifiedPlace is one order in one location. Errors are parts of what happened; they are positive where the plan said more.
type VerifiedPlace struct {
	Location  string   `json:"location"`
	Content   string   `json:"content"`
	State     string   `json:"state"`             // complete, open or unknown
	Predicted *float64 `json:"predicted_seconds"` // null: never
	Happened  *float64 `json:"happened_seconds"`  // of what is open: null
	Error     *float64 `json:"error"`
	Hosts     int      `json:"hosts_complete"`
	Of        float64  `json:"hosts_planned"`
	WAN       int64    `json:"wan_bytes"`
	planned   float64  // bytes over the WAN
}

// Verify compares a plan with a hub's ledger. The orders were given shift later than the plan says.
func Verify(r *Report, ledger []api.LedgerRow, shift time.Duration, now time.Time) *Verified {
	type key struct{ location, content string }
	known := map[key]api.LedgerRow{}
	for _, row := range ledger {
		known[key{row.Location, row.Name}] = row
	}
	v := &Verified{At: now.UTC(), Scenario: r.Made.Scenario, Version: r.Made.Version, Rows: []VerifiedPlace{}}
	var wrong []float64
	planned, crossed := 0.0, 0.0
	for _, l := range r.Places {
		whole := 0.0
		for i, o := range r.Orders {
			if l.For[i] {
				whole += float64(o.Size)
			}
		}
		for i, o := range r.Orders {
			if !l.For[i] {
				continue
			}
			row, ok := known[key{l.Name, o.Content}]
			x := VerifiedPlace{Location: l.Name, Content: o.Content, State: "unknown", Predicted: l.Done[i], Of: l.Hosts, Hosts: row.Whole, WAN: row.WAN + row.Origin,
				planned: l.WAN * float64(o.Size) / whole} // of all that the plan says of the location, the content's part
			switch {
			case !ok:
				v.Unknown++
			case row.Last == nil || float64(row.Whole) < l.Hosts:
				x.State = "open"
				v.Open++
			default:
				x.State = "complete"
				took := row.Last.Sub(o.At.Add(shift)).Seconds()
				x.Happened = &took
				planned, crossed = planned+x.planned, crossed+float64(x.WAN)
				if x.Predicted != nil && took > 0 {
					e := *x.Predicted/took - 1
					x.Error = &e
					wrong = append(wrong, math.Abs(e))
				}
			}
			v.Rows = append(v.Rows, x)
		}
	}
	if v.Compared = len(wrong); v.Compared > 0 {
		slices.Sort(wrong)
		n := len(wrong)
		m, p, w := at(wrong, n, .5), at(wrong, n, .95), wrong[n-1]
		v.Median, v.P95, v.Worst = &m, &p, &w
	}
	if crossed > 0 {
		e := planned/crossed - 1
		v.WAN = &e
	}
	slices.SortStableFunc(v.Rows, func(a, b VerifiedPlace) int { return cmp.Compare(b.off(), a.off()) })
	return v
}

func (x *VerifiedPlace) off() float64 {
	if x.Error == nil {
		return -1
	}
	return math.Abs(*x.Error)
}

// Text shows it, with those that are most wrong first, and what earlier comparisons said.
func (v *Verified) Text(out io.Writer, before []Verified) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if v.Median != nil {
		fmt.Fprintf(w, "Completion was predicted within %.1f %% at the median, %.1f %% at p95, %.1f %% at worst", 100**v.Median, 100**v.P95, 100**v.Worst)
		if v.WAN != nil {
			fmt.Fprintf(w, "; bytes over WAN lines %+.1f %%", 100**v.WAN)
		}
		fmt.Fprintln(w, ".")
	} else {
		fmt.Fprintln(w, "Nothing can be compared as yet.")
	}
	fmt.Fprintf(w, "%d compared, %d open, %d of which the ledger says nothing.\n\n", v.Compared, v.Open, v.Unknown)
	fmt.Fprintln(w, "LOCATION\tCONTENT\tPREDICTED\tHAPPENED\tERROR\tHOSTS\tSTATE")
	for i, x := range v.Rows {
		if i == mostWorst {
			fmt.Fprintf(w, "and %d more; --json shows them all\n", len(v.Rows)-i)
			break
		}
		span := func(s *float64) string {
			if s == nil {
				return "-"
			}
			return Span(*s)
		}
		wrong := "-"
		if x.Error != nil {
			wrong = fmt.Sprintf("%+.1f %%", 100**x.Error)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d of %.0f\t%s\n", x.Location, x.Content, span(x.Predicted), span(x.Happened), wrong, x.Hosts, x.Of, x.State)
	}
	if len(before) > 0 {
		fmt.Fprintln(w, "\nBEFORE\tPLAN\tCOMPARED\tMEDIAN\tP95\tWAN")
	}
	for _, b := range before[max(len(before)-10, 0):] {
		part := func(v *float64) string {
			if v == nil {
				return "-"
			}
			return fmt.Sprintf("%.1f %%", 100**v)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", b.At.Format("2006-01-02 15:04"), b.Scenario, b.Compared, part(b.Median), part(b.P95), part(b.WAN))
	}
	return w.Flush()
}

// Whole reports whether a report that was read has orders and locations that fit one another.
func (r *Report) Whole() bool {
	for _, l := range r.Places {
		if len(l.For) != len(r.Orders) || len(l.Done) != len(r.Orders) {
			return false
		}
	}
	return len(r.Orders) > 0 && len(r.Places) > 0
}
