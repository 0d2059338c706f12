// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/sim/plan/report"
)

func newSimVerify() *cobra.Command {
	cmd := &cobra.Command{Use: "verify PLAN LEDGER", Short: "A plan beside what happened, location by location",
		Long: `A plan beside what happened, location by location.

PLAN is what ebb sim plan --json printed, LEDGER what ebb ledger --json of the hub did. Locations and contents must have the same names in both. The hub
knows when it heard that the last host of a location holds a content whole: a few seconds after it did.`, Args: exactly("the plan's report", "the hub's ledger")}
	asJSON := jsonFlag(cmd)
	ordered := cmd.Flags().String("ordered", "", "when the first order was given, if not when the plan says: 2030-01-31T20:00:00Z")
	keep := cmd.Flags().String("keep", "", "add the comparison to this file, a line each, and show what it held")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var plan report.Report
		var ledger api.Ledger
		if err := readDocument(args[0], "what ebb sim plan --json prints", &plan); err != nil {
			return err
		}
		if err := readDocument(args[1], "what ebb ledger --json prints", &ledger); err != nil {
			return err
		}
		if !plan.Whole() {
			return &configError{args[0] + ": is not what ebb sim plan --json prints: there are no orders and locations in it"}
		}
		shift := time.Duration(0)
		if *ordered != "" {
			at, err := time.Parse(time.RFC3339, *ordered)
			if err != nil {
				return usagef("--ordered %q; give a moment, as 2030-01-31T20:00:00Z", *ordered)
			}
			shift = at.Sub(plan.Orders[0].At)
		}
		v := report.Verify(&plan, ledger.Rows, shift, time.Now())
		before, err := keepVerified(*keep, v)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), v)
		}
		return v.Text(cmd.OutOrStdout(), before)
	}
	return cmd
}

func readDocument(path, wants string, to any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return &configError{fmt.Sprintf("%s: is not %s: %v", path, wants, err)}
	}
	return nil
}

// keepVerified adds a comparison to a file, and says what it held before.
func keepVerified(path string, v *report.Verified) (before []report.Verified, err error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for n, line := range bytes.Split(bytes.TrimSpace(b), []byte("\n")) {
		var x report.Verified
		if len(line) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &x); err != nil {
			return nil, &configError{fmt.Sprintf("%s: line %d is no comparison: %v; nothing is added", path, n+1, err)}
		}
		before = append(before, x)
	}
	line, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(append(line, '\n'))
	return before, errors.Join(err, f.Close())
}
