// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/topology"
)

// manyChanges is how many locations a change may touch without being asked about.
const manyChanges = 1

func newLocation() *cobra.Command {
	cmd := group("location", "The fleet's network: locations, their subnets and links")
	cmd.AddCommand(locationList(), locationImport(), locationSet(), locationRemove())
	return cmd
}

// fetchTopology asks the hub for the topology, or with "?version=N" for an earlier one.
func fetchTopology(ctx context.Context, c *client.Client, query string) (*topology.Topology, error) {
	path := "topology" + query
	var raw json.RawMessage
	if err := c.Call(ctx, http.MethodGet, path, nil, &raw); err != nil {
		return nil, err
	}
	return topology.Decode(raw)
}

// locationRow is a location as ls shows it.
type locationRow struct {
	topology.Location
	Hosts      int  `json:"hosts"`      // that report now
	Configured bool `json:"configured"` // it is in the topology, not only in certificates
}

func locationList() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "List the locations, those of the topology and those that only hosts are in", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c := client.New(*state)
		t, err := fetchTopology(cmd.Context(), c, "")
		if err != nil {
			return err
		}
		var list struct{ Members []fleet.Member }
		if err := c.Call(cmd.Context(), http.MethodGet, "members", nil, &list); err != nil {
			return err
		}
		rows := locationRows(t, list.Members)
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"version": t.Version, "regions": append([]string{}, t.Regions...), "locations": rows})
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "LOCATION\tREGION\tLINK\tHOSTS\tDOWN\tUP\tNEAR\tSUBNETS")
		for _, r := range rows {
			text := r.Texts()
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.Name, text["region"], text["link"], r.Hosts, text["down"], text["up"], text["near"], text["subnets"])
		}
		return w.Flush()
	}
	return cmd
}

// locationRows joins the topology with who reports.
func locationRows(t *topology.Topology, members []fleet.Member) []locationRow {
	rows := []locationRow{}
	hosts := map[string]int{}
	for _, m := range members {
		hosts[m.Location]++
	}
	for _, l := range t.Locations {
		rows = append(rows, locationRow{Location: l, Hosts: hosts[l.Name], Configured: true})
	}
	for name, n := range hosts {
		if _, known := t.Find(name); !known {
			rows = append(rows, locationRow{Location: topology.Location{Name: name, Link: fleet.LAN}, Hosts: n})
		}
	}
	slices.SortFunc(rows, func(a, b locationRow) int { return cmp.Compare(a.Name, b.Name) })
	return rows
}

func locationImport() *cobra.Command {
	cmd := &cobra.Command{Use: "import FILE", Short: "Make a CSV or YAML file the topology, or go back to an earlier version", Args: cobra.MaximumNArgs(1)}
	change := changeFlags(cmd)
	version := cmd.Flags().Uint64("version", 0, "instead of a file: this earlier version; 0: the empty one")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		back := cmd.Flags().Changed("version")
		if (len(args) == 1) == back {
			return usagef("give a file, or --version; usage: %s", cmd.UseLine())
		}
		if back {
			return change.run(cmd, func(ctx context.Context, c *client.Client, _ *topology.Topology) (*topology.Topology, error) {
				return fetchTopology(ctx, c, fmt.Sprintf("?version=%d", *version))
			})
		}
		t, err := readTopology(args[0])
		if err != nil {
			return err
		}
		return change.run(cmd, func(context.Context, *client.Client, *topology.Topology) (*topology.Topology, error) { return t, nil })
	}
	return cmd
}

// readTopology reads a file by what its name ends with.
func readTopology(path string) (*topology.Topology, error) {
	parse := map[string]func(io.Reader) (*topology.Topology, error){".csv": topology.ParseCSV, ".yaml": topology.ParseYAML, ".yml": topology.ParseYAML}[strings.ToLower(filepath.Ext(path))]
	if parse == nil {
		return nil, usagef("%s is neither .csv nor .yaml", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := parse(f)
	if err != nil {
		return nil, &configError{explainTopology(path, err).Error()}
	}
	return t, nil
}

func locationSet() *cobra.Command {
	cmd := &cobra.Command{Use: "set NAME key=value ...", Short: "Change or add one location; keys: region, subnets, link, near, nat, down, up",
		Args: cobra.MinimumNArgs(0)}
	change := changeFlags(cmd)
	region := cmd.Flags().String("new-region", "", "declare this region")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("the location is missing; usage: %s", cmd.UseLine())
		}
		return change.run(cmd, func(_ context.Context, _ *client.Client, now *topology.Topology) (*topology.Topology, error) {
			if *region != "" {
				now = now.Declare(*region)
			}
			t, err := now.Set(args[0], args[1:])
			return t, explainTopology(args[0], err)
		})
	}
	return cmd
}

func locationRemove() *cobra.Command {
	cmd := &cobra.Command{Use: "rm NAME", Short: "Remove one location from the topology; its hosts keep their certificates until they move",
		Args: exactly("the location")}
	change := changeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return change.run(cmd, func(_ context.Context, _ *client.Client, now *topology.Topology) (*topology.Topology, error) {
			t, ok := now.Remove(args[0])
			if !ok {
				names := make([]string, len(now.Locations))
				for i, l := range now.Locations {
					names[i] = l.Name
				}
				return nil, &hintedError{fmt.Sprintf("there is no location %q%s", args[0], didYouMean(args[0], names)), "ebb location ls", exitNotFound, nil}
			}
			return t, nil
		})
	}
	return cmd
}

func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// change is what every command that changes the topology has.
type change struct {
	state    *string
	json     *bool
	dry, yes *bool
}

func changeFlags(cmd *cobra.Command) change {
	return change{stateFlag(cmd), jsonFlag(cmd), cmd.Flags().Bool("dry-run", false, "only show the difference"),
		cmd.Flags().Bool("yes", false, "do not ask")}
}

// run fetches the topology, shows the difference that it would make, and makes it.
func (x change) run(cmd *cobra.Command, to func(context.Context, *client.Client, *topology.Topology) (*topology.Topology, error)) error {
	ctx, c := cmd.Context(), client.New(*x.state)
	now, err := fetchTopology(ctx, c, "")
	if err != nil {
		return err
	}
	wanted, err := to(ctx, c, now)
	if err != nil {
		return err
	}
	fresh := *wanted
	fresh.Version = now.Version
	list := topology.Diff(now, &fresh)
	if !*x.json {
		showChanges(cmd.OutOrStdout(), list)
	}
	version := now.Version
	switch {
	case len(list) == 0:
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing to change")
	case *x.dry:
		fmt.Fprintf(cmd.ErrOrStderr(), "%d changes, not made: this was a dry run\n", len(list))
	default:
		if len(list) > manyChanges && !*x.yes {
			if err := confirm(cmd, fmt.Sprintf("make these %d changes?", len(list))); err != nil {
				return err
			}
		}
		var done struct{ Version uint64 }
		if err := c.Call(ctx, http.MethodPut, "topology", strings.NewReader(string(fresh.Encode())), &done); err != nil {
			return err
		}
		version = done.Version
		fmt.Fprintf(cmd.ErrOrStderr(), "%d changes made, the topology is at version %d; hosts hear of it within seconds\n"+
			"undo: ebb location import --version %d\n", len(list), version, now.Version)
	}
	if *x.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"version": version, "dry_run": *x.dry, "changes": append([]topology.Change{}, list...)})
	}
	return nil
}

// mostShown is how many changes are shown one by one.
const mostShown = 100

func showChanges(w io.Writer, list []topology.Change) {
	for _, c := range list[:min(len(list), mostShown)] {
		fmt.Fprintln(w, c)
	}
	if more := len(list) - mostShown; more > 0 {
		fmt.Fprintf(w, "and %d more; --json shows them all\n", more)
	}
}

// confirm asks on a terminal, and refuses elsewhere.
func confirm(cmd *cobra.Command, question string) error {
	if !isTerminal(cmd.ErrOrStderr()) {
		return usagef("nothing is changed: %s Say so with --yes, or look at it with --dry-run", question)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil || strings.ToLower(strings.TrimSpace(answer)) != "y" {
		return usagef("nothing is changed")
	}
	return nil
}

// mostNearest bounds the problems whose nearest known word is looked for, because there may be many of both.
const mostNearest = 50

// explainTopology tells all that is wrong, each with the name of the file and the nearest word that is known.
func explainTopology(what string, err error) error {
	p, ok := err.(*topology.Problems)
	if !ok {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problems; nothing is changed", what, len(p.List)+p.More)
	for i, one := range p.List {
		fmt.Fprintf(&b, "\n  %s", what)
		if one.Line > 0 {
			fmt.Fprintf(&b, ":%d", one.Line)
		}
		fmt.Fprintf(&b, ": %s", one.Text)
		if len(one.Known) > 0 && i < mostNearest {
			b.WriteString(didYouMean(one.Word, one.Known))
		}
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", p.More)
	}
	return usagef("%s", b.String())
}
