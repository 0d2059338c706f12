// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/console"
	"github.com/ebbproject/ebb/console/gate"
)

func newConsole() *cobra.Command {
	var role, name string
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Print a link into the hub's console, good once",
		Args:  exactly(),
	}
	state, asJSON := stateFlag(cmd), jsonFlag(cmd)
	cmd.Flags().StringVar(&role, "role", gate.Admin.String(), "what the link is good for: viewer, operator or admin")
	cmd.Flags().StringVar(&name, "name", userName(), "whom it is for, as the audit calls them")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := gate.ParseRole(role); err != nil {
			return usagef("--role %q: there are viewer, operator and admin", role)
		}
		var link console.Link
		ask := map[string]string{"name": name, "role": role}
		if err := client.New(*state).Call(cmd.Context(), http.MethodPost, "console/links", ask, &link); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(cmd.OutOrStdout(), link)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "good once, until %s, as %s for %s\n", link.Expires.Local().Format("15:04"), link.Role, link.Name)
		_, err := fmt.Fprintln(cmd.OutOrStdout(), link.URL)
		return err
	}
	return cmd
}

func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}

// noConsole switches the console off.
const noConsole = "none"

// listenConsole opens the console's port; nil: there is to be none.
func listenConsole(text string) (net.Listener, error) {
	if text == noConsole {
		return nil, nil
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, usagef("--console %q: want an address and a port such as 127.0.0.1:8734, or %s", text, noConsole)
	}
	if err := console.CheckAddr(addr); err != nil {
		return nil, &configError{err.Error()}
	}
	return net.Listen("tcp", addr.String())
}

// consoleURL is where the console will be; empty: there is none.
func consoleURL(l net.Listener) string {
	if l == nil {
		return ""
	}
	return "http://" + l.Addr().String() + "/"
}

func closeIf(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// startConsole serves the console until the returned function is called.
func startConsole(o console.Options) (s *console.Server, stop func() error, err error) {
	if s, err = console.Open(o); err != nil {
		return nil, nil, errors.Join(err, o.Listener.Close())
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	return s, func() error { return errors.Join(s.Close(), <-served) }, nil
}
