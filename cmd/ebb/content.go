// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/units"
)

func newContent() *cobra.Command {
	cmd := group("content", "What is held, and its care")
	cmd.AddCommand(newContentLs(), newContentShow(), newContentVerify(), newContentPin("pin", "Keep a content whatever room is needed"),
		newContentPin("unpin", "Let a content go when room is needed"), newContentRm(), newContentOrder())
	return cmd
}

func newContentLs() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "List the contents this host knows", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list, err := client.New(*state).Contents(cmd.Context())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"contents": list})
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "CONTENT\tNAME\tVERSION\tTYPE\tSIZE\tFILES\tCHUNKS\tCOMPLETE")
		for _, c := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d of %d\t%t\n", c.ID.Short(), c.Name, c.Version, c.Type, units.IEC(c.Size), c.Files, c.Have, c.Chunks,
				c.Complete)
		}
		return w.Flush()
	}
	return cmd
}

func newContentVerify() *cobra.Command {
	cmd := &cobra.Command{Use: "verify CONTENT", Short: "Read and hash every chunk of a content again", Args: exactly("the name or id of the content")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var v api.Verify
		path := "contents/" + url.PathEscape(args[0]) + "/verify"
		if err := client.New(*state).Call(cmd.Context(), http.MethodPost, path, nil, &v); err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(cmd.OutOrStdout(), v); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d chunks, %d good, %d missing, %d damaged\n", v.Name, v.Chunks, v.Good, v.Missing, v.Damaged)
		}
		switch {
		case v.Damaged > 0:
			return &api.Problem{Title: fmt.Sprintf("%d of %d chunks of %s were damaged and are dropped", v.Damaged, v.Chunks, v.Name), Code: api.CodeIntegrity,
				Hint: fmt.Sprintf("ebb get %s --state %s", v.Name, *state)}
		case v.Missing > 0:
			return &api.Problem{Title: fmt.Sprintf("%d of %d chunks of %s are missing", v.Missing, v.Chunks, v.Name), Code: api.CodeIncomplete,
				Hint: fmt.Sprintf("ebb get %s --state %s", v.Name, *state)}
		}
		return nil
	}
	return cmd
}

func newContentShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show CONTENT", Short: "Show one content", Args: exactly("the name or id of the content")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var c api.Content
		if err := client.New(*state).Call(cmd.Context(), http.MethodGet, "contents/"+url.PathEscape(args[0]), nil, &c); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), c)
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintf(w, "content\t%s\nname\t%s\nversion\t%s\ntype\t%s\n", c.ID, c.Name, c.Version, c.Type)
		fmt.Fprintf(w, "size\t%s in %d files\nchunks\t%d of %d held\npinned\t%t\n", units.IEC(c.Size), c.Files, c.Have, c.Chunks, c.Pinned)
		fmt.Fprintf(w, "created\t%s\n", c.Created.UTC().Format(time.RFC3339))
		if !c.Expires.IsZero() {
			fmt.Fprintf(w, "expires\t%s\n", c.Expires.UTC().Format(time.RFC3339))
		}
		return w.Flush()
	}
	return cmd
}

// newContentPin is pin and unpin.
func newContentPin(verb, short string) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " CONTENT", Short: short, Args: exactly("the name or id of the content")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	dry := cmd.Flags().Bool("dry-run", false, "only say whether it is pinned now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		method, path := http.MethodPost, "contents/"+url.PathEscape(args[0])
		if *dry {
			method = http.MethodGet
		} else {
			path += "/" + verb
		}
		var c api.Content
		if err := client.New(*state).Call(cmd.Context(), method, path, nil, &c); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), c)
		}
		is := "not pinned"
		if c.Pinned {
			is = "pinned"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s (%s) is %s\n", c.Name, c.Version, c.ID.Short(), is)
		if !*dry {
			undo := map[string]string{"pin": "unpin", "unpin": "pin"}[verb]
			fmt.Fprintf(cmd.ErrOrStderr(), "undo: ebb content %s %s --state %s\n", undo, c.ID, *state)
		}
		return nil
	}
	return cmd
}

func newContentRm() *cobra.Command {
	cmd := &cobra.Command{Use: "rm CONTENT", Short: "Take a content off the disk of this host", Args: exactly("the name or id of the content")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	dry := cmd.Flags().Bool("dry-run", false, "only say what would go")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := "contents/" + url.PathEscape(args[0])
		if *dry {
			path += "?dry_run=true"
		}
		var r api.Removed
		if err := client.New(*state).Call(cmd.Context(), http.MethodDelete, path, nil, &r); err != nil {
			return err
		}
		if err := tellRemoved(cmd, r, *asJSON); err != nil {
			return err
		}
		if !*dry {
			fmt.Fprintf(cmd.ErrOrStderr(), "undo: ebb get %s --state %s\n", args[0], *state)
		}
		return nil
	}
	return cmd
}
