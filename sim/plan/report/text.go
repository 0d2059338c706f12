// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units"
)

// reasonWords say a reason as a clause about a location.
var reasonWords = map[plan.Straggle]string{
	plan.Thin: "its line is slow for what it is to fetch", plan.Busy: "others keep its line busy", plan.Lossy: "its line loses packets",
	plan.Shut: "the hours of the order were over", plan.Asleep: "hosts were off", plan.Cut: "its line was down", plan.Paused: "it was paused",
	plan.Upstream: "the shared line towards the origin is full", plan.Ahead: "other orders came first", plan.NoRoom: "hosts have no room for it",
	plan.NoMetered: "its line is metered",
}

// Because is a reason in words.
func Because(reason string) string {
	if words, ok := reasonWords[plan.Straggle(reason)]; ok {
		return words
	}
	if reason == "" {
		return "-"
	}
	return reason
}

// Text is the summary for a terminal: what was asked first.
func (r *Report) Text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if r.Name != "" {
		fmt.Fprintf(w, "%s\n\n", r.Name)
	}
	if how := r.Made.interrupted(); how != "" {
		fmt.Fprintf(w, "INTERRUPTED: %s\n\n", how)
	}
	for i := range r.Orders {
		for _, line := range r.headline(&r.Orders[i]) {
			fmt.Fprintln(w, line)
		}
	}
	fmt.Fprintln(w)
	r.completion(w)
	r.cost(w)
	r.late(w)
	r.whatIf(w)
	r.sweepTable(w)
	r.sure(w)
	return w.Flush()
}

// headline is what became of an order, in sentences.
func (r *Report) headline(o *Order) []string {
	who := r.who(o)
	text := fmt.Sprintf("%s (%s) from %s: ", o.Content, units.IEC(o.Size), Clock(o.At, r.Start))
	switch {
	case o.P95.Reached == len(r.Made.Seeds) && o.P95.Reached > 0:
		text += fmt.Sprintf("95 %% of the %s %s.", who, r.moment(o.At, o.P95.Seconds))
	case o.P95.Reached > 0:
		text += fmt.Sprintf("95 %% of the %s %s in %d of %d seeds, and not within %s in the others.", who, r.moment(o.At, o.P95.Seconds), o.P95.Reached,
			len(r.Made.Seeds), Span(r.Horizon))
	case r.Made.Part:
		text += fmt.Sprintf("95 %% of the %s were not reached when it was interrupted: %.1f %% of the hosts had it.", who, 100*o.Complete.or(0)/max(o.Hosts.or(1), 1))
	default:
		text += fmt.Sprintf("95 %% of the %s are not reached within %s: %.1f %% of the hosts have it.", who, Span(r.Horizon), 100*o.Complete.or(0)/max(o.Hosts.or(1), 1))
	}
	lines := []string{text}
	if o.By != nil && !r.Made.Part {
		lines = append(lines, fmt.Sprintf("  Deadline %s: %s.", Clock(*o.By, r.Start), r.deadline(o, who)))
	}
	return lines
}

func (r *Report) deadline(o *Order, who string) string {
	share := 100 * o.InTime.or(0)
	switch o.Verdict {
	case Met:
		return "met by all " + who
	case Mostly:
		return fmt.Sprintf("met by %s of the %s", percent(share), who)
	}
	return fmt.Sprintf("MISSED: met by %s of the %s", percent(share), who)
}

// percent is never 100 % where something lacks, nor 0 % where something is there.
func percent(v float64) string {
	switch {
	case v > 99.95 && v < 100:
		return "more than 99.9 %"
	case v > 0 && v < .05:
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", v)
}

func (r *Report) who(o *Order) string {
	if len(o.To) == 1 {
		if o.Locations > 1 && strings.HasSuffix(o.To[0], "s") {
			return fmt.Sprintf("%s %s", Count(float64(o.Locations)), o.To[0])
		}
		return fmt.Sprintf("%s locations of %s", Count(float64(o.Locations)), o.To[0])
	}
	return Count(float64(o.Locations)) + " locations"
}

// moment is a time of completion with its interval.
func (r *Report) moment(from time.Time, f Figure) string {
	if f.Value == nil {
		return "never"
	}
	at := from.Add(time.Duration(*f.Value * float64(time.Second)))
	text := "by " + Clock(at, r.Start)
	if *f.Value < 300 {
		text = Span(*f.Value) + " later"
	}
	if h := f.half(); h >= .05 {
		text += " ± " + Span(h)
	}
	return text
}

func (r *Report) completion(w io.Writer) {
	fmt.Fprintln(w, "AFTER THE ORDER\t50 %\t95 %\t99 %\tALL")
	for _, o := range r.Orders {
		row := func(what string, list ...Quantile) {
			fmt.Fprintf(w, "%s: %s", o.Content, what)
			for _, q := range list {
				fmt.Fprintf(w, "\t%s", r.quantile(q))
			}
			fmt.Fprintln(w)
		}
		row("locations", o.P50, o.P95, o.P99, o.All)
		row("hosts", o.HostsP50, o.HostsP95, o.HostsP99)
	}
}

func (r *Report) quantile(q Quantile) string {
	if q.Reached == 0 {
		return "never"
	}
	text := Span(q.Seconds.or(0))
	if h := q.Seconds.half(); h >= .05 {
		text += " ± " + Span(h)
	}
	if n := len(r.Made.Seeds); q.Reached < n {
		text += fmt.Sprintf(" (%d of %d seeds)", q.Reached, n)
	}
	return text
}

func (r *Report) cost(w io.Writer) {
	fmt.Fprintf(w, "\nWAN\t%s over all lines; without sharing %s%s\n", r.bytes(r.WAN), units.IEC(int64(r.Without.or(0))), times(r.Without.or(0), r.WAN.or(0)))
	fmt.Fprintf(w, "origin\t%s\n", r.bytes(r.Origin))
	if r.Peak != nil {
		fmt.Fprintf(w, "busiest hour\t%s: Ebb takes %.1f %% of all lines together, and at most %.0f %% of one\n", Clock(r.Peak.At, r.Start), 100*r.Peak.Share, 100*r.Peak.Link)
	}
	for i, d := range r.Delay {
		if i == 5 {
			fmt.Fprintf(w, "\tand %d more\n", len(r.Delay)-i)
			break
		}
		fmt.Fprintf(w, "added delay\t%s: others wait %s longer at p95 in half of the locations, %s in 5 %% of them\n", d.Class, millis(d.Median), millis(d.P95))
	}
	var busy []string
	for _, l := range r.Busiest[:min(len(r.Busiest), 5)] {
		if l.Busiest > 0 {
			busy = append(busy, fmt.Sprintf("%s %.0f %% of %s", l.Name, 100*l.Busiest, units.Bitrate(l.Down)))
		}
	}
	if len(busy) > 0 {
		fmt.Fprintf(w, "busiest lines\t%s\n", strings.Join(busy, ", "))
	}
}

func times(a, b float64) string {
	if !(b > 0) {
		return ""
	}
	return fmt.Sprintf(" (%.1f times as much)", a/b)
}

func (r *Report) bytes(f Figure) string {
	text := units.IEC(int64(f.or(0)))
	if h := f.half(); h > .0005*f.or(0) {
		text += " ± " + units.IEC(int64(h))
	}
	return text
}

// shownWorst is how many of the latest a terminal sees.
const shownWorst = 20

func (r *Report) late(w io.Writer) {
	late := 0
	for _, x := range r.Reasons {
		late += x.Late
	}
	if late > 0 {
		are := "LOCATIONS ARE"
		if late == 1 {
			are = "LOCATION IS"
		}
		fmt.Fprintf(w, "\nWHY %s %s LATE\n", Count(float64(late)), are)
		for _, x := range r.Reasons {
			if x.Late > 0 {
				fmt.Fprintf(w, "%s\t%s\n", Count(float64(x.Late)), Because(x.Reason))
			}
		}
	}
	if len(r.Worst) == 0 {
		return
	}
	fmt.Fprintln(w, "\nTHE LATEST\tREGION\tLINE\tRTT\tCOMPLETE AFTER\tWHAT TOOK THE TIME")
	for _, l := range r.Worst[:min(len(r.Worst), shownWorst)] {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Region, units.Bitrate(l.Down), millis(l.RTT), l.after(), Because(l.Reason))
	}
}

func (l *Location) after() string {
	if math.IsInf(l.slowest, 1) {
		return "never"
	}
	return Span(l.slowest)
}

func (r *Report) whatIf(w io.Writer) {
	for _, o := range r.Orders {
		if len(o.Remedies) == 0 {
			continue
		}
		fmt.Fprintf(w, "\nWHAT WOULD HELP %s\t95 %% AFTER\tGAIN\tIN TIME\n", strings.ToUpper(o.Content))
		for _, x := range o.Remedies {
			gain := "-"
			switch {
			case x.Gain != nil && *x.Gain >= 1:
				gain = Span(*x.Gain)
			case x.Gain != nil:
				gain = "none"
			}
			q := "never"
			if x.P95.Reached > 0 {
				q = Span(x.P95.Seconds.or(0))
			}
			met := ""
			if x.Verdict != Missed {
				met = ", met"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s%s\n", x.What, q, gain, percent(100*x.InTime.or(0)), met)
		}
	}
}

func (r *Report) sweepTable(w io.Writer) {
	if r.Sweep == nil {
		return
	}
	fmt.Fprintf(w, "\nSWEEP: %s", strings.ToUpper(r.Sweep.Order))
	for _, a := range r.Sweep.Axes {
		fmt.Fprintf(w, "\t%s", a.Name)
	}
	fmt.Fprintln(w, "\t95 % AFTER\tIN TIME\tWAN\tADDED DELAY")
	for _, p := range r.Sweep.Points {
		inTime := "-"
		if p.InTime != nil {
			inTime = percent(100 * p.InTime.or(0))
		}
		q := "never"
		if p.P95.Reached > 0 {
			q = Span(p.P95.Seconds.or(0))
		}
		fmt.Fprintf(w, "\t%s\t%s\t%s\t%s\t%s\n", strings.Join(p.Values, "\t"), q, inTime, units.IEC(int64(p.WAN.or(0))), millis(p.Delay))
	}
}

// sure says where all this comes from, and how wrong it may be.
func (r *Report) sure(w io.Writer) {
	m := r.Made
	fmt.Fprintln(w)
	if m.Fidelity == "flow" {
		switch {
		case m.Check != nil:
			fmt.Fprintf(w, "error\tagainst the packet level in %d locations: completion %.1f %% at the median, %.1f %% at p95, %.1f %% at worst; WAN bytes %.1f %%", m.Check.Locations,
				100*m.Check.Median, 100*m.Check.P95, 100*m.Check.Worst, 100*m.Check.WAN)
			if m.Check.Differ > 0 {
				fmt.Fprintf(w, "; complete at one level only: %d", m.Check.Differ)
			}
			fmt.Fprintln(w)
		default:
			fmt.Fprintln(w, "error\tnot measured: no location was played at packet level")
		}
		if m.Stale {
			fmt.Fprintln(w, "STALE\tthe controllers have changed since the yield table was made; make it anew: ebb sim calibrate")
		}
	}
	fmt.Fprintf(w, "made with\t%s, %s level, controller %s, scenario %s", m.Version, m.Fidelity, m.Controller, m.Scenario)
	if m.Calibration != "" {
		fmt.Fprintf(w, ", calibration %s", m.Calibration)
	}
	fmt.Fprintf(w, ", %s\n", m.seedsText())
}

func (m Provenance) seedsText() string {
	n := len(m.Seeds)
	switch {
	case n == 0:
		return "no seeds"
	case n == 1:
		return fmt.Sprintf("seed %d", m.Seeds[0])
	case slices.Max(m.Seeds)-m.Seeds[0] == uint64(n-1):
		return fmt.Sprintf("seeds %d to %d", m.Seeds[0], m.Seeds[n-1])
	}
	return fmt.Sprintf("%d seeds from %d on", n, m.Seeds[0])
}
