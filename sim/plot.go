// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"strings"
	"time"
)

const (
	plotColumns = 76
	plotRows    = 8
)

// A Series is a line of a plot: its values, one every SampleEvery, and the mark it is drawn with.
type Series struct {
	Mark   byte
	Values []float64
}

// Plot draws series over time as text. A column is the mean of its values; a row holds what is from its label up to the
// next, the top row all that is more. A later series covers an earlier one.
func Plot(title string, top float64, series ...Series) string {
	var grid [plotRows][plotColumns]byte
	for r := range grid {
		for c := range grid[r] {
			grid[r][c] = ' '
		}
	}
	samples := 0
	for _, s := range series {
		samples = max(samples, len(s.Values))
		for c := range plotColumns {
			from, to := c*len(s.Values)/plotColumns, (c+1)*len(s.Values)/plotColumns
			if from == to {
				continue
			}
			row := int(mean(s.Values[from:to]) / top * plotRows)
			grid[plotRows-1-min(max(row, 0), plotRows-1)][c] = s.Mark
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", title)
	for r, line := range grid {
		from := top * float64(plotRows-1-r) / plotRows
		fmt.Fprintf(&b, "%7.4g |%s\n", from, strings.TrimRight(string(line[:]), " "))
	}
	end := time.Duration(samples) * SampleEvery
	fmt.Fprintf(&b, "        +%s\n", strings.Repeat("-", plotColumns))
	fmt.Fprintf(&b, "         0%*s\n", plotColumns-1, end.Round(time.Second))
	return b.String()
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
