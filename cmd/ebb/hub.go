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
	"github.com/ebbproject/ebb/console"
	"github.com/ebbproject/ebb/console/gate"
	"github.com/ebbproject/ebb/hub"
	"github.com/ebbproject/ebb/metrics"
	"github.com/ebbproject/ebb/transfer/udp"
)

func newHub() *cobra.Command {
	var r hubRun
	var f hubFlags
	cmd := &cobra.Command{
		Use:   "hub",
		Short: "Run the control plane: fleet CA, catalogue, first source of what is published",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(cmd, &r); err != nil {
				return err
			}
			r.cmd = cmd
			return runHub(cmd.Context(), r)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&r.state, "state", defaultState(), "state directory of the instance")
	fl.StringVar(&f.file, "config", "", "configuration file (default: hub.yaml in the usual places)")
	fl.StringVar(&f.listen, "listen", "[::]:8732", "address of the control port (TCP) and the data plane (UDP); port 0: any")
	fl.StringVar(&r.console, "console", "127.0.0.1:0", "loopback address of the console and its API; port 0: any; none: no console")
	fl.StringSliceVar(&r.names, "console-name", nil, "host name under which a proxy that speaks TLS offers the console")
	controllerFlag(fl, &r.controller)
	fl.StringVar(&f.wire, "bus", "", "where orders are pushed: an address (TCP) of the hub's own bus, websocket (on the control port), the URLs of a NATS cluster "+
		"such as tls://bus.example:4222, or off (default: port 8734 of --listen's address; port 0 if that has port 0)")
	fl.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	fl.BoolVar(&r.json, "json", false, "print one line of JSON when ready")
	return cmd
}

type hubRun struct {
	cmd        *cobra.Command
	state      string
	addr       netip.AddrPort
	controller string
	console    string
	names      []string
	json       bool
	log        *slog.Logger
	bus        hub.BusOptions
}

// runHub runs the control port and an ordinary daemon, the first source, on one store.
func runHub(ctx context.Context, r hubRun) (err error) {
	collectLazily(hubMemory)
	go keepRoom(ctx, hubMemory)
	if err := checkSocket(r.state); err != nil {
		return err
	}
	journal := metrics.NewJournal()
	st, err := openStore(r.state, journal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	control, socket, err := listenBoth(r.addr)
	if err != nil {
		return err
	}
	n, err := hub.Init(r.state, socket.LocalAddr(), time.Now(), r.log)
	if err != nil {
		return errors.Join(badState(err), control.Close(), socket.Close())
	}
	page, err := listenConsole(r.console)
	if err != nil {
		return errors.Join(err, control.Close(), socket.Close())
	}
	d, err := daemon.Start(daemon.Options{Node: n, Store: st, Socket: socket, Log: r.log, Version: version(),
		Controller: r.controller, Console: consoleURL(page)})
	if err != nil {
		return errors.Join(err, control.Close(), closeIf(page))
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	s, err := hub.Open(hub.Options{State: r.state, Node: n, Store: st, Listener: control, Observed: d.Observed, Published: d.Published,
		Pinned: d.Pinned, Ledger: d.Ledger, Ordered: d.Ordered, Bus: r.bus, Ways: d.Ways, Log: r.log})
	if err != nil {
		return errors.Join(err, control.Close(), closeIf(page))
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	figures := metrics.Handler(metrics.Options{Figures: d.Figures, Journal: journal, Fleet: s, Version: version()})
	mux := http.NewServeMux()
	s.Mount(mux)
	var view *console.Server
	if page != nil {
		var stop func() error
		if view, stop, err = startConsole(console.Options{Fleet: s, Listener: page, Names: r.names, Version: version(), Log: r.log,
			Figures: figures}); err != nil {
			return errors.Join(err, control.Close())
		}
		defer func() { err = errors.Join(err, stop()) }()
		view.Mount(mux)
	}
	mux.Handle("/", d.Handler())
	local, err := serveLocal(r.state, withFigures(figures, mux))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopLocal(local)) }()
	failed := make(chan error, 1)
	go func() { failed <- s.Serve() }()
	if err := sayReady(r.cmd.OutOrStdout(), r.json, socket.LocalAddr(), n, figuresURL(view)); err != nil {
		return err
	}
	if err := r.sayConsole(view); err != nil {
		return err
	}
	defer managed(ctx, r.log, func() bool { _, ok := d.Figures(); return ok })()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("control port: %w", err)
	}
}

// sayConsole tells people where the console is: with a link on a terminal, without one where others may read it too.
func (r hubRun) sayConsole(view *console.Server) error {
	out := r.cmd.OutOrStdout()
	switch {
	case view == nil || r.json:
		return nil
	case !isTerminal(out):
		_, err := fmt.Fprintf(out, "console on %s; a link into it: ebb console --state %s\n", view.URL(), r.state)
		return err
	}
	link, err := view.NewLink(userName(), gate.Admin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "console, good once until %s: %s\n", link.Expires.Local().Format("15:04"), link.URL)
	return err
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
