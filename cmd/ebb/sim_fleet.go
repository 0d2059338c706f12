// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/hub"
	"github.com/ebbproject/ebb/sim/plan/planfile"
)

func newSimFromFleet() *cobra.Command {
	cmd := &cobra.Command{Use: "from-fleet", Short: "Draft a plan of the fleet of a hub: its locations, their hosts and what is known of their lines",
		Long: `Draft a plan of the fleet of a hub: its locations, their hosts and what is known of their lines.

It goes to stdout, with comments that say what was not known and what stands for that; ebb sim check finds nothing wrong with it.`, Args: exactly()}
	state := stateFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c := client.New(*state)
		t, err := fetchTopology(cmd.Context(), c, "")
		if err != nil {
			return err
		}
		var list struct {
			Members []fleet.Member
			Seen    map[string]float64 `json:"seen_bits_per_second"`
		}
		if err := c.Call(cmd.Context(), http.MethodGet, "members", nil, &list); err != nil {
			return err
		}
		weeks, err := fetchWeeks(cmd.Context(), c)
		if err != nil {
			return err
		}
		f := planfile.Fleet{Start: time.Now().Truncate(time.Minute), Regions: t.Regions}
		for _, row := range locationRows(t, list.Members) {
			week := weeks[row.Name]
			f.Places = append(f.Places, planfile.FleetPlace{Name: row.Name, Region: row.Region, Hosts: row.Hosts, Down: row.Down, Up: row.Up, Seen: list.Seen[row.Name],
				Carries: week.Capacity, Load: week.Load, VPN: row.Link == fleet.VPN, Metered: row.Link == fleet.Metered})
		}
		if len(f.Places) == 0 {
			return &hintedError{"the hub knows no location as yet", "ebb location import FILE, or ebb enroll on an endpoint", exitNotFound, nil}
		}
		_, err = cmd.OutOrStdout().Write(f.Draft())
		return err
	}
	return cmd
}

// fetchWeeks asks what is remembered of the links of locations.
func fetchWeeks(ctx context.Context, c *client.Client) (map[string]hub.Week, error) {
	var doc struct {
		Weeks []hub.Week `json:"weeks"`
	}
	if err := c.Call(ctx, http.MethodGet, "weeks", nil, &doc); err != nil {
		return nil, err
	}
	by := map[string]hub.Week{}
	for _, x := range doc.Weeks {
		by[x.Location] = x
	}
	return by, nil
}
