// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
	"github.com/ebbproject/ebb/link"
)

// runAll runs jobs on as many goroutines as workers, as a command does.
func runAll(jobs []Job, workers int) []Row {
	results := make([]Result, len(jobs))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(jobs); i += workers {
				results[len(jobs)-1-i] = Run(jobs[i]) // Reduce does not care for the order
			}
		})
	}
	wg.Wait()
	return Reduce(results)
}

// text is a row in one line.
func (r Row) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%2d %s | %s | %s:", r.Row, r.Scenario, r.Against, r.Controller)
	names := []string{"ptr", "u", "q95_ms", "t_r_s"}
	var more []string
	for name := range r.Extra {
		more = append(more, name)
	}
	slices.Sort(more)
	for _, name := range append(names, more...) {
		if v, ok := r.Figure(name); ok {
			fmt.Fprintf(&b, " %s %.4g", name, v)
		}
	}
	if r.Met != nil {
		fmt.Fprintf(&b, " | %s: %t", r.Target, *r.Met)
	}
	return b.String()
}

// The same seeds give the same rows, whatever the number of workers; and a change of what the short edition measures shows as a diff.
func TestShortEditionIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	jobs, err := Jobs(Options{Edition: Edition{Short: true}, Seeds: 1})
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for _, workers := range []int{1, 2, 8} {
		var lines []string
		for _, r := range runAll(jobs, workers) {
			lines = append(lines, r.text())
		}
		got := strings.Join(lines, "\n") + "\n"
		if first == "" {
			first = got
			golden.Check(t, filepath.Join("testdata", "short.txt"), got)
		}
		if got != first {
			t.Errorf("with %d workers:\n%s", workers, got)
		}
	}
}

// How the controller that ships goes is drawn, so that a change of it is a picture in a diff.
func TestPlots(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	drawn := map[string]bool{}
	draw := func(e Edition, row int, name, against, world string) {
		t.Helper()
		for _, s := range e.Scenarios() {
			if s.Row != row || name != "" && s.Name != name || s.Against != against {
				continue
			}
			r := Run(Job{Scenario: &s, Controller: "ebb", Seed: 1, Courses: true})
			for _, c := range r.Kept {
				if c.World == world {
					file := fmt.Sprintf("row-%02d-%s.txt", row, strings.NewReplacer(" ", "-", ",", "", ".", "").Replace(against))
					drawn[file] = true
					golden.Check(t, filepath.Join("testdata", file), fmt.Sprintf("%v: %s\n%s\n\n%s", r.Job, world, Reduce([]Result{r})[0].text(), c.Plot()))
				}
			}
			return
		}
		t.Errorf("there is no scenario of row %d, %s, against %s", row, name, against)
	}
	short := Edition{Short: true}
	for _, control := range []string{"cubic", "bbr", "copa"} {
		draw(short, 1, "", control, "beside")
		draw(short, 2, "", control, "beside")
	}
	draw(Edition{}, 6, "", "cubic", "beside")
	draw(short, 15, "jitter 2 ms", "alone", "alone")
	draw(short, 17, "512 kbit/s", "cubic", "beside")
	draw(short, 17, "512 kbit/s", "call", "beside")
	draw(Edition{}, 19, "", "alone", "alone")
	draw(short, 21, "", "short, load .3", "beside")
	if len(drawn) != 12 {
		t.Errorf("%d files drawn", len(drawn))
	}
}

// Every row is there, its names tell its scenarios apart, its networks can be built, and what its target asks for is measured.
func TestTable(t *testing.T) {
	for _, e := range []Edition{{}, {Short: true}} {
		rows := map[int]int{}
		names := map[string]bool{}
		for _, s := range e.Scenarios() {
			rows[s.Row]++
			name := fmt.Sprintf("%d %s %s", s.Row, s.Name, s.Against)
			if names[name] {
				t.Errorf("there are two of %s", name)
			}
			names[name] = true
			measured := []string{}
			if s.Beside != (Span{}) {
				measured = append(measured, "ptr")
			}
			if s.Leaves > 0 {
				measured = append(measured, "t_r_s")
			}
			if s.Alone != (Span{}) {
				measured = append(measured, "u", "q95_ms")
			}
			for _, f := range s.Asks {
				measured = append(measured, f.Name)
			}
			for _, b := range s.Target {
				if !slices.Contains(measured, b.Figure) {
					t.Errorf("%s: the target asks for %s, which is not measured", name, b.Figure)
				}
			}
			if len(s.Target) == 0 && s.Row != 4 {
				t.Errorf("%s has no target", name)
			}
			for _, c := range []link.Config{s.Forward, s.Reverse} {
				c.Schedule = s.schedule(1, time.Minute)
				if err := c.Validate(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		for row := 1; row <= Rows && !e.Short; row++ {
			if rows[row] == 0 {
				t.Errorf("row %d has no scenario", row)
			}
		}
		if !e.Short && (rows[3] != 21 || rows[4] != 180 || rows[11] != 12 || rows[12] != 6 || rows[18] != 8) {
			t.Errorf("scenarios by row: %v", rows)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Row: 24, Seeds: 1}, "there is no row 24; give 1 to 23"},
		{Options{Row: -1, Seeds: 1}, "there is no row -1"},
		{Options{Seeds: 0}, "0 seeds; give 1 to 1000"},
		{Options{Seeds: -3}, "-3 seeds"},
		{Options{Seeds: 1, Controllers: []string{"ebb", "vegas"}}, `no controller "vegas"; have rfc6817, ledbatpp, ebb`},
		{Options{Seeds: 1, Row: 3, Edition: Edition{Short: true}}, "row 3 has no scenario in the short edition; rows 1, 2,"},
	} {
		jobs, err := Jobs(c.o)
		if !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), c.want) || jobs != nil {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	_, err := Jobs(Options{Row: 99, Seeds: -1, Controllers: []string{"x"}})
	if n := strings.Count(err.Error(), "\n"); n != 2 {
		t.Errorf("all three are to be named: %v", err)
	}
}

func value(p *float64) float64 {
	if p == nil {
		return math.NaN()
	}
	return *p
}

// A row has medians, the worst by the sense of its bound, and is met if the medians are within all bounds.
func TestReduce(t *testing.T) {
	s := &Scenario{Row: 1, Name: "x", Against: "cubic", Target: []Bound{atLeast("ptr", 0.9), atMost("t_r_s", 1), atMost("lag", 3)}}
	other := &Scenario{Row: 2, Name: "y", Against: "alone", Target: []Bound{atLeast("u", 0.5), atLeast("never", 1)}}
	result := func(s *Scenario, n int, seed uint64, figures map[string]float64) Result {
		return Result{Job: Job{Scenario: s, Controller: "ebb", Seed: seed, number: n}, Figures: figures}
	}
	rows := Reduce([]Result{
		result(other, 1, 1, map[string]float64{"u": 0.7}),
		result(s, 0, 3, map[string]float64{"ptr": 0.8, "t_r_s": 0.5, "lag": 1}),
		result(s, 0, 1, map[string]float64{"ptr": 0.95, "t_r_s": 9, "lag": 2}),
		result(s, 0, 2, map[string]float64{"ptr": 0.92, "t_r_s": 0.4, "lag": 4}),
	})
	if len(rows) != 2 {
		t.Fatal(rows)
	}
	a, b := rows[0], rows[1]
	if value(a.PTR) != 0.92 || value(a.TR) != 0.5 || a.U != nil || a.Q95 != nil || a.Extra["lag"] != 2 {
		t.Errorf("medians: %s", a.text())
	}
	if a.Extra["ptr_worst"] != 0.8 || a.Extra["t_r_s_worst"] != 9 || a.Extra["lag_worst"] != 4 {
		t.Errorf("worst: %s", a.text())
	}
	if a.Met == nil || !*a.Met || a.Target != "ptr >= 90 %, t_r_s <= 1, lag <= 3" {
		t.Errorf("target: %s", a.text())
	}
	if b.Met == nil || *b.Met || len(b.Extra) != 0 {
		t.Errorf("what is not measured is not met: %s", b.text())
	}
}

// Row 4 is judged by quantiles of its scenarios.
func TestGridIsJudgedAsAWhole(t *testing.T) {
	var results []Result
	for i := range 20 {
		s := &Scenario{Row: 4, Name: fmt.Sprint(i), Against: "cubic"}
		results = append(results, Result{
			Job:     Job{Scenario: s, Controller: "ebb", Seed: 1, number: i},
			Figures: map[string]float64{"ptr": 0.9 + float64(i)*0.005},
		})
	}
	rows := Reduce(results)
	all := rows[len(rows)-1]
	if len(rows) != 21 || rows[0].Met != nil || all.Scenario != "all 20" || all.Met == nil || *all.Met {
		t.Errorf("%d rows, the last %s", len(rows), all.text())
	}
	if p := all.Extra["ptr_p10"]; math.Abs(p-0.91) > 1e-9 || math.Abs(value(all.PTR)-0.9475) > 1e-9 {
		t.Errorf("quantiles: %s", all.text())
	}
}
