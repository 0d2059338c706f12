// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/fleet/desired"
)

func newPolicy() *cobra.Command {
	cmd := group("policy", "What the fleet's hosts may use, when they fetch and what they keep")
	cmd.AddCommand(newPolicyGet(), newPolicySet(), newPolicyDiff(), newPolicyHistory(), newPolicyRollback())
	return cmd
}

// aboutKeys lists the keys for help texts.
func aboutKeys() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, k := range policy.Keys() {
		fmt.Fprintf(w, "  %s\t%s; for %s\n", k.Name, k.What, k.Scopes)
	}
	_ = w.Flush() // into memory
	return "Keys:\n" + b.String() +
		"A scope that names a content comes before one that names a type, then a peer, then a location, then all. What a host or a flow was\n" +
		"told itself comes before a policy, and behind one that is locked."
}

// checkKey names the nearest key of one that is none.
func checkKey(key string) error {
	var names []string
	for _, k := range policy.Keys() {
		if k.Name == key {
			return nil
		}
		names = append(names, k.Name)
	}
	return usagef("%q is no key of a policy, did you mean %q? See: ebb policy set --help", key, nearest(key, names))
}

func newPolicySet() *cobra.Command {
	var f steerFlags
	var lock bool
	cmd := &cobra.Command{Use: "set KEY VALUE SELECTOR", Short: "Say what a setting is for hosts or contents; inherit takes it back", Long: aboutKeys(),
		Args: exactly("the key, such as limits.download,", "the value, or inherit,")}
	f.register(cmd)
	f.until(cmd)
	cmd.Flags().BoolVar(&lock, "lock", false, "it counts whatever hosts and flows were told themselves")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkKey(args[0]); err != nil {
			return err
		}
		c, err := f.command(desired.DoSet)
		if err != nil {
			return err
		}
		if err := policy.Check(args[0], args[1], c.Selector); err != nil {
			return usagef("%v", err)
		}
		c.Key, c.Value, c.Locked = args[0], args[1], lock
		return f.order(cmd, c)
	}
	return cmd
}

func newPolicyGet() *cobra.Command {
	var f steerFlags
	cmd := &cobra.Command{Use: "get [KEY] [SELECTOR]", Short: "List policies, or those that decide for a selector; of an agent: its settings", Args: atMost(1)}
	f.pick(cmd)
	f.state, f.json = stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{}
		if len(args) == 1 {
			if err := checkKey(args[0]); err != nil {
				return err
			}
			query.Set("key", args[0])
		}
		if f.selectorsGiven() {
			if err := f.selector.Valid(); err != nil {
				return usagef("%v", err)
			}
			query.Set("at", f.selector.String())
		}
		var x struct {
			Policies []api.Policy `json:"policies"`
		}
		err := client.New(*f.state).Call(cmd.Context(), http.MethodGet, "policies?"+query.Encode(), nil, &x)
		var p *api.Problem
		if errors.As(err, &p) && p.Title == "no such page" && !f.selectorsGiven() {
			return f.settings(cmd, query.Get("key"))
		}
		switch {
		case err != nil:
			return ofHub(err, *f.state)
		case *f.json:
			return printJSON(cmd.OutOrStdout(), x)
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tSCOPE\tVALUE\tLOCKED\tENTRY\tISSUED\tUNTIL")
		for _, x := range x.Policies {
			fmt.Fprintln(w, strings.Join([]string{x.Key, x.Scope, x.Value, yesNo(x.Locked), x.Entry, x.Issued.UTC().Format(time.RFC3339), endOf(x.Until)}, "\t"))
		}
		return w.Flush()
	}
	return cmd
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// settings tells what holds on the host whose state directory it is.
func (f *steerFlags) settings(cmd *cobra.Command, key string) error {
	var x struct {
		Settings []api.Setting `json:"settings"`
	}
	if err := client.New(*f.state).Call(cmd.Context(), http.MethodGet, "policy", nil, &x); err != nil {
		return err
	}
	if key != "" {
		kept := []api.Setting{}
		for _, s := range x.Settings {
			if s.Key == key {
				kept = append(kept, s)
			}
		}
		x.Settings = kept
	}
	if *f.json {
		return printJSON(cmd.OutOrStdout(), x)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tVALUE\tFROM")
	for _, s := range x.Settings {
		from := s.From
		if s.From == string(policy.ByPolicy) {
			from = fmt.Sprintf("policy %s for %s", s.Entry, s.Scope)
		}
		if s.Own != "" {
			from += fmt.Sprintf(", locked: %s of this host's own does not count", s.Own)
		}
		value := s.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Key, value, from)
	}
	return w.Flush()
}

func newPolicyHistory() *cobra.Command {
	cmd := &cobra.Command{Use: "history [KEY]", Short: "List who changed which policy, the newest first", Args: atMost(1)}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	most := cmd.Flags().Int("most", 50, "how many entries")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{"most": {strconv.Itoa(*most)}}
		if len(args) == 1 {
			if err := checkKey(args[0]); err != nil {
				return err
			}
			query.Set("key", args[0])
		}
		return showFromHub(cmd, *state, "policies/history?"+query.Encode(), *asJSON, auditTable)
	}
	return cmd
}

func newPolicyDiff() *cobra.Command {
	cmd := &cobra.Command{Use: "diff ENTRY", Short: "List the policies that are not as they were after an entry", Args: exactly("the entry, as ebb policy history names it,")}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{"since": {args[0]}}
		return showFromHub(cmd, *state, "policies/diff?"+query.Encode(), *asJSON, policyDiff)
	}
	return cmd
}

// policyChanges is what the hub answers.
type policyChanges struct {
	Changes []api.PolicyChange `json:"changes"`
}

func policyDiff(out io.Writer, list policyChanges) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tSCOPE\tTHEN\tNOW")
	for _, x := range list.Changes {
		now := x.After
		if x.Locked {
			now += ", locked"
		}
		fmt.Fprintln(w, strings.Join([]string{x.Key, x.Scope, x.Before, now}, "\t"))
	}
	return w.Flush()
}

func newPolicyRollback() *cobra.Command {
	f := steerFlags{all: true}
	cmd := &cobra.Command{Use: "rollback ENTRY", Short: "Make all policies what they were after an entry; ebb flow undo takes it back",
		Args: exactly("the entry, as ebb policy history names it,")}
	f.change(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := f.command(desired.DoRollback)
		if err != nil {
			return err
		}
		c.Back = args[0]
		return f.order(cmd, c)
	}
	return cmd
}
