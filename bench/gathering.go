// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/bench/beside"
	"github.com/ebbproject/ebb/fleet/desired"
)

// Guests of a gathering are spread over so many processes and, by the process, over locations.
const (
	crowds         = 4
	controlSites   = 100
	enrolWithin    = 20 * time.Minute
	lookAtGuests   = 5 * time.Millisecond
	arriveWithin   = time.Minute
	tokensAtOnce   = 8
	listedProblems = 3
)

// gathering is the guests of a fleet, in processes of their own, and what they have told.
type gathering struct {
	fleet  *fleet
	guests int
	crowds []*beside.Crowd

	mu      sync.Mutex
	counts  map[string]int
	applied map[uint64]map[int]beside.Event // by document and guest
	up      map[int][]time.Time             // when each came onto the bus
	synced  map[int][]time.Time             // and exchanged news, while watched
	stands  map[int]beside.Event
	wrong   []string
}

// gather lets guests enrol and then, crowd by crowd, begin, and waits until all of them are on the bus. So those that begin do not take the
// hub's time from those that enrol.
func (b *bench) gather(ctx context.Context, f *fleet, guests int) (g *gathering, err error) {
	g = &gathering{fleet: f, guests: guests, counts: map[string]int{}, applied: map[uint64]map[int]beside.Event{}, up: map[int][]time.Time{},
		synced: map[int][]time.Time{}, stands: map[int]beside.Event{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.leave())
		}
	}()
	exe, err := os.Executable()
	if err != nil {
		return g, err
	}
	b.say("%d guests enrol", guests)
	tokens := make([]string, guests)
	making, inner := errgroup.WithContext(ctx)
	making.SetLimit(tokensAtOnce)
	for i := range tokens {
		making.Go(func() error {
			var t api.Token
			err := f.client.Call(inner, http.MethodPost, "tokens", map[string]string{"ttl": "2h"}, &t)
			tokens[i] = t.Token
			return err
		})
	}
	if err := making.Wait(); err != nil {
		return g, err
	}
	for i := range crowds {
		first, end := guests*i/crowds, guests*(i+1)/crowds
		s := beside.Spec{Hub: f.source.Ready.Addr, Dir: filepath.Join(f.dir, "guests"), First: first, Tokens: tokens[first:end]}
		for site := range controlSites / crowds {
			s.Locations = append(s.Locations, fmt.Sprintf("shop%d-%d", i, site))
		}
		c, err := beside.Start(ctx, exe, s, g.told)
		if err != nil {
			return g, err
		}
		g.crowds = append(g.crowds, c)
	}
	if err := g.await(ctx, enrolWithin, func() (bool, string) {
		n := g.counts[beside.Enrolled]
		return n == guests, fmt.Sprintf("%d of %d have enrolled", n, guests)
	}); err != nil {
		return g, err
	}
	for i, c := range g.crowds {
		b.say("%d of %d begin", guests*(i+1)/crowds, guests)
		if err := c.Order(beside.Order{}); err != nil {
			return g, err
		}
		if err := g.await(ctx, enrolWithin, func() (bool, string) {
			n := guests * (i + 1) / crowds
			return len(g.up) == n, fmt.Sprintf("%d of %d are on the bus", len(g.up), n)
		}); err != nil {
			return g, err
		}
	}
	return g, nil
}

// count is how often something was told.
func (g *gathering) count(what string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts[what]
}

// told takes what a guest tells.
func (g *gathering) told(e beside.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts[e.What]++
	switch e.What {
	case beside.Applied:
		if g.applied[e.Version] == nil {
			g.applied[e.Version] = map[int]beside.Event{}
		}
		if _, twice := g.applied[e.Version][e.Guest]; twice {
			g.wrong = append(g.wrong, fmt.Sprintf("guest %d took document %d twice", e.Guest, e.Version))
		}
		g.applied[e.Version][e.Guest] = e
	case beside.Up:
		g.up[e.Guest] = append(g.up[e.Guest], e.At)
	case beside.Synced:
		g.synced[e.Guest] = append(g.synced[e.Guest], e.At)
	case beside.Stands:
		g.stands[e.Guest] = e
	case beside.Wrong, beside.Gone:
		g.wrong = append(g.wrong, fmt.Sprintf("guest %d: %s: %s", e.Guest, e.What, e.Text))
	}
}

// await waits until something is so that is looked at under the lock. state is for people.
func (g *gathering) await(ctx context.Context, within time.Duration, so func() (bool, string)) error {
	end := time.Now().Add(within)
	return poll(ctx, lookAtGuests, func() (bool, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		ok, state := so()
		switch {
		case len(g.wrong) > 0:
			return false, fmt.Errorf("%d things went wrong: %q", len(g.wrong), g.wrong[:min(len(g.wrong), listedProblems)])
		case !ok && time.Now().After(end):
			return false, fmt.Errorf("after %v: %s", within, state)
		}
		return ok, nil
	})
}

// order tells all guests what to do.
func (g *gathering) order(o beside.Order) error {
	var errs []error
	for _, c := range g.crowds {
		errs = append(errs, c.Order(o))
	}
	return errors.Join(errs...)
}

// leave ends the guests.
func (g *gathering) leave() error {
	var errs []error
	for _, c := range g.crowds {
		errs = append(errs, c.Stop())
	}
	return errors.Join(errs...)
}

// given is a command of the operator: when it was begun to be given, and the version of its document.
type given struct {
	at      time.Time
	version uint64
}

// give gives a command.
func (g *gathering) give(ctx context.Context, c desired.Command) (given, error) {
	x := given{at: time.Now()}
	var s api.Steered
	c.Yes = true
	if err := g.fleet.client.Call(ctx, http.MethodPost, "steer", api.Steer{Who: "bench", Command: c}, &s); err != nil {
		return x, err
	}
	var ok bool
	if x.version, ok = desired.EntryVersion(s.ID); !ok {
		return x, fmt.Errorf("the hub calls an entry %q", s.ID)
	}
	return x, nil
}

// took waits until all guests have applied what was given, and says how long each took, in seconds and sorted.
func (g *gathering) took(ctx context.Context, all []given, idle bool) (took []float64, err error) {
	err = g.await(ctx, arriveWithin, func() (bool, string) {
		for _, x := range all {
			if n := len(g.applied[x.version]); n < g.guests {
				return false, fmt.Sprintf("a command reached %d of %d", n, g.guests)
			}
		}
		return true, ""
	})
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range all {
		for guest, e := range g.applied[x.version] {
			if idle && !e.Idle {
				return nil, fmt.Errorf("guest %d has heard of the pause and goes on", guest)
			}
			took = append(took, e.At.Sub(x.at).Seconds())
		}
	}
	slices.Sort(took)
	return took, nil
}

// percentile 99 of a sorted list.
func p99(sorted []float64) float64 { return sorted[(len(sorted)*99+99)/100-1] }
