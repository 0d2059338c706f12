// SPDX-License-Identifier: Apache-2.0

// Command ebb distributes big content to every endpoint of an enterprise: hub, agent and command line in one binary.
// Each command has a file of its own name; this one wires them together and turns errors into words and exit codes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	complain(root.ErrOrStderr(), err)
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := group("ebb", "Distribute big content everywhere, once per location, giving way to all other traffic")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Sprintf("%v; see: %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newDemo(), newHub(), newConsole(), newAgent(), newToken(), newEnroll(), newRenew(), newPublisher(), newLocation(), newPublish(), newGet(), newFlow(), newAudit(), newPolicy(), newContent(), newCache(),
		newPeer(), newStatus(), newWhy(), newHarm(), newLedger(), newDoctor(), newLink(), newSim(), newVersion())
	return root
}

// group is a command that only holds others: alone it shows them, and with a word that is none of them it says so.
func group(use, short string) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			return usagef("there is no command \"%s %s\", did you mean %q? See: %s --help", cmd.CommandPath(), args[0], nearest(args[0], names),
				cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// atMost refuses more arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("%q is one argument too many; usage: %s", args[n], cmd.UseLine())
		}
		return nil
	}
}

// exactly refuses any other number of arguments, naming what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing; usage: %s", names[len(args)], cmd.UseLine())
		case len(args) > len(names):
			return usagef("%q is one argument too many; usage: %s", args[len(names)], cmd.UseLine())
		}
		return nil
	}
}
