// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/units"
)

const (
	mostPlots = 6    // orders that have a plot of their own
	mostLines = 6    // lines of a plot: as many as colours can be told apart
	mostDots  = 1500 // locations of a plot
)

// canvas is a plot of W by H with its axes. Colours are classes of the page's style.
type canvas struct {
	b                        strings.Builder
	w, h                     float64
	left, right, top, bottom float64
}

func newCanvas(h float64, says string) *canvas {
	c := &canvas{w: 860, h: h, left: 64, right: 16, top: 14, bottom: 34}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`, c.w, c.h, html.EscapeString(says))
	return c
}

func (c *canvas) end() template.HTML {
	c.b.WriteString("</svg>")
	return template.HTML(c.b.String()) // every text in it went through text
}

func (c *canvas) x(share float64) float64 { return c.left + share*(c.w-c.left-c.right) }
func (c *canvas) y(share float64) float64 { return c.h - c.bottom - share*(c.h-c.top-c.bottom) }

func (c *canvas) text(x, y float64, class, anchor, s string) {
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&c.b, `<path class="%s" d="M%.1f %.1fL%.1f %.1f"/>`, class, x1, y1, x2, y2)
}

// shares draws an axis of percent upwards, up to top.
func (c *canvas) shares(top float64) {
	for i := range 5 {
		y := c.y(float64(i) / 4)
		c.line(c.left, y, c.w-c.right, y, "grid")
		c.text(c.left-8, y+4, "axis", "end", fmt.Sprintf("%.3g %%", top*25*float64(i)))
	}
}

// steps are what axes of time are divided by.
var steps = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour,
	6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour}

// ticks are the marks of an axis of time, in seconds.
func ticks(most float64, n int) (list []float64) {
	step := steps[len(steps)-1].Seconds()
	for _, s := range steps {
		if most/s.Seconds() <= float64(n) {
			step = s.Seconds()
			break
		}
	}
	for t := 0.0; t <= most; t += step {
		list = append(list, t)
	}
	return list
}

// ago is a mark of an axis: 6h, 30m, 2d.
func ago(seconds float64) string {
	switch {
	case seconds == 0:
		return "0"
	case seconds >= 86400 && math.Mod(seconds, 86400) == 0:
		return fmt.Sprintf("%.0fd", seconds/86400)
	case math.Mod(seconds, 3600) == 0:
		return fmt.Sprintf("%.0fh", seconds/3600)
	case math.Mod(seconds, 60) == 0:
		return fmt.Sprintf("%.0fm", seconds/60)
	}
	return fmt.Sprintf("%.0fs", seconds)
}

// legend names what colours stand for.
func legend(names []string) string {
	var b strings.Builder
	b.WriteString(`<p class="legend">`)
	for i, name := range names {
		fmt.Fprintf(&b, `<span><i class="b%d"></i>%s</span>`, i+1, html.EscapeString(name))
	}
	b.WriteString("</p>")
	return b.String()
}

// drawCompletion is the share of the hosts that are complete over time, by region.
func (r *Report) drawCompletion(o *Order) drawn {
	curves := slices.Clone(o.Regions)
	slices.SortStableFunc(curves, func(a, b Curve) int { return int(math.Copysign(1, b.Hosts.or(0)-a.Hosts.or(0))) })
	says := fmt.Sprintf("Share of the hosts that have %s, by region, with the 95 %% interval over seeds", o.Content)
	if more := len(curves) - mostLines; more > 0 {
		curves, says = curves[:mostLines], fmt.Sprintf("%s; the largest %d of %d regions", says, mostLines, len(o.Regions))
	}
	most := 60.0
	for _, c := range curves {
		for _, p := range c.Points {
			most = max(most, p.Seconds.or(0)+p.Seconds.half())
		}
	}
	by := -1.0
	if o.By != nil {
		by = o.By.Sub(o.At).Seconds()
		if by < 4*most { // far beyond, it would press everything else to the left
			most = max(most, by)
		}
	}
	most *= 1.03
	c := newCanvas(300, says)
	c.shares(1)
	for _, t := range ticks(most, 10) {
		c.text(c.x(t/most), c.h-14, "axis", "middle", ago(t))
	}
	var names []string
	for i, curve := range curves {
		c.curve(i+1, curve, most)
		names = append(names, curve.Region)
	}
	if by >= 0 && by <= most {
		c.line(c.x(by/most), c.top, c.x(by/most), c.h-c.bottom, "deadline")
		c.text(c.x(by/most)-5, c.top+10, "axis strong", "end", "deadline "+Clock(*o.By, r.Start))
	}
	return drawn{o.Content + ": when hosts have it, after the order", says, template.HTML(legend(names)) + c.end()}
}

// curve draws one region: the band first.
func (c *canvas) curve(colour int, curve Curve, most float64) {
	var line, upper, lower strings.Builder
	last := 0.0
	fmt.Fprintf(&line, "M%.1f %.1f", c.x(0), c.y(0))
	for _, p := range curve.Points {
		if p.Seconds.Value == nil {
			break
		}
		x := *p.Seconds.Value
		fmt.Fprintf(&line, "L%.1f %.1fL%.1f %.1f", c.x(x/most), c.y(last), c.x(x/most), c.y(p.Share))
		last = p.Share
		if p.Seconds.Low != nil {
			fmt.Fprintf(&upper, "%.1f,%.1f ", c.x(*p.Seconds.Low/most), c.y(p.Share))
		}
	}
	for _, p := range slices.Backward(curve.Points) {
		if p.Seconds.High != nil {
			fmt.Fprintf(&lower, "%.1f,%.1f ", c.x(min(*p.Seconds.High/most, 1)), c.y(p.Share))
		}
	}
	if upper.Len() > 0 {
		fmt.Fprintf(&c.b, `<polygon class="band f%d" points="%s%s"/>`, colour, upper.String(), lower.String())
	}
	fmt.Fprintf(&c.b, `<path class="line s%d" d="%s"/>`, colour, line.String())
}

// drawHours is how full all links together are, by the hour.
func (r *Report) drawHours() *drawn {
	if len(r.Hours) == 0 {
		return nil
	}
	says := "What all lines together carry, by the hour: Ebb and, above it, everybody else"
	top := .05
	for _, h := range r.Hours {
		if h.Capacity > 0 {
			top = max(top, (h.Ebb+h.Foreground)/h.Capacity)
		}
	}
	top = min(math.Ceil(top*20)/20, 1)
	c := newCanvas(240, says)
	c.shares(top)
	n := float64(len(r.Hours))
	wide := (c.w - c.left - c.right) / n
	gap := min(2, wide/4)
	every := max(1, int(math.Ceil(n/8)))
	for i, h := range r.Hours {
		if h.Capacity <= 0 {
			continue
		}
		ours, theirs := min(h.Ebb/h.Capacity/top, 1), h.Foreground/h.Capacity/top
		x := c.x(float64(i) / n)
		fmt.Fprintf(&c.b, `<g><title>%s: Ebb %.1f %%, others %.1f %%; at most %.0f %% of one line for Ebb</title>`, html.EscapeString(Clock(h.At, r.Start)), 100*h.Ebb/h.Capacity,
			100*h.Foreground/h.Capacity, 100*h.Peak)
		fmt.Fprintf(&c.b, `<rect class="f1" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, c.y(ours), wide-gap, c.y(0)-c.y(ours))
		fmt.Fprintf(&c.b, `<rect class="f0" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/></g>`, x, c.y(min(ours+theirs, 1)), wide-gap, c.y(ours)-c.y(min(ours+theirs, 1)))
		if i%every == 0 {
			c.text(x, c.h-14, "axis", "start", Clock(h.At, r.Start))
		}
	}
	return &drawn{"How full the lines are", says, template.HTML(`<p class="legend"><span><i class="b1"></i>Ebb</span><span><i class="b0"></i>others</span></p>`) + c.end()}
}

// drawDelay is what the foreground feels, by kind of location.
func (r *Report) drawDelay() *drawn {
	list := r.Delay[:min(len(r.Delay), 12)]
	if len(list) == 0 {
		return nil
	}
	most := .001
	for _, d := range list {
		most = max(most, d.P95)
	}
	says := "How much longer others wait at p95 while Ebb fetches: the bar ends at what 5 % of the locations exceed, the mark is the median location"
	const high = 30.0
	c := newCanvas(high*float64(len(list))+14, says)
	c.left, c.right, c.top, c.bottom = 200, 90, 4, 10
	for i, d := range list {
		y := 4 + high*float64(i)
		c.text(c.left-10, y+17, "axis strong", "end", clip(d.Class, 26))
		fmt.Fprintf(&c.b, `<rect class="f1" rx="3" x="%.1f" y="%.1f" width="%.1f" height="18"/>`, c.left, y+3, max(c.x(d.P95/most)-c.left, 1))
		c.line(c.x(d.Median/most), y+1, c.x(d.Median/most), y+23, "mark")
		c.text(c.x(d.P95/most)+8, y+17, "axis", "start", millis(d.P95))
	}
	return &drawn{"What others feel", says, c.end()}
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// drawLate is each location by the rate of its line and when it is complete, coloured by what took the time.
func (r *Report) drawLate() *drawn {
	var dots []Location
	low, high, most := math.Inf(1), 0.0, 60.0
	for i, l := range r.Places {
		if !slices.Contains(l.For, true) || l.Down <= 0 {
			continue
		}
		if len(r.Places) > mostDots && i%(len(r.Places)/mostDots+1) != 0 && !slices.ContainsFunc(r.Worst, func(w Location) bool { return w.Name == l.Name }) {
			continue
		}
		dots = append(dots, l)
		low, high = min(low, l.Down), max(high, l.Down)
		if !math.IsInf(l.slowest, 1) {
			most = max(most, l.slowest)
		}
	}
	if len(dots) == 0 {
		return nil
	}
	says := "Each dot a location: the rate of its line, and when its last host is complete; those at the upper edge never are"
	low, high = low*.9, high*1.1
	c := newCanvas(320, says)
	c.top = 30
	for _, t := range ticks(most, 6) {
		y := c.y(t / most)
		c.line(c.left, y, c.w-c.right, y, "grid")
		c.text(c.left-8, y+4, "axis", "end", ago(t))
	}
	place := func(v float64) float64 { return c.x(math.Log(v/low) / math.Log(high/low)) }
	for e := math.Ceil(math.Log10(low)*3) / 3; e <= math.Log10(high); e += 1. / 3 { // 1, 2, 5, 10
		v := math.Pow(10, math.Floor(e+1e-9)) * []float64{1, 2, 5}[int(math.Round((e-math.Floor(e+1e-9))*3))%3]
		if v >= low && v <= high {
			c.text(place(v), c.h-14, "axis", "middle", units.Bitrate(v))
		}
	}
	var reasons []string
	for _, x := range r.Reasons[:min(len(r.Reasons), mostLines)] {
		reasons = append(reasons, x.Reason)
	}
	for _, l := range dots {
		y, after := c.top-14, l.after()
		if !math.IsInf(l.slowest, 1) {
			y = c.y(l.slowest / most)
		}
		fmt.Fprintf(&c.b, `<circle class="dot f%d" cx="%.1f" cy="%.1f" r="4"><title>%s: %s, %s: %s</title></circle>`, slices.Index(reasons, l.Reason)+1, place(l.Down), y,
			html.EscapeString(l.Name), units.Bitrate(l.Down), after, html.EscapeString(Because(l.Reason)))
	}
	words := make([]string, len(reasons))
	for i, x := range reasons {
		words[i] = Because(x)
	}
	return &drawn{"Who is late, and why", says, template.HTML(legend(words)) + c.end()}
}

// ramp is from early to late, light to dark; ink on the first half is dark.
var ramp = []string{"#cde2fb", "#b7d3f6", "#9ec5f4", "#86b6ef", "#6da7ec", "#2a78d6", "#256abf", "#1c5cab", "#184f95", "#104281"}

// heat is a map of two axes.
func heat(across, down SweepAxis, points []SweepPoint, low, high float64) template.HTML {
	const tall = 44.0
	c := newCanvas(tall*float64(len(down.Values))+58, "Completion by "+across.Name+" and "+down.Name)
	c.left, c.right, c.top, c.bottom = 150, 8, 22, 36
	wide := (c.w - c.left - c.right) / float64(len(across.Values))
	for i, p := range points {
		col, line := i%len(across.Values), i/len(across.Values)
		x, y := c.left+wide*float64(col), c.top+tall*float64(line)
		fill, ink, text := "#898781", "#0b0b0b", "never"
		if v := p.P95.Seconds.Value; v != nil {
			k := 0
			if high > low {
				k = min(int((*v-low)/(high-low)*float64(len(ramp))), len(ramp)-1)
			}
			fill, text = ramp[k], Span(*v)
			if k >= len(ramp)/2 {
				ink = "#ffffff"
			}
		}
		if p.InTime != nil && p.Verdict == Missed {
			text += " · late"
		}
		fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3" fill="%s"/>`, x+1, y+1, wide-2, tall-2, fill)
		fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" text-anchor="middle" class="cell" fill="%s">%s</text>`, x+wide/2, y+tall/2+5, ink, html.EscapeString(text))
		if line == 0 {
			c.text(x+wide/2, c.top-7, "axis", "middle", across.Values[col])
		}
		if col == 0 {
			c.text(c.left-8, y+tall/2+5, "axis", "end", clip(down.Values[line], 20))
		}
	}
	c.text(c.left, c.h-10, "axis", "start", "across: "+across.Name)
	if down.Name != "" {
		c.text(c.w-c.right, c.h-10, "axis", "end", "down: "+down.Name)
	}
	return c.end()
}
