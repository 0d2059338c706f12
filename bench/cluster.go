// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/bench/beside"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

const (
	clusterEvery = 200 * time.Millisecond // between two orders
	clusterFault = 15 * time.Second       // for which each fault lasts, and orders go on
)

// cluster orders without a pause while a NATS cluster of others that carries the orders loses a node, one freezes, one is cut off.
func (b *bench) cluster(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("a NATS cluster of three real processes, mutual TLS and passwords, %d hosts: from the command to a host while nodes fail", b.o.Clustered)
	f, err := b.newFleet(ctx, "cluster", 1<<20, "--bus", "off")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	nodes, err := b.nodes(ctx, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.Stop()) }()
	g, err := b.gather(ctx, f, b.o.Clustered)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.leave()) }()
	var all []given
	for _, x := range faults(ctx, nodes) {
		b.say("cluster, %s", x.name)
		orders, took, err := b.under(ctx, g, x, len(all))
		if err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
		all = append(all, orders...)
		s.add(x.name+", median", median(took), "s").note("%d orders", len(orders))
		s.add(x.name+", p99", p99(took), "s")
		s.add(x.name+", longest", took[len(took)-1], "s").should(atMost, goalSwallowed)
	}
	lost, err := g.account(ctx, all)
	if err != nil {
		return err
	}
	s.add("orders", float64(len(all)), "").note("each at %d hosts", g.guests)
	s.add("lost, taken twice or undone", float64(lost), "").should(atMost, 0)
	return nil
}

// nodes starts a cluster, and the hub again with it.
func (b *bench) nodes(ctx context.Context, f *fleet) (*beside.Cluster, error) {
	hub := filepath.Join(f.dir, "hub")
	n, err := node.Load(hub)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	nodes, err := beside.Nodes(ctx, exe, filepath.Join(f.dir, "nodes"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.CA.Raw}))
	if err != nil {
		return nil, err
	}
	ca, config := filepath.Join(hub, "bus-ca.pem"), filepath.Join(hub, "hub.yaml")
	text := fmt.Sprintf("hub:\n  nats: %s,%s,%s\n  ca: %s\n  login: {user: %s, password: %s}\n  hosts: {user: %s, password: %s}\n",
		nodes.URLs[0], nodes.URLs[1], nodes.URLs[2], ca, beside.HubUser, beside.HubPassword, beside.HostsUser, beside.HostsPassword)
	err = errors.Join(os.WriteFile(ca, nodes.CA, 0o600), os.WriteFile(config, []byte(text), 0o600))
	if err == nil {
		err = f.restart(ctx, "--config", config)
	}
	if err != nil {
		return nil, errors.Join(err, nodes.Stop())
	}
	return nodes, nil
}

// fault is something that is done to a cluster and made good again.
type fault struct {
	name        string
	begin, over func() error
}

func faults(ctx context.Context, c *beside.Cluster) []fault {
	nothing := func() error { return nil }
	return []fault{
		{"all is well", nothing, nothing},
		{"one node killed", func() error { return c.Kill(0) }, func() error { return c.Restart(ctx, 0) }},
		{"one node frozen", func() error { return c.Freeze(1, true) }, func() error { return c.Freeze(1, false) }},
		{"one node cut off", func() error { c.CutOff(true); return nil }, func() error { c.CutOff(false); return nil }},
		{"all nodes killed, and come back empty", func() error { return errors.Join(c.Kill(0), c.Kill(1), c.Kill(2)) },
			func() error { return errors.Join(c.Restart(ctx, 0), c.Restart(ctx, 1), c.Restart(ctx, 2)) }},
	}
}

// under orders while there is a fault, and says how long each order took to each host. What comes late comes while the fault is there.
func (b *bench) under(ctx context.Context, g *gathering, x fault, before int) (orders []given, took []float64, err error) {
	if err := x.begin(); err != nil {
		return nil, nil, err
	}
	last := clusterFault
	if b.o.Short {
		last /= 5
	}
	for end := time.Now().Add(last); time.Now().Before(end); {
		o, err := g.give(ctx, desired.Command{Verb: desired.DoPause, Selector: desired.Selector{Content: fmt.Sprintf("content-%d", before+len(orders))}})
		if err != nil {
			return nil, nil, err
		}
		orders = append(orders, o)
		if err := Wait(ctx, clusterEvery); err != nil {
			return nil, nil, err
		}
	}
	if took, err = g.took(ctx, orders, false); err != nil {
		return nil, nil, err
	}
	return orders, took, x.over()
}

// account counts what is not as it must be in the end: an order that a host has not taken exactly once, or a host that does not stand
// where the others stand.
func (g *gathering) account(ctx context.Context, all []given) (wrong int, err error) {
	if err := g.order(beside.Order{Ask: true}); err != nil {
		return 0, err
	}
	err = g.await(ctx, arriveWithin, func() (bool, string) {
		return len(g.stands) == g.guests, fmt.Sprintf("%d have answered", len(g.stands))
	})
	if err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range all {
		wrong += g.guests - len(g.applied[x.version])
	}
	wrong += len(g.applied) - len(all) // what nobody ordered
	for guest, e := range g.stands {
		if e.Text != g.stands[0].Text {
			wrong++
			g.wrong = append(g.wrong, fmt.Sprintf("guest %d stands at %s, another at %s", guest, e.Text, g.stands[0].Text))
		}
	}
	return wrong, nil
}
