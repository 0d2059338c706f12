// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // zones of a plan are known where the system has none

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/planfile"
	"github.com/ebbproject/ebb/sim/plan/report"
	"github.com/ebbproject/ebb/units"
	"github.com/ebbproject/ebb/units/strict"
)

const planLong = `A plan is a file of locations, hosts, contents and orders; examples/plan has some, and reference.yaml there everything that one can say. The answer
begins with when 95 % of the locations are complete, with the interval over seeds; then whether the deadline is met and what would make it, what crosses the WAN, what
others feel of it, who is late and why. It is the same for any number of workers. Ctrl-C ends it with a report of what was played.

--fidelity flow plays bytes as a fluid, with the controllers' behaviour from a table that is measured at packet level; packet plays every datagram, for a few
locations; auto is packet where that is a matter of seconds, and otherwise flow, with its error measured in some locations.`

// planFlags are those of plan and sweep.
type planFlags struct {
	fidelity, csv, page string
	seeds, workers      int
	json                *bool
}

func (f *planFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.fidelity, "fidelity", "auto", "auto, flow or packet")
	fl.IntVar(&f.seeds, "seeds", 0, "how many seeds, in place of the file's")
	fl.StringVar(&f.csv, "csv", "", "write tables into this directory")
	fl.StringVar(&f.page, "report", "", "write a page with plots to this file; it asks no host for anything")
	fl.IntVar(&f.workers, "workers", cores(), "how many workers play at a time; the result is the same")
	f.json = jsonFlag(cmd)
}

func newSimPlan() *cobra.Command {
	cmd := &cobra.Command{Use: "plan FILE", Short: "When a fleet has its contents, and what others feel of it", Long: planLong, Args: exactly("the plan's file")}
	var f planFlags
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], false) }
	return cmd
}

func newSimSweep() *cobra.Command {
	cmd := &cobra.Command{Use: "sweep FILE", Short: "The same for every combination of the values that the plan's sweep names", Long: planLong, Args: exactly("the plan's file")}
	var f planFlags
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], true) }
	return cmd
}

// readPlan reads a file, and tells all that is wrong with it.
func readPlan(path string) (*planfile.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := planfile.Parse(text, planfile.Sources{
		Open: func(name string) (io.ReadCloser, error) {
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(path), name)
			}
			return os.Open(name)
		},
		Zone: time.LoadLocation,
	})
	var problems strict.Problems
	if errors.As(err, &problems) {
		return nil, explain(path, problems)
	}
	return f, err
}

func (f *planFlags) run(cmd *cobra.Command, path string, sweep bool) error {
	if f.workers < 1 || f.seeds < 0 {
		return usagef("--workers %d --seeds %d; give at least 1 of each", f.workers, f.seeds)
	}
	if f.fidelity != "auto" && f.fidelity != "flow" && f.fidelity != "packet" {
		return usagef("--fidelity %q; give auto, flow or packet", f.fidelity)
	}
	file, err := readPlan(path)
	if err != nil {
		return err
	}
	for _, n := range file.Notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s: line %d: %s\n", path, n.Line, n.Text)
	}
	s := file.Scenario
	points := planfile.Points(s.Sweep)
	if sweep && points == nil {
		return &configError{fmt.Sprintf("%s: it has no sweep; give keys and values, as sweep: {locations.shops.link.down: [10Mbit, 20Mbit]}", path)}
	}
	if f.seeds > 0 {
		s.Seeds = nil
		for i := range f.seeds {
			s.Seeds = append(s.Seeds, uint64(i+1))
		}
	}
	p, err := newPlayer(f, &s, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	r, err := p.answer(cmd, file, points, sweep)
	if err != nil {
		return err
	}
	r.Made.Version, r.Made.Scenario = version(), file.Hash
	if err := f.write(cmd, r); err != nil {
		return err
	}
	if cmd.Context().Err() != nil {
		return &hintedError{"interrupted; the report is of what was played until then", "", exitIncomplete, context.Canceled}
	}
	return nil
}

// answer plays a plan, what may help it, and its sweep. What is not played when the user has enough is not in the report.
func (p *player) answer(cmd *cobra.Command, file *planfile.File, points [][]planfile.Setting, sweep bool) (*report.Report, error) {
	ctx := cmd.Context()
	base := p.jobs(p.scenario)
	var swept [][]*job
	if sweep {
		for _, settings := range points {
			s, err := file.With(settings...)
			if err != nil { // each value alone is good, and together they are not
				return nil, &configError{fmt.Sprintf("the combination %v: %v", settings, err)}
			}
			s.Seeds = p.scenario.Seeds
			swept = append(swept, p.jobs(&s))
		}
	}
	p.bar = newBar(cmd.ErrOrStderr())
	folder := report.NewFolder(p.scenario)
	if err := p.play(ctx, base); err != nil {
		return nil, err
	}
	made := p.made()
	made.Part = fold(folder, base, true)
	if folder.Replicas() == 0 {
		return nil, &hintedError{"interrupted before anything was played", "", exitIncomplete, context.Canceled}
	}
	r := folder.Report(made)
	for _, x := range folder.Remedies(r) {
		list := p.jobs(&x.Scenario)
		if err := p.play(ctx, list); err != nil {
			return nil, err
		}
		var outcomes []plan.Outcome
		for _, j := range list {
			if j.whole {
				outcomes = append(outcomes, j.outcome)
			}
		}
		if len(outcomes) == len(list) {
			r.Played(x, outcomes)
		}
	}
	if sweep {
		r.Sweep = &report.Sweep{Order: r.Orders[0].Content, Points: []report.SweepPoint{}}
		for _, a := range p.scenario.Sweep {
			r.Sweep.Axes = append(r.Sweep.Axes, report.SweepAxis{Name: a.Name, Values: a.Values})
		}
	}
	for i, list := range swept {
		if err := p.play(ctx, list); err != nil {
			return nil, err
		}
		f := report.NewFolder(list[0].scenario)
		fold(f, list, false)
		if f.Replicas() == 0 {
			break
		}
		var values []string
		for _, s := range points[i] {
			values = append(values, s.Value)
		}
		r.Sweep.Points = append(r.Sweep.Points, f.Swept(values))
	}
	if err := p.measure(ctx, r, base); err != nil {
		return nil, err
	}
	p.bar.end()
	return r, nil
}

// fold adds what was played; where nothing was to its end, one seed as far as it was, if that is wanted, and reports that.
func fold(f *report.Folder, list []*job, part bool) (only bool) {
	for _, j := range list {
		if j.whole {
			f.Add(j.outcome)
		}
	}
	for _, j := range list {
		if part && f.Replicas() == 0 && len(j.outcome.Places) > 0 {
			f.Add(j.outcome)
			only = true
		}
	}
	return only
}

// write prints a report, and writes it into the files that are asked for.
func (f *planFlags) write(cmd *cobra.Command, r *report.Report) error {
	if f.csv != "" {
		if err := os.MkdirAll(f.csv, 0o755); err != nil {
			return err
		}
		for _, t := range r.CSV() {
			if err := os.WriteFile(filepath.Join(f.csv, t.Name), t.Text, 0o644); err != nil {
				return err
			}
		}
	}
	if f.page != "" {
		if err := os.WriteFile(f.page, r.Page(), 0o644); err != nil {
			return err
		}
	}
	if *f.json {
		return printJSON(cmd.OutOrStdout(), r)
	}
	return r.Text(cmd.OutOrStdout())
}

func newSimCheck() *cobra.Command {
	cmd := &cobra.Command{Use: "check FILE", Short: "What is wrong with a plan, all at once, and what it takes to play it", Args: exactly("the plan's file")}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := readPlan(args[0])
		if err != nil {
			return err
		}
		s, need := f.Scenario, planfile.NeedOf(f.Scenario)
		if *asJSON {
			notes := []map[string]any{}
			for _, n := range f.Notes {
				notes = append(notes, map[string]any{"line": n.Line, "text": n.Text})
			}
			return printJSON(cmd.OutOrStdout(), map[string]any{"scenario_hash": f.Hash, "locations": need.Locations, "hosts": need.Hosts, "contents": len(s.Contents), "orders": len(s.Orders),
				"seeds": len(s.Seeds), "sweep_points": len(planfile.Points(s.Sweep)), "cpu_seconds_a_seed": need.CPU.Seconds(), "memory_bytes": need.Memory, "notes": notes})
		}
		out := cmd.OutOrStdout()
		for _, n := range f.Notes {
			fmt.Fprintf(out, "note: %s: line %d: %s\n", args[0], n.Line, n.Text)
		}
		_, err = fmt.Fprintf(out, "%s: %s locations with about %s hosts; contents: %d, orders: %d, events: %d, seeds: %d, points of the sweep: %d\n"+
			"playing it takes about %s of CPU for each seed, and %s of memory\n",
			args[0], report.Count(need.Locations), report.Count(need.Hosts), len(s.Contents), len(s.Orders), len(s.Events), len(s.Seeds), len(planfile.Points(s.Sweep)),
			brief(need.CPU), units.IEC(int64(need.Memory)))
		return err
	}
	return cmd
}

func newSimSchema() *cobra.Command {
	return &cobra.Command{Use: "schema", Short: "Print the JSON schema of plans, for editors", Args: exactly(), RunE: func(cmd *cobra.Command, _ []string) error {
		_, err := cmd.OutOrStdout().Write(planfile.Schema)
		return err
	}}
}
