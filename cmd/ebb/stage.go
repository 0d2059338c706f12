// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
)

// plan reads what is to be observed when something is fetched ahead of need.
func (f *getFlags) plan(g *api.Get) error {
	g.Stage, g.Window = f.stage, f.window
	switch {
	case !f.stage && f.by != "":
		return usagef("--by goes with --stage")
	case !f.stage && f.window != "":
		return usagef("--window goes with --stage")
	case f.stage && f.out != "":
		return usagef("--stage keeps it in the cache; to write it out, get it again with -o when it is needed")
	case f.stage && f.timeout > 0:
		return usagef("--stage does not wait, so --timeout has no use with it")
	}
	by, err := deadline(f.by, f.window)
	g.By = by
	return err
}

// tellStaged says what the agent will do, and how to look after it.
func (f *getFlags) tellStaged(cmd *cobra.Command, flow api.Flow) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), flow)
	}
	s := fmt.Sprintf("flow %s fetches %s", flow.ID, flow.Ref)
	if flow.Window != "" {
		s += " in " + flow.Window
	}
	if !flow.By.IsZero() {
		s += ", by " + flow.By.UTC().Format(time.RFC3339)
	}
	fmt.Fprintln(cmd.OutOrStdout(), s)
	fmt.Fprintf(cmd.ErrOrStderr(), "see: ebb flow show %s --state %s\nundo: ebb flow cancel %s --state %s\n", flow.ID, f.state, flow.ID, f.state)
	return nil
}

// tellPlan prints what a flow observes, and whether it will be in time.
func tellPlan(w io.Writer, f api.Flow) {
	if f.Window != "" {
		fmt.Fprintf(w, "  fetched in %s", f.Window)
		if !f.Opens.IsZero() {
			fmt.Fprintf(w, ", from %s on", f.Opens.Format(time.RFC3339))
		}
		fmt.Fprintln(w)
	}
	if !f.By.IsZero() {
		fmt.Fprintf(w, "  to be here by %s\n", f.By.UTC().Format(time.RFC3339))
	}
	if f.Risk != "" {
		fmt.Fprintf(w, "  late: %s\n", f.Risk)
	}
}
