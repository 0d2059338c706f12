// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent/daemon"
	fleetclient "github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/transfer/udp"
)

// moveEvery is how often a host may move at most, should its address go to and fro.
const moveEvery = 10 * time.Second

// life is an agent's: one daemon after another on one store, one for each identity that the host has. A host that moves to
// another location gets another certificate, and with it everybody must meet it anew: its neighbours are others, and to
// those it leaves it is far now. A budget that a policy gives the location must be in the hello of all its hosts. So its daemon ends in
// order and another begins on the same port; flows go on from the journal, and the local API waits for a moment.
type life struct {
	hub   *fleetclient.Client
	log   *slog.Logger
	plane plane
	moved chan struct{} // capacity 1: the hub sees the host elsewhere
	anew  chan struct{} // capacity 1: a policy wants another daemon
	start func(*node.Node, udp.Socket) (*daemon.Daemon, error)

	mu      sync.RWMutex // held while there is no daemon
	daemon  *daemon.Daemon
	handler http.Handler
	node    *node.Node // as the daemon was started with
	since   time.Time
}

// figures are those of the daemon there is, or of the next one.
func (l *life) figures() (daemon.Figures, bool) {
	l.mu.RLock()
	d := l.daemon
	l.mu.RUnlock()
	return d.Figures()
}

func (l *life) alive() bool {
	_, ok := l.figures()
	return ok
}

// told is what the daemon calls when the hub sees the host elsewhere, and ruled when a policy wants another daemon.
func (l *life) told()  { knock(l.moved) }
func (l *life) ruled() { knock(l.anew) }

func knock(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// ServeHTTP serves the local API by the daemon there is, or the next one.
func (l *life) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.RLock()
	h := l.handler
	l.mu.RUnlock()
	h.ServeHTTP(w, r)
}

// begin starts a daemon. The caller holds mu, or is alone.
func (l *life) begin(n *node.Node) error {
	socket, err := l.plane.open()
	if err != nil {
		return err
	}
	d, err := l.start(n, socket)
	if err != nil {
		return err
	}
	l.daemon, l.handler, l.node, l.since = d, d.Handler(), n, time.Now()
	l.plane.listen = netip.AddrPortFrom(l.plane.listen.Addr(), d.Addr().Port()) // the next one is where this one was
	return nil
}

func (l *life) end() error { return l.daemon.Close() }

// run keeps the certificate fresh, and the daemon where the host is, until ctx ends.
func (l *life) run(ctx context.Context) error {
	fresh, again := renew(ctx, l.hub, l.log)
	for {
		if fresh != nil {
			if err := l.takeUp(fresh); err != nil {
				return err
			}
		}
		select {
		case <-time.After(again):
			fresh, again = renew(ctx, l.hub, l.log)
		case <-l.moved:
			fresh = l.move(ctx)
		case <-l.anew:
			fresh = nil
			if err := l.another(l.hub.Node()); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// move fetches the certificate for where the hub sees the host; nil: not now, it will be told again.
func (l *life) move(ctx context.Context) *node.Node {
	if time.Since(l.since) < moveEvery && l.hub.Node().Identity == l.node.Identity {
		return nil
	}
	fresh, err := l.hub.Renew(ctx)
	if err != nil {
		l.log.Warn("this host has moved and got no certificate for where it is", "location", l.node.Identity.Location, "err", err)
		return nil
	}
	return fresh
}

// takeUp uses a fresh enrolment: as it is where the identity is the same, with another daemon where it is not.
func (l *life) takeUp(fresh *node.Node) error {
	if fresh.Identity == l.node.Identity {
		l.daemon.Renewed(fresh)
		return nil
	}
	l.log.Info("this host has moved", "from", l.node.Identity.Location, "location", fresh.Identity.Location)
	return l.another(fresh)
}

// another ends the daemon in order and begins the next one on the same port.
func (l *life) another(n *node.Node) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.daemon.Close()
	if berr := l.begin(n); berr != nil {
		return errors.Join(berr, err)
	}
	if err != nil {
		l.log.Warn("the daemon did not end in order", "err", err)
	}
	return nil
}
