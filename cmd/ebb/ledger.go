// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/units"
)

func newLedger() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Which bytes crossed which links, by location and content, and what became of them",
		Long: `Which bytes crossed which links, by location and content, and what became of them.

With --state of a hub it is the ledger of the fleet, with that of an agent its own part. Bytes are payload. Amplification says how often
the distinct bytes of a content crossed the location's WAN link, once a host of the location holds all of it: 1.00 is once.`,
		Args: exactly(),
	}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	location := cmd.Flags().String("location", "", "only what came into this location")
	ref := cmd.Flags().String("content", "", "only this content, by name or id")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := client.New(*state).Ledger(cmd.Context(), *location, *ref)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), l)
		}
		return ledgerTable(cmd.OutOrStdout(), l)
	}
	return cmd
}

func ledgerTable(out io.Writer, l api.Ledger) error {
	if len(l.Rows) == 0 {
		_, err := fmt.Fprintln(out, "Nothing has been transferred yet.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LOCATION\tCONTENT\tTYPE\tLAN\tWAN\tORIGIN\tVERIFIED\tREJECTED\tDUPLICATE\tCANCELED\tAMPLIFICATION")
	for _, r := range l.Rows {
		amplification := "-"
		if r.Amplification != nil {
			amplification = fmt.Sprintf("%.3f", *r.Amplification)
		}
		name := cmp.Or(r.Name, r.Content, "(not told apart)")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Location, name, cmp.Or(r.Type, "-"), units.IEC(r.LAN), units.IEC(r.WAN), units.IEC(r.Origin),
			units.IEC(r.Verified), units.IEC(r.Rejected), units.IEC(r.Duplicate), units.IEC(r.Canceled), amplification)
	}
	return w.Flush()
}
