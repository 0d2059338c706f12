// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/sim/matrix"
)

// matrixReport is what --json prints.
type matrixReport struct {
	Seeds   int          `json:"seeds"`
	Short   bool         `json:"short"`
	Version string       `json:"version"`
	Rows    []matrix.Row `json:"rows"`
	// How many rows of each controller have a target, and meet it.
	Summary []matrixSummary `json:"summary"`
}

type matrixSummary struct {
	Controller string `json:"controller"`
	Targets    int    `json:"targets"`
	Met        int    `json:"met"`
}

func newSimMatrix() *cobra.Command {
	var o matrix.Options
	var workers int
	var controller string
	cmd := &cobra.Command{
		Use:   "matrix",
		Short: "How well a controller gives way, and uses what nobody wants, on 23 kinds of network",
		Args:  exactly(),
	}
	asJSON := jsonFlag(cmd)
	fl := cmd.Flags()
	fl.IntVar(&o.Row, "row", 0, fmt.Sprintf("only this row, 1 to %d; 0: all", matrix.Rows))
	fl.StringVar(&controller, "controller", "ebb", "all, or one of "+strings.Join(ledbat.Names(), ", "))
	fl.IntVar(&o.Seeds, "seeds", 5, "how many seeds; medians are shown")
	fl.BoolVar(&o.Short, "short", false, "a few scenarios, and shorter, with one seed if --seeds is not given")
	filed := fl.String("summary", "", "run nothing, and print this file, which --json has made, as a short table in Markdown")
	plots := fl.String("plot", "", "write an SVG of every run to this directory: rates, queue and window over time")
	fl.IntVar(&workers, "workers", cores(), "how many scenarios run at a time; the result is the same")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *filed != "" {
			return summarizeMatrix(cmd.OutOrStdout(), *filed)
		}
		if o.Short && !fl.Changed("seeds") {
			o.Seeds = 1
		}
		if workers < 1 {
			return usagef("--workers %d; give at least 1", workers)
		}
		if o.Controllers = []string{controller}; controller == "all" {
			o.Controllers = ledbat.Names()
		}
		jobs, err := matrix.Jobs(o)
		if err != nil {
			return matrixUsage(err)
		}
		if *plots != "" {
			if err := os.MkdirAll(*plots, 0o755); err != nil {
				return err
			}
		}
		results := make([]matrix.Result, len(jobs))
		err = inParallel(cmd.Context(), workers, len(jobs), func(i int) error {
			jobs[i].Courses = *plots != ""
			r := matrix.Run(jobs[i])
			err := writeCharts(*plots, r)
			r.Kept = nil // so that only those at work need memory
			results[i] = r
			return err
		}, counter(cmd.ErrOrStderr(), "runs", len(jobs)))
		if err != nil {
			return err
		}
		rows := matrix.Reduce(results)
		report := matrixReport{Seeds: o.Seeds, Short: o.Short, Version: version(), Rows: rows, Summary: summarize(rows)}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), report)
		}
		return report.print(cmd.OutOrStdout())
	}
	return cmd
}

// matrixUsage says what is wrong with the options in the words of the command line.
func matrixUsage(err error) error {
	text := strings.ReplaceAll(err.Error(), matrix.ErrOptions.Error()+": ", "")
	if strings.Contains(text, "controller") {
		text += ", or all"
	}
	return usagef("%s", strings.ReplaceAll(text, "\n", "; "))
}

func summarize(rows []matrix.Row) []matrixSummary {
	var all []matrixSummary
	for _, r := range rows {
		i := slices.IndexFunc(all, func(s matrixSummary) bool { return s.Controller == r.Controller })
		if i < 0 {
			i, all = len(all), append(all, matrixSummary{Controller: r.Controller})
		}
		if r.Met != nil {
			all[i].Targets++
			if *r.Met {
				all[i].Met++
			}
		}
	}
	return all
}

// print shows the report as a table for people.
func (m matrixReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ROW\tSCENARIO\tAGAINST\tCONTROLLER\tPTR\tU\tQ95\tT_R\tALSO\tTARGET\tMET")
	for _, r := range m.Rows {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Row, r.Scenario, r.Against, r.Controller,
			figure(r.PTR, 100, "%.1f %%"), figure(r.U, 100, "%.1f %%"), figure(r.Q95, 1, "%.1f ms"), figure(r.TR, 1, "%.2f s"),
			also(r), r.Target, metText(r))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range m.Summary {
		fmt.Fprintf(out, "%s: %d of %d targets met\n", s.Controller, s.Met, s.Targets)
	}
	return nil
}

func figure(v *float64, times float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v*times)
}

// also are the figures that have no column: those that the target asks for first.
func also(r matrix.Row) string {
	var names []string
	for name := range r.Extra {
		if !strings.HasSuffix(name, "_worst") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.4g", name, r.Extra[name])
	}
	return strings.Join(names, ", ")
}

// metText names what is not met.
func metText(r matrix.Row) string {
	if r.Met == nil {
		return "-"
	}
	if *r.Met {
		return "yes"
	}
	bounds, met := r.Bounds()
	var not []string
	for i, b := range bounds {
		if !met[i] {
			not = append(not, b.Figure)
		}
	}
	return "no: " + strings.Join(not, ", ")
}
