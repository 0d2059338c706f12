// SPDX-License-Identifier: Apache-2.0

package svg

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func wave(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i % 100)
	}
	return v
}

// A picture is well-formed whatever its titles and values are, and no line leaves its panel.
func TestDraw(t *testing.T) {
	for name, c := range map[string]Chart{
		"nothing": {}, "no values": {Panels: []Panel{{Title: "x", Lines: []Line{{Name: "y"}}}}},
		"few":   {Title: `a < b & "c"`, Step: time.Second, Panels: []Panel{{Title: "1", Lines: []Line{{"a", []float64{1, 2, 3}}}}}},
		"many":  {Step: 10 * time.Millisecond, Panels: []Panel{{"1", []Line{{"a", wave(100_000)}, {"shorter", wave(500)}}}, {"2", nil}}},
		"wrong": {Step: time.Second, Panels: []Panel{{"1", []Line{{"a", []float64{math.Inf(1), -5, 3, 1e300}}}}}},
	} {
		out := c.Draw()
		dec := xml.NewDecoder(bytes.NewReader(out))
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, out)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
				for _, a := range e.Attr {
					if a.Name.Local == "points" && strings.Count(a.Value, ",") > plot {
						t.Errorf("%s: %d points", name, strings.Count(a.Value, ","))
					}
				}
			}
		}
		if strings.Contains(string(out), "NaN") {
			t.Errorf("%s: NaN in the picture", name)
		}
	}
}

func TestAxesAreRound(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.7: 1, 1: 1, 3.2: 4, 4.5: 5, 47: 50, 51: 100, 0.03: 0.04, -1: 1} {
		if got := nice(v); math.Abs(got-want) > 1e-12 {
			t.Errorf("%g: the axis ends at %g, want %g", v, got, want)
		}
	}
}
