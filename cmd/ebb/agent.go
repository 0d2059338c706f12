// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/agent/daemon"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/agent/sense"
	"github.com/ebbproject/ebb/fleet"
	fleetclient "github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/metrics"
	"github.com/ebbproject/ebb/transfer/udp"
)

type agentFlags struct {
	state, file, listen, relay, level, controller, carrier string
	multicast                                              string
	direct, static                                         []string
	json, always                                           bool

	cache   cacheFlags
	metrics metricsFlags
	plane   plane
	limits  cache.Limits
	policy  gentle.Policy
	budget  budget.Config
	link    gentle.Link
	weight  *int
	own     []string // settings that the owner gave, which a policy of the hub decides only where it is locked
}

// plane is the data plane as the flags describe it.
type plane struct {
	listen netip.AddrPort
	relay  netip.AddrPort // not valid: none
	direct []netip.Prefix
}

func newAgent() *cobra.Command {
	var f agentFlags
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run the endpoint: fetch, keep and serve content",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(cmd); err != nil {
				return err
			}
			log, err := newLog(cmd.ErrOrStderr(), f.level)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), cmd, log)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.state, "state", defaultState(), "state directory of the instance")
	fl.StringVar(&f.file, "config", "", "configuration file (default: agent.yaml in the usual places)")
	fl.StringVar(&f.listen, "listen", "[::]:8733", "UDP address of the data plane; port 0: any")
	fl.StringVar(&f.relay, "wan-relay", "", "send to other locations through this UDP relay (RFC 1928, section 7)")
	fl.StringSliceVar(&f.direct, "direct", nil, "networks reached without the relay")
	controllerFlag(fl, &f.controller)
	fl.StringVar(&f.carrier, "lan-carrier", daemon.CarrierTLS, "what runs between hosts of one location: "+strings.Join(lanCarriers, ", "))
	fl.StringVar(&f.multicast, "discovery-multicast", multicastOn, "find neighbours by multicast (DNS-SD) while the hub is away: on or off")
	fl.StringSliceVar(&f.static, "peers-static", nil, "host:port of other hosts of the fleet that are tried while neighbours are lacking")
	fl.BoolVar(&f.always, "serve-always", false, "serve others however busy this host is, on battery, VPN and metered networks too")
	f.cache.register(fl)
	f.metrics.register(fl)
	fl.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	fl.BoolVar(&f.json, "json", false, "print one line of JSON when ready")
	return cmd
}

// complete fills what no flag says from the environment, then from the file.
func (f *agentFlags) complete(cmd *cobra.Command) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	c, err := loadConfig(f.file)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		flag, value string
		to          *string
	}{{"listen", c.Listen, &f.listen}, {"wan-relay", c.Wan.Relay, &f.relay}, {"log-level", c.Log.Level, &f.level},
		{"controller", c.Wan.Controller, &f.controller}, {"lan-carrier", c.Lan.Carrier, &f.carrier}, {"discovery-multicast", c.Discovery.Multicast, &f.multicast},
		{"cache-max-size", c.Cache.MaxSize, &f.cache.maxSize}, {"cache-min-free", c.Cache.MinFree, &f.cache.minFree},
		{"cache-max-age", c.Cache.MaxAge, &f.cache.maxAge}, {"cache-replicas", c.Cache.Replicas, &f.cache.replicas},
		{"metrics", c.Metrics.Listen, &f.metrics.listen}} {
		if x.value != "" && !cmd.Flags().Changed(x.flag) {
			*x.to = x.value
		}
	}
	if len(c.Peers.Static) > 0 && !cmd.Flags().Changed("peers-static") {
		f.static = c.Peers.Static
	}
	if len(c.Wan.Direct) > 0 && !cmd.Flags().Changed("direct") {
		f.direct = c.Wan.Direct
	}
	if !cmd.Flags().Changed("serve-always") {
		f.always = c.Serve.Always
	}
	if !cmd.Flags().Changed("metrics-public") {
		f.metrics.public = c.Metrics.Public
	}
	if f.policy, err = c.policy(f.always); err != nil {
		return err
	}
	if f.budget, err = c.budget(); err != nil {
		return err
	}
	if f.link, err = c.network(); err != nil {
		return err
	}
	if f.weight, err = c.weight(); err != nil {
		return err
	}
	f.own = c.own(cmd)
	return f.understand()
}

// understand reads what is written in the flags, before anything is opened.
func (f *agentFlags) understand() (err error) {
	if err := checkController(f.controller); err != nil {
		return err
	}
	if err := checkCarrier(f.carrier); err != nil {
		return err
	}
	if err := checkDiscovery(f.multicast, f.static); err != nil {
		return err
	}
	if err := f.metrics.understand(); err != nil {
		return err
	}
	if f.limits, err = f.cache.limits(); err != nil {
		return err
	}
	if f.plane.listen, err = parseListen(f.listen); err != nil {
		return err
	}
	if f.plane.direct, err = parsePrefixes(f.direct); err != nil || f.relay == "" {
		return err
	}
	if f.plane.relay, err = netip.ParseAddrPort(f.relay); err != nil {
		return &configError{fmt.Sprintf("the WAN relay %q is not an address and a port", f.relay)}
	}
	return nil
}

func (f *agentFlags) run(ctx context.Context, cmd *cobra.Command, log *slog.Logger) (err error) {
	lowerPriority()
	collectLazily(agentMemory)
	if err := checkSocket(f.state); err != nil {
		return err
	}
	n, err := loadNode(f.state)
	if err != nil {
		return err
	}
	if n.Identity.Role != fleet.RoleAgent {
		return &configError{fmt.Sprintf("%s is the state directory of a %s; start it with: ebb %s --state %s", f.state, n.Identity.Role, n.Identity.Role, f.state)}
	}
	journal := metrics.NewJournal()
	st, err := openStore(f.state, journal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	hub, err := fleetclient.New(n)
	if err != nil {
		return err
	}
	defer hub.Close()
	life := life{hub: hub, log: log, plane: f.plane, moved: make(chan struct{}, 1), anew: make(chan struct{}, 1)}
	life.start = func(n *node.Node, socket udp.Socket) (*daemon.Daemon, error) {
		return daemon.Start(daemon.Options{Node: n, Store: st, Socket: socket, Hub: hub, Log: log, Version: version(),
			Controller: f.controller, Carrier: f.carrier, Limits: f.limits, Gentle: f.policy, Budget: f.budget, Weight: f.weight, Moved: life.told,
			Own: f.own, Anew: life.ruled,
			Multicast: f.multicast == multicastOn, Static: f.static,
			Sense: sense.New(sense.Config{State: f.state, Hub: n.HubAddr, Link: f.link}).Read})
	}
	if err := life.begin(renewAtStart(ctx, hub, log)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, life.end()) }()
	figures := metrics.Handler(metrics.Options{Figures: life.figures, Journal: journal, Version: version()})
	at, stop, err := f.metrics.serve(figures)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	local, err := serveLocal(f.state, withFigures(figures, &life))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopLocal(local)) }()
	if err := sayReady(cmd.OutOrStdout(), f.json, life.daemon.Addr(), life.node, at); err != nil {
		return err
	}
	defer managed(ctx, log, life.alive)()
	return life.run(ctx)
}

// open opens the socket, behind the relay if there is one.
func (p plane) open() (udp.Socket, error) {
	s, err := udp.Listen(udp.Config{Address: p.listen, TrafficClass: udp.LowEffort | udp.ECT0})
	if err != nil || !p.relay.IsValid() {
		return s, err
	}
	return udp.Via(s, p.relay, func(to netip.AddrPort) bool {
		return slices.ContainsFunc(p.direct, func(near netip.Prefix) bool { return near.Contains(to.Addr()) })
	}), nil
}
