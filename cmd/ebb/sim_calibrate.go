// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

func newSimCalibrate() *cobra.Command {
	var workers int
	var names []string
	var path string
	var check bool
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure the controllers, datagram by datagram, for the plans that do not look at datagrams",
		Long: "Measure the controllers, datagram by datagram, for the plans that do not look at datagrams. It takes half an hour of CPU time,\n" +
			"and prints a table: that of this program is sim/plan/yield/table.txt. --check measures nothing and says whether the table of this\n" +
			"program is that of its controllers: it fails if not.",
		Args: exactly(),
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&names, "controller", ledbat.Names(), "measure these only, and keep what the table of this program says of others")
	fl.StringVarP(&path, "output", "o", "", "the file to write; otherwise it is printed")
	fl.BoolVar(&check, "check", false, "say only whether the table of this program is stale")
	fl.IntVar(&workers, "workers", cores(), "how many cells are measured at a time; the result is the same")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, n := range names {
			if !slices.Contains(ledbat.Names(), n) {
				return usagef("there is no controller %q; give one of %s", n, strings.Join(ledbat.Names(), ", "))
			}
		}
		if workers < 1 {
			return usagef("--workers %d; give at least 1", workers)
		}
		if check {
			return checkTable(cmd)
		}
		table, err := calibrate(cmd, names, workers)
		if err != nil {
			return err
		}
		if path == "" {
			_, err := fmt.Fprint(cmd.OutOrStdout(), table)
			return err
		}
		return os.WriteFile(path, []byte(table.String()), 0o644)
	}
	return cmd
}

// calibrate measures some controllers; of the others it keeps what is known, which must be something.
func calibrate(cmd *cobra.Command, names []string, workers int) (*yield.Table, error) {
	old, err := yield.Shipped()
	if err != nil && len(names) < len(ledbat.Names()) {
		return nil, fmt.Errorf("nothing is known of the other controllers, measure all of them: %w", err)
	}
	table := &yield.Table{}
	for _, n := range ledbat.Names() {
		print := yield.Print{Controller: n}
		if slices.Contains(names, n) {
			if print.Hash, err = yield.Fingerprint(n); err != nil {
				return nil, err
			}
		} else {
			print = old.Prints[slices.IndexFunc(old.Prints, func(p yield.Print) bool { return p.Controller == n })]
		}
		table.Prints = append(table.Prints, print)
	}
	grid := yield.Grid()
	cells := make([]yield.Cell, len(grid))
	var open []int
	for i, s := range grid {
		if slices.Contains(names, s.Controller) {
			open = append(open, i)
		} else {
			cells[i] = old.Cell(s)
		}
	}
	err = inParallel(cmd.Context(), workers, len(open), func(k int) (err error) {
		i := open[k]
		cells[i], err = yield.Measure(grid[i], yield.Seed(i))
		return err
	}, counter(cmd.ErrOrStderr(), "cells", len(open)))
	if err != nil {
		return nil, err
	}
	for i, s := range grid {
		table.Add(s, cells[i])
	}
	return table, nil
}

var errStaleTable = errors.New("the yield table was made with other controllers: make it anew with ebb sim calibrate")

// checkTable says whether the table that this program was built with is that of its controllers.
func checkTable(cmd *cobra.Command) error {
	table, err := yield.Shipped()
	if err != nil {
		return err
	}
	stale := false
	for _, n := range ledbat.Names() {
		state := "as measured"
		if table.Stale(n) {
			state, stale = "stale", true
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", n, state)
	}
	if stale {
		return errStaleTable
	}
	return nil
}
