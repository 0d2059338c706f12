// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet/desired"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "List who ordered what, the newest first", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	most := cmd.Flags().Int("most", 50, "how many entries")
	before := cmd.Flags().String("before", "", "only entries that are older than this one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var log struct {
			Entries []desired.Entry `json:"entries"`
		}
		query := url.Values{"most": {strconv.Itoa(*most)}, "before": {*before}}
		if err := client.New(*state).Call(cmd.Context(), http.MethodGet, "audit?"+query.Encode(), nil, &log); err != nil {
			return ofHub(err, *state)
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), log)
		}
		return auditTable(cmd.OutOrStdout(), log.Entries)
	}
	return cmd
}

func auditTable(out io.Writer, entries []desired.Entry) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ENTRY\tWHEN\tWHO\tWHAT\tTOUCHED")
	for _, e := range entries {
		fmt.Fprintln(w, strings.Join([]string{e.ID, e.At.UTC().Format(time.RFC3339), e.Who, e.Command.String(), touched(e.Touched)}, "\t"))
	}
	return w.Flush()
}

func newFlowOrders() *cobra.Command {
	cmd := &cobra.Command{Use: "orders", Short: "List what the fleet is ordered now, the newest first", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var now struct {
			Documents []desired.Document `json:"documents"`
		}
		if err := client.New(*state).Call(cmd.Context(), http.MethodGet, "desired", nil, &now); err != nil {
			return ofHub(err, *state)
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), now)
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ENTRY\tISSUED\tSCOPE\tORDER\tUNTIL")
		for _, d := range now.Documents {
			if !d.InForce(time.Now()) {
				continue
			}
			until := "further notice"
			if !d.Until.IsZero() {
				until = d.Until.UTC().Format(time.RFC3339)
			}
			fmt.Fprintln(w, strings.Join([]string{desired.EntryID(d.Version), d.Issued.UTC().Format(time.RFC3339), d.Scope.String(), said(d), until}, "\t"))
		}
		return w.Flush()
	}
	return cmd
}

// said is what a document orders.
func said(d desired.Document) string {
	switch {
	case d.Kind == desired.Pause && !d.Paused:
		return "go on"
	case d.Kind == desired.Priority:
		return "priority " + strconv.Itoa(d.Priority)
	case d.Kind == desired.Policy:
		return d.Name + " " + d.Value
	case d.Name != "":
		return string(d.Kind) + " " + d.Name
	default:
		return string(d.Kind)
	}
}
