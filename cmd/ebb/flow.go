// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/units"
)

func newFlow() *cobra.Command {
	cmd := group("flow", "See and steer flows")
	cmd.AddCommand(newFlowLs(), newFlowShow(), newFlowSteer("pause", "Stop a flow until it is resumed; it survives a restart", "resume"),
		newFlowSteer("resume", "Let a paused flow go on", "pause"), newFlowSteer("cancel", "End a flow; what was fetched stays in the cache", ""),
		newFlowPrioritize(), newFlowStop(), newFlowUndo(), newFlowOrders())
	return cmd
}

func newFlowLs() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "List running and finished flows", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		flows, err := client.New(*state).Flows(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"flows": flows})
		}
		return flowTable(cmd.OutOrStdout(), flows)
	}
	return cmd
}

func flowTable(out io.Writer, flows []api.Flow) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "FLOW\tCONTENT\tTYPE\tSTATE\tVERIFIED\tSIZE\tRATE\tLAN\tWAN\tORIGIN\tREASON")
	for _, f := range flows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.ID, f.Ref, f.Type, f.State, units.IEC(f.Verified), units.IEC(f.Size),
			units.Bitrate(f.Rate), units.IEC(f.From.LAN), units.IEC(f.From.WAN), units.IEC(f.From.Origin), f.Reason)
	}
	return w.Flush()
}

func newFlowShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show FLOW", Short: "Show one flow", Args: exactly("the flow, as ebb flow ls names it")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := client.New(*state).Flow(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), f)
		}
		if err := flowTable(cmd.OutOrStdout(), []api.Flow{f}); err != nil {
			return err
		}
		tellPlan(cmd.OutOrStdout(), f)
		for _, b := range f.Budget {
			fmt.Fprintf(cmd.OutOrStdout(), "  %s: this host may use %s of the %s that its location has\n", b.Direction, units.Bitrate(b.Lease), units.Bitrate(b.Budget))
		}
		for _, s := range f.Sources {
			fmt.Fprintf(cmd.OutOrStdout(), "  from %s (%s): %s\n", s.Peer, s.Class, units.IEC(s.Bytes))
		}
		return nil
	}
	return cmd
}

// newFlowSteer is pause, resume and cancel: of one flow of this host by its name, or on the hub's machine of all that a
// selector picks. Each says what it touched and how to undo it.
func newFlowSteer(verb, short, undo string) *cobra.Command {
	var f steerFlags
	cmd := &cobra.Command{Use: verb + " FLOW | SELECTOR", Short: short}
	f.register(cmd)
	if verb == string(desired.DoPause) {
		f.until(cmd)
	}
	state, asJSON := f.state, f.json
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if f.selectorsGiven() {
			return exactly()(cmd, args)
		}
		return exactly("the flow, as ebb flow ls names it, or a selector such as --location berlin,")(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.selectorsGiven() {
			c, err := f.command(desired.Verb(verb))
			if err != nil {
				return err
			}
			return f.order(cmd, c)
		}
		if f.dry || f.duration != 0 {
			return usagef("--dry-run and --for go with a selector, on the hub's machine")
		}
		var f api.Flow
		if err := client.New(*state).Call(cmd.Context(), http.MethodPost, "flows/"+url.PathEscape(args[0])+"/"+verb, nil, &f); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), f)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "flow %s (%s) is %s\n", f.ID, f.Ref, f.State)
		if undo != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "undo: ebb flow %s %s --state %s\n", undo, f.ID, *state)
		}
		return nil
	}
	return cmd
}
