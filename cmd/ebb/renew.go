// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	fleetclient "github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
)

func newRenew() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "renew",
		Short: "Fetch a new certificate and the publisher keys that the hub pins now; the agent uses them from its next start",
		Args:  exactly(),
	}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		n, err := loadNode(*state)
		if err != nil {
			return err
		}
		c, err := fleetclient.New(n)
		if err != nil {
			return err
		}
		defer c.Close()
		if n, err = c.Renew(cmd.Context()); err != nil {
			return err
		}
		until := n.Certificate.Leaf.NotAfter.UTC().Format(time.RFC3339)
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]any{"peer": n.Identity.Peer, "valid_until": until, "publishers": node.PublisherTexts(n.Publishers)})
		}
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "renewed until %s, %d publishers pinned; restart the agent to use it\n", until, len(n.Publishers))
		return err
	}
	return cmd
}

// How often an agent looks whether its certificate is due, how soon it tries again, and how long its start waits for it.
const (
	renewCheck = 24 * time.Hour
	renewAgain = time.Hour
	renewStart = 10 * time.Second
)

// renew fetches a new certificate if that is due. A hub that does not answer is no reason to stop: the old certificate
// is good for weeks when it becomes due.
func renew(ctx context.Context, c *fleetclient.Client, log *slog.Logger) (fresh *node.Node, again time.Duration) {
	if !c.Due(time.Now()) {
		return nil, renewCheck
	}
	fresh, err := c.Renew(ctx)
	if err != nil {
		log.Warn("the certificate could not be renewed", "until", c.Node().Certificate.Leaf.NotAfter, "err", err)
		return nil, renewAgain
	}
	log.Info("certificate renewed", "until", fresh.Certificate.Leaf.NotAfter)
	return fresh, renewCheck
}

// renewAtStart is the host as it is enrolled after a renewal that was due.
func renewAtStart(ctx context.Context, c *fleetclient.Client, log *slog.Logger) *node.Node {
	ctx, cancel := context.WithTimeout(ctx, renewStart)
	defer cancel()
	renew(ctx, c, log)
	return c.Node()
}
