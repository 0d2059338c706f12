// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/node"
)

func newPublisher() *cobra.Command {
	cmd := group("publisher", "Who may publish: make keys, and pin them at the hub")
	cmd.AddCommand(publisherNew(), publisherAdd(), publisherRemove(), publisherList())
	return cmd
}

func publisherNew() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new FILE",
		Short: "Make a key pair: the secret is written to FILE, the public key printed",
		Args:  exactly("the file for the secret key"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		public, secret, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
			return usagef("%s is there already; a key that contents were signed with is never overwritten", args[0])
		}
		if err := node.WriteFile(args[0], []byte(content.MarshalPublisherSecret(secret)+"\n")); err != nil {
			return err
		}
		text := content.MarshalPublisherKey(public)
		fmt.Fprintf(cmd.ErrOrStderr(), "pin it at the hub: ebb publisher add %s\nthen publish: ebb publish PATH --key %s\n", text, args[0])
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	}
	return cmd
}

// pinned is the hub's answer.
type pinned struct {
	Publishers []string `json:"publishers"`
}

func publisherAdd() *cobra.Command {
	return pinning("add KEY", "Pin a publisher; endpoints learn of it when they enrol or renew", func(ctx context.Context, c *client.Client, key string) (p pinned, err error) {
		err = c.Call(ctx, http.MethodPost, "publishers", map[string]string{"key": key}, &p)
		return p, err
	}, "pinned; endpoints that enrolled before learn of it with: ebb renew\nundo: ebb publisher rm %s\n")
}

func publisherRemove() *cobra.Command {
	return pinning("rm KEY", "Trust a publisher no longer; what it published stays", func(ctx context.Context, c *client.Client, key string) (p pinned, err error) {
		err = c.Call(ctx, http.MethodDelete, "publishers?key="+url.QueryEscape(key), nil, &p)
		return p, err
	}, "no longer pinned; endpoints that enrolled before learn of it with: ebb renew\nundo: ebb publisher add %s\n")
}

// pinning is a command that changes the pinned publishers.
func pinning(use, short string, change func(context.Context, *client.Client, string) (pinned, error), said string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: exactly("the public key (ebb-publisher-key:...)")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	dry := cmd.Flags().Bool("dry-run", false, "only say whether the key is pinned now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key := args[0]
		if _, err := content.ParsePublisherKey(key); err != nil {
			return usagef("%v", err)
		}
		c := client.New(*state)
		before, err := publishers(cmd, c)
		if err != nil || *dry {
			if err == nil {
				err = tellPinned(cmd.OutOrStdout(), before, *asJSON)
			}
			return err
		}
		after, err := change(cmd.Context(), c, key)
		if err != nil {
			return err
		}
		if slices.Equal(before.Publishers, after.Publishers) {
			fmt.Fprintln(cmd.ErrOrStderr(), "nothing to change")
		} else {
			fmt.Fprintf(cmd.ErrOrStderr(), said, key)
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), after)
		}
		return nil
	}
	return cmd
}

func publisherList() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "The publishers that the hub pins", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p, err := publishers(cmd, client.New(*state))
		if err != nil {
			return err
		}
		return tellPinned(cmd.OutOrStdout(), p, *asJSON)
	}
	return cmd
}

func publishers(cmd *cobra.Command, c *client.Client) (p pinned, err error) {
	err = c.Call(cmd.Context(), http.MethodGet, "publishers", nil, &p)
	return p, err
}

func tellPinned(w io.Writer, p pinned, asJSON bool) error {
	if asJSON {
		return printJSON(w, p)
	}
	for _, key := range p.Publishers {
		if _, err := fmt.Fprintln(w, key); err != nil {
			return err
		}
	}
	return nil
}
