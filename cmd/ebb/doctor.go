// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/metrics"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/units"
)

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{Use: "doctor", Short: "What is wrong with this machine's set-up, and mending a damaged journal", Args: exactly()}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	repair := cmd.Flags().Bool("repair", false, "make a new journal from the chunks on disk; the daemon must not run")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *repair {
			return repairStore(cmd, *state, *asJSON)
		}
		return examine(cmd, *state, *asJSON)
	}
	return cmd
}

// repairDocument is what doctor --repair --json prints.
type repairDocument struct {
	Chunks  int      `json:"chunks"`
	Bytes   int64    `json:"bytes"`
	Records int      `json:"records"`
	Broken  int      `json:"broken_chunks"`
	Lost    []string `json:"lost"`
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func repairStore(cmd *cobra.Command, state string, asJSON bool) error {
	dir := filepath.Join(state, "store")
	if !isDir(dir) {
		return fmt.Errorf("there is nothing to repair in %s: %w", state, fs.ErrNotExist)
	}
	r, err := store.Repair(dir, store.Options{})
	if err != nil {
		return explainStore(state, err)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), repairDocument{Chunks: r.Chunks, Bytes: r.Bytes, Records: r.Records, Broken: r.Broken,
			Lost: append([]string{}, r.Lost...)})
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "kept %d chunks (%s) and %d records; removed %d broken chunk files\n", r.Chunks, units.IEC(r.Bytes), r.Records, r.Broken)
	for _, l := range r.Lost {
		fmt.Fprintf(out, "lost: %s\n", l)
	}
	if len(r.Lost) == 0 {
		fmt.Fprintln(out, "nothing is lost")
	}
	return nil
}

// finding is one thing the doctor looked at.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func examine(cmd *cobra.Command, state string, asJSON bool) error {
	var list []finding
	add := func(check, good string, err error) {
		if err != nil {
			list = append(list, finding{check, false, err.Error()})
			return
		}
		list = append(list, finding{check, true, good})
	}
	add(examineEnrolment(state))
	s, err := client.New(state).Status(cmd.Context())
	add("daemon", "answers on "+client.Socket(state), err)
	if err == nil && s.Hub.Twin != "" {
		add("identity", "", fmt.Errorf("another host reports under this host's identity from %s, such as the clone of its disk; enrol one of the two again: "+
			"ebb enroll --again", s.Hub.Twin))
	}
	if err == nil && s.Hub.Warning != "" {
		add("location", "", errors.New(s.Hub.Warning))
	}
	switch {
	case err == nil && s.Role != "hub" && !s.Hub.Reachable:
		add("hub", "", errors.New(hubLine(s.Hub)))
	case err == nil && s.Role != "hub":
		add("hub", hubLine(s.Hub), nil)
	case err != nil && isDir(filepath.Join(state, "store")): // nobody holds the store: look at it
		st, err := openStore(state, metrics.NewJournal())
		add("journal", "opens", err)
		if err == nil {
			if err := st.Close(); err != nil {
				return err
			}
		}
	}
	if err == nil && s.Role != "hub" && s.Hub.Reachable {
		add(examineClock(s.Hub.Ahead, time.Now()))
	}
	if err == nil && s.Role != "hub" {
		add("discovery", discoveryLine(s.Discovery), nil) // one that cannot ask its network has the hub's list: nothing is wrong
	}
	if err == nil {
		add(examineServing(s.Serving))
	}
	return tellFindings(cmd, list, asJSON)
}

// clockWords says how this machine's clock stands to the hub's; ahead is in seconds. Empty: they agree to the minute.
func clockWords(ahead float64) string {
	d := time.Duration(ahead * float64(time.Second))
	if d.Abs() < time.Minute {
		return ""
	}
	return fleet.Against(d)
}

// examineClock compares this machine's clock with the hub's.
func examineClock(ahead float64, now time.Time) (check, good string, problem error) {
	words, borne := clockWords(ahead), fleet.Span(fleet.ClockBorne)
	d := time.Duration(ahead * float64(time.Second))
	switch {
	case words == "":
		return "clock", "agrees with the hub's", nil
	case d.Abs() <= fleet.ClockBorne:
		return "clock", words + "; " + borne + " is borne, and orders and windows end by this one", nil
	}
	return "clock", "", fmt.Errorf("this machine's clock is %s: here it is %s, there %s; hosts may refuse one another's certificates. Set it; %s is borne",
		words, now.UTC().Format(time.RFC3339), now.Add(-d).UTC().Format(time.RFC3339), borne)
}

// examineServing tells whether others are served, and what of it this machine cannot know. Refusing is not wrong.
func examineServing(s api.Serving) (check, good string, problem error) {
	text := "others are served"
	if !s.OK {
		text = "others are refused: " + s.Reason
	}
	if s.Sensors == nil {
		return "serving", text + ", whatever this machine is doing", nil
	}
	known := []string{"power " + s.Sensors.Power, "network " + s.Sensors.Link}
	if s.Sensors.CPU != nil {
		known = append(known, fmt.Sprintf("cpu %.0f %%", *s.Sensors.CPU*100))
	} else {
		known = append(known, "cpu unknown")
	}
	if s.Sensors.DiskQueue != nil {
		known = append(known, fmt.Sprintf("disk queue %.1f", *s.Sensors.DiskQueue))
	} else {
		known = append(known, "disk queue unknown")
	}
	text += "; " + strings.Join(known, ", ")
	if strings.Contains(text, "unknown") {
		text += "; what is unknown keeps nobody from being served"
	}
	return "serving", text, nil
}

// examineEnrolment looks at the host's certificate.
func examineEnrolment(state string) (check, good string, problem error) {
	n, err := node.Load(state)
	if err != nil {
		return "enrolment", "", err
	}
	leaf, who := n.Certificate.Leaf, fmt.Sprintf("peer %s in %s", n.Identity.Peer, n.Identity.Location)
	switch now := time.Now(); {
	case now.After(leaf.NotAfter):
		problem = fmt.Errorf("%s: its certificate expired at %s; enrol again: ebb enroll --again", who, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		problem = fmt.Errorf("%s: its certificate is valid from %s on, and here it is %s: this machine's clock is at least %s behind the hub's; set it",
			who, leaf.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), fleet.Span(fleet.Behind(leaf, now)))
	}
	return "enrolment", fmt.Sprintf("%s, certificate valid until %s", who, leaf.NotAfter.UTC().Format(time.DateOnly)), problem
}

func tellFindings(cmd *cobra.Command, list []finding, asJSON bool) error {
	bad := 0
	for _, f := range list {
		if !f.OK {
			bad++
		}
	}
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), map[string]any{"findings": list}); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			mark := "ok "
			if !f.OK {
				mark = "BAD"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %-10s %s\n", mark, f.Check, f.Detail)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks found something wrong", bad, len(list))
	}
	return nil
}
