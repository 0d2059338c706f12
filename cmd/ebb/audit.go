// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/fleet/desired"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "List who ordered what, the newest first", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	most := cmd.Flags().Int("most", 50, "how many entries")
	before := cmd.Flags().String("before", "", "only entries that are older than this one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		query := url.Values{"most": {strconv.Itoa(*most)}, "before": {*before}}
		return showFromHub(cmd, *state, "audit?"+query.Encode(), *asJSON, auditTable)
	}
	return cmd
}

// auditLog is what the hub answers: the newest entry first.
type auditLog struct {
	Entries []desired.Entry `json:"entries"`
}

func auditTable(out io.Writer, log auditLog) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ENTRY\tWHEN\tWHO\tWHAT\tTOUCHED")
	for _, e := range log.Entries {
		fmt.Fprintln(w, strings.Join([]string{e.ID, e.At.UTC().Format(time.RFC3339), e.Who, e.Command.String(), touched(e.Touched)}, "\t"))
	}
	return w.Flush()
}

func newFlowOrders() *cobra.Command {
	cmd := &cobra.Command{Use: "orders", Short: "List what the fleet is ordered now, the newest first", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return showFromHub(cmd, *state, "desired", *asJSON, ordersTable)
	}
	return cmd
}

// ordersNow is what the hub answers: all documents, the newest first.
type ordersNow struct {
	Documents []desired.Document `json:"documents"`
}

func ordersTable(out io.Writer, now ordersNow) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ENTRY\tISSUED\tSCOPE\tORDER\tUNTIL")
	for _, d := range now.Documents {
		if d.InForce(time.Now()) {
			fmt.Fprintln(w, strings.Join([]string{desired.EntryID(d.Version), d.Issued.UTC().Format(time.RFC3339), d.Scope.String(), said(d),
				endOf(d.Until)}, "\t"))
		}
	}
	return w.Flush()
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
