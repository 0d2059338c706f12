// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
)

func newHarm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "harm",
		Short: "How much this host delays the traffic of others, measured",
		Long: `How much this host delays the traffic of others on the way to other locations.

While it sends, it is silent for a moment now and then, and compares the delay of the path in the silence with that next to it. The
mean of the differences is the delay that it adds, with a 95 % confidence interval. It says "no evidence" when there were too few
silences, or when the interval is too wide to tell.`,
		Args: exactly(),
	}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	location := cmd.Flags().String("location", "", "only this location")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		h, err := client.New(*state).Harm(cmd.Context(), *location)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), h)
		}
		return harmTable(cmd.OutOrStdout(), h)
	}
	return cmd
}

func harmTable(out io.Writer, h api.Harm) error {
	if len(h.Locations) == 0 {
		_, err := fmt.Fprintln(out, "No evidence: this host has met nobody of another location since it was started.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LOCATION\tPEER\tADDED DELAY\t95 % INTERVAL\tPAIRS\tPROBES\tVERDICT")
	for _, l := range h.Locations {
		fmt.Fprintln(w, harmRow(l, "all"))
		for _, p := range h.Paths {
			if p.Location == l.Location {
				fmt.Fprintln(w, harmRow(p, p.Peer))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, l := range h.Locations {
		if _, err := fmt.Fprintln(out, harmSentence(l)); err != nil {
			return err
		}
	}
	return nil
}

func harmRow(x api.HarmTo, peer string) string {
	added, interval := "-", "-"
	if x.Added != nil && x.Low != nil && x.High != nil {
		added, interval = fmt.Sprintf("%.1f ms", *x.Added), fmt.Sprintf("%.1f to %.1f ms", *x.Low, *x.High)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%d\t%s", x.Location, peer, added, interval, x.Pairs, x.Probes, x.Verdict)
}

// harmSentence says what the figures of a location mean.
func harmSentence(x api.HarmTo) string {
	const few = "To %s: no evidence. There are %d pairs, and ten are needed; a pair takes half a minute or more of sending there."
	if x.Added == nil || x.Low == nil || x.High == nil {
		return fmt.Sprintf(few, x.Location, x.Pairs)
	}
	measured := fmt.Sprintf("%d pairs since %s", x.Pairs, x.Since.UTC().Format(time.RFC3339))
	switch x.Verdict {
	case api.VerdictHarm:
		return fmt.Sprintf("To %s: while this host sends, others wait %.1f ms longer (%.1f to %.1f ms, %s).", x.Location, *x.Added, *x.Low,
			*x.High, measured)
	case api.VerdictNoneFound:
		return fmt.Sprintf("To %s: no harm found. Whatever this host adds to the delay of others is at most %.1f ms (%s).", x.Location, *x.High,
			measured)
	}
	return fmt.Sprintf("To %s: no evidence. The interval from %.1f to %.1f ms is too wide to tell (%s).", x.Location, *x.Low, *x.High, measured)
}
