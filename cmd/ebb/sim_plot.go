// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/matrix"
	"github.com/ebbproject/ebb/sim/svg"
)

// chart is the picture of a course.
func chart(title string, c matrix.Course) svg.Chart {
	out := svg.Chart{Title: title, Step: sim.SampleEvery}
	var rates []svg.Line
	if c.Ours != nil {
		rates = append(rates, svg.Line{Name: "ours", Values: c.Ours})
	}
	if c.Others != nil {
		rates = append(rates, svg.Line{Name: "others", Values: c.Others})
	}
	out.Panels = append(out.Panels, svg.Panel{Title: "goodput, Mbit/s", Lines: rates},
		svg.Panel{Title: "queue, ms", Lines: []svg.Line{{Values: c.Queue}}})
	if c.Windows != nil {
		out.Panels = append(out.Panels, svg.Panel{Title: "our window, kB", Lines: []svg.Line{{Values: c.Windows}}})
	}
	return out
}

// writeCharts writes a picture of each world of a result.
func writeCharts(dir string, r matrix.Result) error {
	for _, c := range r.Kept {
		name := fmt.Sprintf("row%02d-%s-%s-%s-seed%d-%s.svg", r.Scenario.Row, plain(r.Scenario.Name), plain(r.Scenario.Against), r.Controller, r.Seed, c.World)
		if err := os.WriteFile(filepath.Join(dir, name), chart(fmt.Sprintf("%v: %s", r.Job, c.World), c).Draw(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plain makes of a text a part of a file's name.
func plain(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '+':
			return c
		}
		return '-'
	}, text)
	for strings.Contains(text, "--") {
		text = strings.ReplaceAll(text, "--", "-")
	}
	return strings.Trim(text, "-")
}
