// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/hub"
)

// steerFlags are those of commands that steer the fleet from the hub's machine.
type steerFlags struct {
	selector       desired.Selector
	all, dry, yes  bool
	duration       time.Duration
	state          *string
	json           *bool
	selectorsGiven func() bool
}

// register adds the flags that pick flows, and those that every change has.
func (f *steerFlags) register(cmd *cobra.Command) {
	f.pick(cmd)
	f.change(cmd)
}

// pick adds the flags that pick flows.
func (f *steerFlags) pick(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.selector.Content, "content", "", "of this content: a name or an id")
	fl.StringVar(&f.selector.Type, "type", "", "of this content type")
	fl.StringVar(&f.selector.Location, "location", "", "in this location")
	fl.StringVar(&f.selector.Peer, "peer", "", "of this endpoint")
	fl.BoolVar(&f.all, "all", false, "everywhere")
	f.selectorsGiven = func() bool {
		given := false
		fl.Visit(func(x *pflag.Flag) {
			given = given || x.Name == "content" || x.Name == "type" || x.Name == "location" || x.Name == "peer" || x.Name == "all"
		})
		return given
	}
}

// change adds what every change of the fleet has.
func (f *steerFlags) change(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "only say what would be touched")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "it is meant, however much or little it touches")
	f.state, f.json = stateFlag(cmd), jsonFlag(cmd)
}

// until is for how long.
func (f *steerFlags) until(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.duration, "for", 0, "it ends by itself after this time, such as 2h")
}

// command completes what is ordered, or says what is wrong with the command line.
func (f *steerFlags) command(verb desired.Verb) (desired.Command, error) {
	c := desired.Command{Verb: verb, Selector: f.selector, Yes: f.yes}
	switch {
	case f.all && !f.selector.All():
		return c, usagef("--all and another selector contradict each other")
	case !f.all && f.selector.All():
		return c, usagef("what is meant? Say --content, --type, --location, --peer or --all")
	case f.duration < 0:
		return c, usagef("--for %s is past", f.duration)
	case f.duration > 0:
		c.Until = time.Now().Add(f.duration).UTC().Truncate(time.Second)
	}
	if err := f.selector.Valid(); err != nil {
		return c, usagef("%v", err)
	}
	return c, nil
}

// order gives a command to the hub on this machine and tells what it touched and how to undo it.
func (f *steerFlags) order(cmd *cobra.Command, c desired.Command) error {
	e, err := f.send(cmd, c, 0)
	if err != nil {
		return err
	}
	if *f.json {
		return printJSON(cmd.OutOrStdout(), e)
	}
	f.tell(cmd, cmd.OutOrStdout(), c, e)
	return nil
}

// tell says what a command touched, or would, and how to undo it.
func (f *steerFlags) tell(cmd *cobra.Command, out io.Writer, c desired.Command, e api.Steered) {
	if f.dry {
		fmt.Fprintf(out, "%s would touch %s\n", c, touched(e.Touched))
	} else {
		fmt.Fprintf(out, "%s: %s touches %s\n", e.ID, c, touched(e.Touched))
	}
	tellForecast(out, e.Forecast)
	for _, note := range e.Touched.Notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
	}
	if !f.dry {
		fmt.Fprintf(cmd.ErrOrStderr(), "undo: ebb flow undo %s --state %s\n", e.ID, *f.state)
	}
}

// send gives a command to the hub. size is the bytes of an ordered content that is yet to be published, for a dry run.
func (f *steerFlags) send(cmd *cobra.Command, c desired.Command, size int64) (e api.Steered, err error) {
	who := "operator"
	if u, err := user.Current(); err == nil && u.Username != "" {
		who = u.Username
	}
	err = client.New(*f.state).Call(cmd.Context(), http.MethodPost, "steer", api.Steer{Who: who, DryRun: f.dry, Size: size, Command: c}, &e)
	return e, ofHub(err, *f.state)
}

// ofHub says so when an agent was asked what only a hub can answer.
func ofHub(err error, state string) error {
	var p *api.Problem
	if errors.As(err, &p) && p.Title == "no such page" {
		return &hintedError{text: fmt.Sprintf("%s is no hub's state directory: the fleet is steered on the hub's machine", state), code: exitDenied,
			hint: "--state HUBDIR there; flows of this host alone are steered by their names: ebb flow ls", err: err}
	}
	return err
}

// showFromHub prints what the hub answers to a GET of a path: as JSON, or as a table.
func showFromHub[T any](cmd *cobra.Command, state, path string, asJSON bool, table func(io.Writer, T) error) error {
	var x T
	if err := client.New(state).Call(cmd.Context(), http.MethodGet, path, nil, &x); err != nil {
		return ofHub(err, state)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), x)
	}
	return table(cmd.OutOrStdout(), x)
}

// endOf is when something ends, in words; zero: it does not.
func endOf(t time.Time) string {
	if t.IsZero() {
		return "further notice"
	}
	return t.UTC().Format(time.RFC3339)
}

func touched(p desired.Preview) string {
	switch s := hub.Tell(p); {
	case p.Nothing:
		return "nothing that the hub knows of now (" + s + ")"
	case p.Everything:
		return "everything: " + s
	default:
		return s
	}
}

func newFlowPrioritize() *cobra.Command {
	var f steerFlags
	cmd := &cobra.Command{Use: "prioritize SELECTOR --priority N", Short: "Say which flows of the fleet go first", Args: exactly()}
	f.register(cmd)
	f.until(cmd)
	priority := cmd.Flags().Int("priority", 0, "-100 to 100; higher goes first, 0 is ordinary")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := f.command(desired.DoPrioritize)
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("priority") || *priority < -desired.MaxPriority || *priority > desired.MaxPriority {
			return usagef("--priority: want a number from -%d to %d", desired.MaxPriority, desired.MaxPriority)
		}
		c.Priority = *priority
		return f.order(cmd, c)
	}
	return cmd
}

func newFlowStop() *cobra.Command {
	f := steerFlags{all: true}
	cmd := &cobra.Command{Use: "stop", Short: "Emergency: everything stands still, serving too, until: ebb flow resume --all", Args: exactly()}
	f.change(cmd)
	f.until(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := f.command(desired.DoStop)
		if err != nil {
			return err
		}
		return f.order(cmd, c)
	}
	return cmd
}

func newFlowUndo() *cobra.Command {
	f := steerFlags{all: true}
	cmd := &cobra.Command{Use: "undo ENTRY", Short: "Take back what was ordered to the fleet", Args: exactly("the entry, as ebb audit names it")}
	f.change(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.order(cmd, desired.Command{Verb: desired.DoUndo, Undo: args[0]})
	}
	return cmd
}

// newPeerBan revokes an endpoint's membership.
func newPeerBan() *cobra.Command {
	f := steerFlags{}
	cmd := &cobra.Command{Use: "ban PEER", Short: "Let an endpoint take part no more; ebb flow undo takes it back", Args: exactly("the endpoint's name, as ebb peer ls shows it")}
	f.change(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.selector.Peer = args[0]
		c, err := f.command(desired.DoRevoke)
		if err != nil {
			return err
		}
		return f.order(cmd, c)
	}
	return cmd
}
