// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/sim/matrix"
	"github.com/ebbproject/ebb/sim/scenario"
	"github.com/ebbproject/ebb/units"
	"github.com/ebbproject/ebb/units/strict"
)

// runReport is what --json prints.
type runReport struct {
	Scenario string    `json:"scenario"`
	Version  string    `json:"version"`
	Seed     uint64    `json:"seed"`
	Seconds  float64   `json:"duration_s"`
	Flows    []runFlow `json:"flows"`
	Queue    runQueue  `json:"queue"`
	Link     runLink   `json:"link"`
	plot     string
}

type runFlow struct {
	Name      string   `json:"name"`
	Ours      bool     `json:"ours"`
	Goodput   float64  `json:"goodput_bit_s"`
	Lost      int      `json:"lost,omitempty"`
	Timeouts  int      `json:"timeouts,omitempty"`
	Transfers int      `json:"transfers,omitempty"`
	Running   int      `json:"unfinished,omitempty"`
	Median    *float64 `json:"transfer_median_s,omitempty"`
	P95       *float64 `json:"transfer_p95_s,omitempty"`
	CallP99   *float64 `json:"call_p99_ms,omitempty"`
	CallLost  int      `json:"call_lost,omitempty"`
}

type runQueue struct {
	Mean   float64 `json:"mean_ms"`
	Median float64 `json:"median_ms"`
	P95    float64 `json:"p95_ms"`
	Max    float64 `json:"max_ms"`
}

type runLink struct {
	Sent    int64 `json:"sent_packets"`
	Dropped int64 `json:"dropped_packets"`
	Marked  int64 `json:"marked_packets"`
}

func newSimRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Simulate the network and the traffic that a file describes",
		Long: `Simulate the network and the traffic that a file describes.

A scenario is YAML:

  duration: 60s
  seed: 1
  link: {rate: 50Mbit, rtt: 30ms, buffer: 4 BDP}
  ours:
    - {controller: ebb, start: 0s}
  traffic:
    - {kind: bulk, control: cubic, start: 20s, stop: 40s}

A link may also have delay, loss, jitter, aqm (pie, codel, fq-codel), ecn, wifi, lte, policer {rate, burst}, trace (a file in Mahimahi's format, or
a list of milliseconds), changes [{at, rate, delay}], repeat and blackouts [{from, for}]; reverse is the link back. Ours may have target,
flows, grouped, ecn, stop and skew_ppm. Traffic is of kind bulk, calls, pages or short, with control, flows, load, size, ecn, back.`,
		Args: exactly("the scenario file"),
	}
	asJSON := jsonFlag(cmd)
	picture := cmd.Flags().String("plot", "", "write rates, queue and windows over time to this SVG file")
	seed := cmd.Flags().Uint64("seed", 0, "in place of the file's")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := readScenario(args[0])
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("seed") {
			f.Seed = *seed
		}
		told := make(chan matrix.Story, 1)
		go func() { told <- f.Setup.Play(f.Seed, f.Duration) }()
		var story matrix.Story
		select {
		case story = <-told:
		case <-cmd.Context().Done(): // a world cannot be stopped; the process ends with it
			return cmd.Context().Err()
		}
		if *picture != "" {
			if err := os.WriteFile(*picture, chart(filepath.Base(args[0]), story.Course).Draw(), 0o644); err != nil {
				return err
			}
		}
		report := tellRun(story)
		report.Scenario, report.Version, report.Seed, report.Seconds = args[0], version(), f.Seed, f.Duration.Seconds()
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), report)
		}
		return report.print(cmd.OutOrStdout())
	}
	return cmd
}

// explain tells all that is wrong with a file, and names the nearest known key for each one that is unknown.
func explain(path string, problems strict.Problems) error {
	var b strings.Builder
	for i, p := range problems {
		if i > 0 {
			b.WriteString("\n  ")
		}
		b.WriteString(path + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, " line %d:", p.Line)
		}
		switch {
		case p.Text != "":
			b.WriteString(" " + p.Text + didYouMean(p.Key, p.Known))
		default:
			fmt.Fprintf(&b, " unknown key %q%s", p.Key, didYouMean(p.Key, p.Known))
		}
	}
	return &configError{b.String()}
}

// readScenario reads a file.
func readScenario(path string) (scenario.Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return scenario.Scenario{}, err
	}
	f, err := scenario.Parse(text, func(name string) (io.ReadCloser, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return os.Open(name)
	})
	var problems strict.Problems
	if errors.As(err, &problems) {
		return f, explain(path, problems)
	}
	return f, err
}

func tellRun(s matrix.Story) runReport {
	inMS := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	r := runReport{
		Queue: runQueue{inMS(s.Queue.Mean), inMS(s.Queue.Median), inMS(s.Queue.P95), inMS(s.Queue.Max)},
		Link:  runLink{s.Link.Sent.Packets, s.Link.Dropped.Packets, s.Link.Marked},
		plot:  s.Course.Plot(),
	}
	for _, f := range s.Flows {
		out := runFlow{
			Name: f.Name, Ours: f.Ours, Goodput: f.Goodput, Lost: f.Lost, Timeouts: f.Timeouts, Transfers: len(f.Transfers), Running: f.Running,
		}
		if n := len(f.Transfers); n > 0 {
			median, p95 := f.Transfers[n/2].Seconds(), f.Transfers[min(n*95/100, n-1)].Seconds()
			out.Median, out.P95 = &median, &p95
		}
		if f.Delays.Sent > 0 {
			p99 := inMS(f.Delays.P99)
			out.CallP99, out.CallLost = &p99, f.Delays.Lost
		}
		r.Flows = append(r.Flows, out)
	}
	return r
}

func (r runReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "FLOW\tGOODPUT\tMORE")
	for _, f := range r.Flows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, units.Bitrate(f.Goodput), f.more())
	}
	fmt.Fprintf(w, "queue\t\tmean %.1f ms, median %.1f, p95 %.1f, max %.1f\n", r.Queue.Mean, r.Queue.Median, r.Queue.P95, r.Queue.Max)
	fmt.Fprintf(w, "link\t\t%d packets, %d dropped, %d marked\n", r.Link.Sent, r.Link.Dropped, r.Link.Marked)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s", r.plot)
	return err
}

func (f runFlow) more() string {
	switch {
	case f.Ours:
		return fmt.Sprintf("%d datagrams lost, %d timeouts", f.Lost, f.Timeouts)
	case f.Median != nil:
		return fmt.Sprintf("%d transfers, median %.3f s, p95 %.3f s, %d unfinished", f.Transfers, *f.Median, *f.P95, f.Running)
	case f.Running > 0:
		return fmt.Sprintf("%d unfinished", f.Running)
	case f.CallP99 != nil:
		return fmt.Sprintf("delay p99 %.1f ms, %d packets lost", *f.CallP99, f.CallLost)
	}
	return ""
}
