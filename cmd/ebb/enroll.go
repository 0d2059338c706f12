// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	fleetclient "github.com/ebbproject/ebb/fleet/client"
)

func newToken() *cobra.Command {
	cmd := group("token", "Let new endpoints in")
	var location, ttl string
	create := &cobra.Command{
		Use:   "new",
		Short: "Make a token that lets one endpoint in, once",
		Args:  exactly(),
	}
	state, asJSON := stateFlag(create), jsonFlag(create)
	create.Flags().StringVar(&location, "location", "", "only for this location")
	create.Flags().StringVar(&ttl, "ttl", "24h", "how long it is valid")
	create.RunE = func(cmd *cobra.Command, _ []string) error {
		var t api.Token
		ask := map[string]string{"ttl": ttl, "location": location}
		if err := client.New(*state).Call(cmd.Context(), "POST", "tokens", ask, &t); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), t)
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), t.Token)
		return err
	}
	cmd.AddCommand(create)
	return cmd
}

func newEnroll() *cobra.Command {
	var token, location string
	var again bool
	cmd := &cobra.Command{
		Use:   "enroll HUB --token T",
		Short: "Join a fleet: fetch this endpoint's certificate and the pinned publisher keys",
		Args:  exactly("the address of the hub"),
	}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.Flags().StringVar(&token, "token", "", "one-time token, made on the hub with: ebb token new")
	cmd.Flags().StringVar(&location, "location", "default", "where this endpoint is; auto: the hub finds out, now and whenever the address changes")
	cmd.Flags().BoolVar(&again, "again", false, "replace an enrolment that exists")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if token == "" {
			return usagef("--token is missing; make one on the hub with: ebb token new")
		}
		if _, _, err := net.SplitHostPort(args[0]); err != nil {
			return usagef("the hub %q is not an address and a port such as hub.example:8732", args[0])
		}
		n, err := fleetclient.Enroll(cmd.Context(), fleetclient.Enrollment{Hub: args[0], Token: token, Location: location, State: *state,
			Again: again})
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), map[string]string{"peer": n.Identity.Peer, "location": n.Identity.Location,
				"fleet": n.Identity.Fleet, "state_dir": n.Dir, "hub": n.HubAddr})
		}
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "enrolled as %s in %s; start it with: ebb agent --state %s\n", n.Identity.Peer,
			n.Identity.Location, n.Dir)
		return err
	}
	return cmd
}
