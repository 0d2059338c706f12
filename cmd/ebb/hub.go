// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/hub"
	"github.com/ebbproject/ebb/transfer/udp"
)

func newHub() *cobra.Command {
	var state, listen, level, controller string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "hub",
		Short: "Run the control plane: fleet CA, catalogue, first source of what is published",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd); err != nil {
				return err
			}
			log, err := newLog(cmd.ErrOrStderr(), level)
			if err != nil {
				return err
			}
			addr, err := parseListen(listen)
			if err != nil {
				return err
			}
			if err := checkController(controller); err != nil {
				return err
			}
			return runHub(cmd.Context(), hubRun{cmd: cmd, state: state, addr: addr, controller: controller, json: asJSON, log: log})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&state, "state", defaultState(), "state directory of the instance")
	fl.StringVar(&listen, "listen", "[::]:8732", "address of the control port (TCP) and the data plane (UDP); port 0: any")
	controllerFlag(fl, &controller)
	fl.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	fl.BoolVar(&asJSON, "json", false, "print one line of JSON when ready")
	return cmd
}

type hubRun struct {
	cmd        *cobra.Command
	state      string
	addr       netip.AddrPort
	controller string
	json       bool
	log        *slog.Logger
}

// runHub runs the control port and an ordinary daemon, the first source, on one store.
func runHub(ctx context.Context, r hubRun) (err error) {
	collectLazily(hubMemory)
	if err := checkSocket(r.state); err != nil {
		return err
	}
	st, err := openStore(r.state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	control, socket, err := listenBoth(r.addr)
	if err != nil {
		return err
	}
	if err := hub.Init(r.state, socket.LocalAddr(), time.Now()); err != nil {
		return errors.Join(badState(err), control.Close(), socket.Close())
	}
	n, err := loadNode(r.state)
	if err != nil {
		return errors.Join(err, control.Close(), socket.Close())
	}
	d, err := daemon.Start(daemon.Options{Node: n, Store: st, Socket: socket, Log: r.log, Version: version(),
		Controller: r.controller})
	if err != nil {
		return errors.Join(err, control.Close())
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	s, err := hub.Open(hub.Options{State: r.state, Store: st, Listener: control, Observed: d.Observed, Published: d.Published,
		Pinned: d.Pinned, Ledger: d.Ledger, Ways: d.Ways, Log: r.log})
	if err != nil {
		return errors.Join(err, control.Close())
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	mux := http.NewServeMux()
	s.Mount(mux)
	mux.Handle("/", d.Handler())
	local, err := serveLocal(r.state, mux)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopLocal(local)) }()
	failed := make(chan error, 1)
	go func() { failed <- s.Serve() }()
	if err := sayReady(r.cmd.OutOrStdout(), r.json, socket.LocalAddr(), n); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("control port: %w", err)
	}
}

// listenBoth opens TCP and UDP on one port number. With port 0 the system chooses for TCP; should UDP of that number
// be taken, another is tried.
func listenBoth(addr netip.AddrPort) (net.Listener, *udp.Conn, error) {
	for try := 0; ; try++ {
		l, err := net.Listen("tcp", addr.String())
		if err != nil {
			return nil, nil, err
		}
		port := l.Addr().(*net.TCPAddr).AddrPort().Port()
		s, err := udp.Listen(udp.Config{Address: netip.AddrPortFrom(addr.Addr(), port), TrafficClass: udp.LowEffort | udp.ECT0})
		if err == nil {
			return l, s, nil
		}
		l.Close()
		if addr.Port() != 0 || try == 9 {
			return nil, nil, err
		}
	}
}
