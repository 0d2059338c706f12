// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
)

func newContent() *cobra.Command {
	cmd := group("content", "What is held, and its care")
	cmd.AddCommand(newContentLs(), newContentVerify())
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
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d of %d\t%t\n", c.ID.Short(), c.Name, c.Version, c.Type, iec(c.Size), c.Files, c.Have, c.Chunks,
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
