// SPDX-License-Identifier: Apache-2.0

// Package svg draws how something went over time, as an SVG picture.
//
// A Chart has panels below one another, with one time axis. A Panel has lines over one axis of values that begins at 0.
// What has more values than the picture has pixels is shown as means; a single value that stands out does not show.
//
// It is written by hand rather than with gonum.org/v1/plot, which would bring fonts, rasterizers and nine modules into the binary for
// polylines and a few labels, and whose text would make pictures of the same run differ between versions.
package svg

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"time"
)

// A Chart is a picture. Values are one every Step.
type Chart struct {
	Title  string
	Step   time.Duration
	Panels []Panel
}

// A Panel has lines over one axis.
type Panel struct {
	Title string
	Lines []Line
}

// A Line is the course of one value.
type Line struct {
	Name   string
	Values []float64
}

const (
	width, left, right   = 960, 60, 20
	height, gap, heading = 150, 45, 50 // of a panel, below it, above all
	plot                 = width - left - right
)

var colours = []string{"#d95f02", "#1b6ca8", "#3a923a", "#7b5ea7"}

// Draw is the picture.
func (c Chart) Draw() []byte {
	var b bytes.Buffer
	total := heading + len(c.Panels)*(height+gap)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `, width, total, width, total)
	fmt.Fprintln(&b, `font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>`)
	text(&b, left, 24, `font-size="15"`, c.Title)
	samples := 0
	for _, p := range c.Panels {
		for _, l := range p.Lines {
			samples = max(samples, len(l.Values))
		}
	}
	for i, p := range c.Panels {
		p.draw(&b, heading+i*(height+gap), samples, time.Duration(samples)*c.Step)
	}
	fmt.Fprintln(&b, "</svg>")
	return b.Bytes()
}

func (p Panel) draw(b *bytes.Buffer, y, samples int, length time.Duration) {
	text(b, left, y-6, "", p.Title)
	top := p.top(samples)
	for i := range 5 {
		at := y + height - i*height/4
		fmt.Fprintf(b, `<path d="M%d %dh%d" stroke="#ddd"/>`+"\n", left, at, plot)
		text(b, left-6, at+4, `text-anchor="end" fill="#666"`, number(top*float64(i)/4))
	}
	tick := nice(length.Seconds() / 8)
	for t := 0.0; length > 0 && t <= length.Seconds(); t += tick {
		text(b, left+int(t/length.Seconds()*plot), y+height+16, `text-anchor="middle" fill="#666"`, number(t)+" s")
	}
	for i, l := range p.Lines {
		colour := colours[i%len(colours)]
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="1.2" points="`, colour)
		v := l.reduced(samples)
		for x, value := range v {
			share := math.Min(math.Max(value/top, 0), 1)
			fmt.Fprintf(b, "%.1f,%.1f ", left+float64(x)*plot/float64(max(1, columns(samples))), float64(y+height)-share*height)
		}
		fmt.Fprintln(b, `"/>`)
		text(b, width-right-110*(len(p.Lines)-i)+20, y-6, fmt.Sprintf(`fill="%s"`, colour), l.Name)
	}
}

func columns(samples int) int { return min(samples, plot) }

// reduced is the line with a value a column.
func (l Line) reduced(samples int) []float64 {
	n := columns(samples)
	var out []float64
	for x := range n {
		from, to := x*samples/n, min((x+1)*samples/n, len(l.Values))
		if from >= to {
			break
		}
		sum := 0.0
		for _, v := range l.Values[from:to] {
			sum += v
		}
		out = append(out, sum/float64(to-from))
	}
	return out
}

// top is where the axis ends.
func (p Panel) top(samples int) float64 {
	most := 0.0
	for _, l := range p.Lines {
		for _, v := range l.reduced(samples) {
			most = math.Max(most, v)
		}
	}
	return nice(most)
}

// nice is the next number of 1, 2, 4 or 5 and noughts.
func nice(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	unit := 1.0
	for unit > v {
		unit /= 10
	}
	for unit*10 < v {
		unit *= 10
	}
	for _, by := range []float64{1, 2, 4, 5} {
		if v <= unit*by {
			return unit * by
		}
	}
	return unit * 10
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func text(b *bytes.Buffer, x, y int, attributes, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" %s>`, x, y, attributes)
	if err := xml.EscapeText(b, []byte(s)); err != nil {
		panic(err) // a buffer takes everything
	}
	fmt.Fprintln(b, "</text>")
}
