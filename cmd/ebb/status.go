// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/units"
)

func newStatus() *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "How this instance goes", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := client.New(*state).Status(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), s)
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintf(w, "%s\t%s in %s, up %s\n", s.Role, s.Peer, s.Location, brief(time.Since(s.Started)))
		fmt.Fprintf(w, "address\t%s\n", s.Addr)
		if s.Console != "" {
			fmt.Fprintf(w, "console\t%s\n", s.Console)
		}
		fmt.Fprintf(w, "controller\t%s\n", s.Control)
		fmt.Fprintf(w, "lan carrier\t%s\n", s.LanCarrier)
		if s.Role != "hub" {
			fmt.Fprintf(w, "hub\t%s\n", hubLine(s.Hub))
			fmt.Fprintf(w, "reports\t%s\n", reportsLine(s.Peer, s.Hub.Through))
			if s.Divided != nil {
				fmt.Fprintf(w, "location\tdivided: %s: %s\n", s.Divided, strings.Join(s.Divided.Peers, ", "))
			}
			fmt.Fprintf(w, "discovery\t%s\n", discoveryLine(s.Discovery))
		}
		fmt.Fprintf(w, "peers\t%d connected\n", s.Peers)
		fmt.Fprintf(w, "flows\t%d open\n", s.Flows)
		fmt.Fprintf(w, "cache\t%s in %d chunks; %s\n", units.IEC(s.Bytes), s.Chunks, cacheLine(s.Bytes, s.Quota, s.Floor, s.Free))
		fmt.Fprintf(w, "received\t%s lan, %s wan, %s origin\n", units.IEC(s.Received.LAN), units.IEC(s.Received.WAN), units.IEC(s.Received.Origin))
		fmt.Fprintf(w, "sent\t%s\n", units.IEC(s.Sent))
		serving := "yes"
		if !s.Serving.OK {
			serving = "no: " + s.Serving.Reason
		}
		fmt.Fprintf(w, "serving\t%s\n", serving)
		for _, b := range s.Budget {
			fmt.Fprintf(w, "budget %s\t%s of %s; %s\n", b.Direction, units.Bitrate(b.Lease), units.Bitrate(b.Budget), b.State)
		}
		for _, g := range s.Groups {
			fmt.Fprintf(w, "to %s\t%s\n", g.Location, g.State)
		}
		return w.Flush()
	}
	return cmd
}

func hubLine(h api.HubStatus) string {
	if h.Reachable {
		text := fmt.Sprintf("%s, reached %s ago", h.Addr, brief(time.Since(h.LastSync)))
		if words := clockWords(h.Ahead); words != "" {
			text += "; this machine's clock is " + words
		}
		return text
	}
	if h.Error == "" {
		return h.Addr + ", not asked yet"
	}
	return h.Addr + ", " + strings.Replace(h.Error, " at "+h.Addr+": dial tcp "+h.Addr, "", 1)
}

// reportsLine says by way of whom a host reports to its hub.
func reportsLine(self, through string) string {
	switch through {
	case "":
		return "directly"
	case self:
		return "with those of its location, which it gathers"
	}
	return "by way of " + through
}

// discoveryLine says how neighbours are found without the hub.
func discoveryLine(d api.Discovery) string {
	text := "multicast off"
	switch {
	case d.Problem != "":
		text = d.Problem
	case d.Multicast:
		text = fmt.Sprintf("multicast on, %d heard", d.Heard)
	}
	return fmt.Sprintf("%s; %d static", text, d.Static)
}

func newWhy() *cobra.Command {
	cmd := &cobra.Command{Use: "why CONTENT", Short: "Why a content waits", Args: exactly("the name or id of the content")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var why api.Why
		if err := client.New(*state).Call(cmd.Context(), http.MethodGet, "why/"+url.PathEscape(args[0]), nil, &why); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), why)
		}
		out := cmd.OutOrStdout()
		if f := why.Flow; f != nil {
			fmt.Fprintf(out, "%s: %s, %s of %s\n", f.Ref, f.State, units.IEC(f.Verified), units.IEC(f.Size))
		}
		for _, r := range why.Reasons {
			fmt.Fprintf(out, "- %s: %s\n", r.Code, r.Detail)
			if r.Hint != "" {
				fmt.Fprintf(out, "  %s\n", r.Hint)
			}
		}
		return nil
	}
	return cmd
}

func newPeer() *cobra.Command {
	cmd := group("peer", "Other hosts of the fleet")
	ls := &cobra.Command{Use: "ls", Short: "List the hosts this one knows, and why one is not used", Args: exactly()}
	state, asJSON := stateFlag(ls), jsonFlag(ls)
	ls.RunE = func(cmd *cobra.Command, _ []string) error {
		list, err := client.New(*state).Peers(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"peers": list})
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "PEER\tLOCATION\tCLASS\tCONNECTED\tCARRIER\tRTT\tQUEUE\tRATE\tRECEIVED\tSENT\tREASON")
		for _, p := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%s\t%.1f ms\t%.1f ms\t%s\t%s\t%s\t%s\n", p.Peer, p.Location, p.Class, p.Connected,
				cmp.Or(p.Carrier, "-"), p.RTT*1e3, p.QueueDelay*1e3, units.Bitrate(p.Rate), units.IEC(p.Received), units.IEC(p.Sent), p.Reason)
		}
		return w.Flush()
	}
	cmd.AddCommand(ls, newPeerBan())
	return cmd
}
