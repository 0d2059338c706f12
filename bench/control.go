// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/agent/api"
	ebbfleet "github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

const (
	controlLocations = 100
	controlEvery     = 10 * time.Second // a host's exchange of news at rest
	controlRest      = 30 * time.Second // for which the hub is watched at rest
	controlCommands  = 6
	// The goals of a hub with 2,000 hosts.
	goalReach  = 2   // seconds, p99
	goalHubMiB = 500 // resident
	goalHubCPU = 10  // % of a core at rest
)

// guest is a host as far as a hub sees it: enrolled, on the bus, with a book of its own. It has no data plane.
type guest struct {
	node   *node.Node
	client *client.Client
	bus    *bus.Host
	book   *desired.Book
	mu     sync.Mutex // guards book
}

// control lets many hosts, all in this process, join a hub in a process of its own, and pauses the fleet.
func (b *bench) control(ctx context.Context, s *Section) (err error) {
	s.Title = fmt.Sprintf("one hub, %d hosts in %d locations: pausing all, and at rest", b.o.Guests, controlLocations)
	f, err := b.newFleet(ctx, "control", 1<<20)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	arrived, up := make(chan time.Time, b.o.Guests), make(chan struct{}, b.o.Guests)
	guests := make([]*guest, b.o.Guests)
	defer func() {
		for _, g := range guests {
			g.leave()
		}
	}()
	b.say("control, %d hosts enrol", b.o.Guests)
	joining, joined := errgroup.WithContext(ctx)
	joining.SetLimit(4)
	for i := range guests {
		joining.Go(func() (err error) {
			guests[i], err = f.invite(joined, i, arrived, up)
			return err
		})
	}
	if err := joining.Wait(); err != nil {
		return err
	}
	for range guests {
		if err := next(ctx, up, "was not on the bus"); err != nil {
			return err
		}
	}
	forgetPeak(f.source.PID())
	b.say("control, at rest")
	before, err := readCPU(f.source.PID())
	if err != nil {
		return err
	}
	begin := time.Now()
	rest := controlRest
	if b.o.Short {
		rest = controlEvery
	}
	if err := atRest(ctx, guests, rest); err != nil {
		return err
	}
	after, err := readCPU(f.source.PID())
	if err != nil {
		return err
	}
	atRestFor := time.Since(begin)
	took, err := f.reachAll(ctx, len(guests), arrived)
	if err != nil {
		return err
	}
	peak, err := readPeak(f.source.PID())
	s.add("from the command to a host, median", median(took), "s").note("%d commands, verified and entered there", controlCommands)
	s.add("from the command to a host, p99", took[(len(took)*99+99)/100-1], "s").should(atMost, goalReach)
	s.add("from the command to a host, longest", took[len(took)-1], "s")
	s.add("hub, CPU at rest", 100*after.less(before).total().Seconds()/atRestFor.Seconds(), "% of a core").should(atMost, goalHubCPU)
	s.add("hub, resident, most", mebibytes(peak), "MiB").should(atMost, goalHubMiB)
	return err
}

// reachAll pauses and resumes the fleet and says how long each command took to each host, in seconds and sorted.
func (f *fleet) reachAll(ctx context.Context, hosts int, arrived chan time.Time) (took []float64, err error) {
	for i := range controlCommands {
		c := desired.Command{Verb: []desired.Verb{desired.DoPause, desired.DoResume}[i%2], Yes: true}
		begin := time.Now()
		if err := f.client.Call(ctx, http.MethodPost, "steer", api.Steer{Who: "bench", Command: c}, nil); err != nil {
			return nil, err
		}
		for n := range hosts {
			select {
			case t := <-arrived:
				took = append(took, t.Sub(begin).Seconds())
			case <-time.After(time.Minute):
				return nil, fmt.Errorf("a command did not reach %d of %d hosts in a minute", hosts-n, hosts)
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
	slices.Sort(took)
	return took, nil
}

func next(ctx context.Context, c <-chan struct{}, problem string) error {
	select {
	case <-c:
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("a host %s in a minute", problem)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// invite makes a host that tells when something it is ordered has come.
func (f *fleet) invite(ctx context.Context, i int, arrived chan<- time.Time, up chan<- struct{}) (*guest, error) {
	var t api.Token
	if err := f.client.Call(ctx, http.MethodPost, "tokens", map[string]string{"ttl": "1h"}, &t); err != nil {
		return nil, err
	}
	g := &guest{}
	var err error
	g.node, err = client.Enroll(ctx, client.Enrollment{Hub: f.source.Ready.Addr, Token: t.Token, Location: fmt.Sprintf("shop%d", i%controlLocations),
		State: filepath.Join(f.dir, fmt.Sprintf("guest%d", i))})
	if err != nil {
		return nil, err
	}
	if g.client, err = client.New(g.node); err != nil {
		return nil, err
	}
	ca, ok := g.node.CA.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the CA's key is a %T", g.node.CA.PublicKey)
	}
	g.book = desired.NewBook(ca, &g.node.Identity)
	reply, err := g.client.Sync(ctx, ebbfleet.SyncRequest{})
	if err != nil {
		return g, err
	}
	if reply.Bus == nil {
		return g, errors.New("the hub has no bus")
	}
	g.bus, err = bus.Join(bus.Options{Self: func() *node.Node { return g.node }, Bus: *reply.Bus, Log: slog.New(slog.DiscardHandler),
		Up: func() { up <- struct{}{} },
		Heard: func(raw []byte) {
			g.mu.Lock()
			defer g.mu.Unlock()
			if _, err := g.book.Heard(time.Now(), raw); err == nil {
				arrived <- time.Now()
			}
		}})
	return g, err
}

func (g *guest) leave() {
	if g == nil {
		return
	}
	if g.bus != nil {
		g.bus.Close()
	}
	if g.client != nil {
		g.client.Close()
	}
}

// atRest lets every host exchange news in its turn, as those do that fetch nothing.
func atRest(ctx context.Context, guests []*guest, rest time.Duration) error {
	all, ctx := errgroup.WithContext(ctx)
	for i, g := range guests {
		all.Go(func() error {
			for at := controlEvery * time.Duration(i) / time.Duration(len(guests)); at < rest; at += controlEvery {
				wait := controlEvery
				if at < controlEvery {
					wait = at
				}
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(wait):
				}
				g.mu.Lock()
				root := g.book.Root(g.node.Identity).String()
				g.mu.Unlock()
				if _, err := g.client.Sync(ctx, ebbfleet.SyncRequest{Desired: &ebbfleet.Desired{Root: root}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}
