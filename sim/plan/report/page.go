// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/ebbproject/ebb/units"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template sees.
type page struct {
	*Report
	Title       string
	Interrupted string
	Headlines   []string
	Tiles       []tile
	Completion  []drawn // one for one order
	Use         *drawn
	Delays      *drawn
	Late        *drawn
	Heat        []drawn
	Helps       []helps
	Shown       []row
	Sources     string
	Seeds       string
}

// tile is one figure that is shown big.
type tile struct{ Name, Value, More string }

// drawn is a plot with its heading.
type drawn struct {
	Title, Says string
	Picture     template.HTML
}

// helps is what would help one order.
type helps struct {
	Content string
	Rows    [][4]string
}

// row is one of the latest locations.
type row struct{ Name, Region, Line, RTT, After, Why string }

// Page is the report as one HTML page that asks nobody for anything.
func (r *Report) Page() []byte {
	p := page{Report: r, Title: r.Name, Seeds: r.Made.seedsText()}
	if p.Title == "" {
		p.Title = "A plan"
	}
	if how := r.Made.interrupted(); how != "" {
		p.Interrupted = "Interrupted: " + how
	}
	for i := range r.Orders {
		o := &r.Orders[i]
		for _, line := range r.headline(o) {
			p.Headlines = append(p.Headlines, strings.TrimSpace(line))
		}
		if len(p.Completion) < mostPlots {
			p.Completion = append(p.Completion, r.drawCompletion(o))
		}
		h := helps{Content: o.Content}
		for _, x := range o.Remedies {
			h.Rows = append(h.Rows, r.remedyRow(x))
		}
		if len(h.Rows) > 0 {
			p.Helps = append(p.Helps, h)
		}
	}
	p.Tiles = r.tiles()
	p.Use, p.Delays, p.Late, p.Heat = r.drawHours(), r.drawDelay(), r.drawLate(), r.drawHeat()
	for _, l := range r.Worst {
		p.Shown = append(p.Shown, row{l.Name, l.Region, units.Bitrate(l.Down), millis(l.RTT), l.after(), Because(l.Reason)})
	}
	p.Sources = r.sources()
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, &p); err != nil {
		panic(err) // the template fits the report, or no test passes
	}
	return b.Bytes()
}

func (r *Report) tiles() (list []tile) {
	if len(r.Orders) > 0 {
		o := &r.Orders[0]
		list = append(list, tile{"95 % of the locations have " + o.Content + " after", r.quantile(o.P95), ""})
		if o.InTime != nil {
			list = append(list, tile{"in time", percent(100 * o.InTime.or(0)), "deadline " + Clock(*o.By, r.Start)})
		}
	}
	list = append(list, tile{"over WAN lines", units.IEC(int64(r.WAN.or(0))), "without sharing " + units.IEC(int64(r.Without.or(0))) + times(r.Without.or(0), r.WAN.or(0))})
	if r.Peak != nil {
		list = append(list, tile{"busiest hour", fmt.Sprintf("%.1f %%", 100*r.Peak.Share), "of all lines together, " + Clock(r.Peak.At, r.Start)})
	}
	worst := Delay{}
	for _, d := range r.Delay {
		if d.P95 >= worst.P95 {
			worst = d
		}
	}
	if worst.Class != "" {
		list = append(list, tile{"others wait longer by", millis(worst.Median), fmt.Sprintf("at p95, in half of %s; %s in 5 %% of them", worst.Class, millis(worst.P95))})
	}
	return list
}

func (r *Report) remedyRow(x Remedied) [4]string {
	out := [4]string{x.What, "never", "-", percent(100 * x.InTime.or(0))}
	if x.P95.Reached > 0 {
		out[1] = Span(x.P95.Seconds.or(0))
	}
	if x.Gain != nil {
		out[2] = "none"
		if *x.Gain >= 1 {
			out[2] = Span(*x.Gain)
		}
	}
	return out
}

// sources say where all this comes from, and how wrong it may be.
func (r *Report) sources() string {
	var b strings.Builder
	r.sure(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, line := range lines {
		name, text, _ := strings.Cut(line, "\t")
		lines[i] = strings.ToUpper(name[:1]) + name[1:] + ": " + text + "."
	}
	return strings.Join(lines, " ")
}

// drawHeat is a map for each combination of all axes but the last two.
func (r *Report) drawHeat() (list []drawn) {
	s := r.Sweep
	if s == nil || len(s.Axes) == 0 || len(s.Points) == 0 {
		return nil
	}
	across := s.Axes[len(s.Axes)-1]
	down := SweepAxis{Values: []string{""}}
	if len(s.Axes) > 1 {
		down = s.Axes[len(s.Axes)-2]
	}
	low, high := math.Inf(1), 0.0
	for _, p := range s.Points {
		if v := p.P95.Seconds; v.Value != nil {
			low, high = min(low, *v.Value), max(high, *v.Value)
		}
	}
	size := len(across.Values) * len(down.Values)
	for from := 0; from < len(s.Points) && len(list) < 4*mostPlots; from += size {
		points := s.Points[from:min(from+size, len(s.Points))]
		title := "95 % of the locations have " + s.Order
		for i, a := range s.Axes[:max(len(s.Axes)-2, 0)] {
			title += fmt.Sprintf(", %s %s", a.Name, points[0].Values[i])
		}
		list = append(list, drawn{title, "Each cell: the time after the order; darker is later.", heat(across, down, points, low, high)})
	}
	return list
}
