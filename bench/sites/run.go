// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

// A Scenario is one distribution.
type Scenario struct {
	Sites, Hosts int // hosts a site, 1 to 200
	Uplink       Uplink
	Size         int64         // bytes of the content
	KillEvery    time.Duration // in each site the host that brings most is killed; zero: nobody is
	HubDown      time.Duration // how long the hub is away once half has arrived; zero: it is not
	Within       time.Duration // bounds the whole
}

// A Result is how it went.
type Result struct {
	Sites    []SiteResult
	Done     []time.Duration // to completion, of each host, sorted
	Kills    int
	Finished time.Duration
	CPU      Usage // unless hosts were killed
}

// Usage is processor time, user and system, from the common start until the last host was done.
type Usage struct{ Hosts, Hub, Links time.Duration }

// A SiteResult is what came down one uplink.
type SiteResult struct {
	Bytes, Packets int64 // IP packets, headers, acknowledgements and repeats and all
	Payload        int64 // bytes of chunks that were sent to its hosts from beyond, as senders or receivers count it: of both, who saw more
	Whole          int64 // of this, what became whole chunks

	Amplification float64 // Payload over the size of the content
	OnTheWire     float64 // Bytes over the size of the content
}

// Worst is the largest amplification.
func (r *Result) Worst() float64 {
	worst := 0.0
	for _, s := range r.Sites {
		worst = max(worst, s.Amplification)
	}
	return worst
}

// Quantile of the times to completion.
func (r *Result) Quantile(q float64) time.Duration {
	return r.Done[min(len(r.Done)-1, int(q*float64(len(r.Done))))]
}

// A Bench runs scenarios.
type Bench struct {
	Exe  string // the ebb binary
	Dir  string // where temporary files go; empty: the system's place
	Seed uint64
	Say  func(string) // what happens; may be nil

	CPU func(pid int) (time.Duration, error) // what a process has used so far; may be nil
}

// lookEvery is how often the hosts are asked how they are.
const lookEvery = 250 * time.Millisecond

// Run runs one, and fails if any host has not exactly what was published, or not in time. The error wraps ErrNotHere where it cannot
// be run. Whatever was started has ended, and every file is gone, when it returns, also when ctx has ended.
func (b Bench) Run(ctx context.Context, s Scenario) (r *Result, err error) {
	dir, err := os.MkdirTemp(b.Dir, "ebb-sites-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeoutCause(ctx, s.Within, fmt.Errorf("it was not complete within %v", s.Within))
	defer cancel()
	l, err := newLab(ctx, b.Exe, dir, s, s.Within+time.Minute)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	f, err := newFleet(ctx, l, s.Size, b.Seed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	t := &trial{Bench: b, Scenario: s, fleet: f, struck: map[*site]int{}}
	if err := t.distribute(ctx); err != nil {
		return nil, err
	}
	return t.result(ctx)
}

// trial is one distribution under way.
type trial struct {
	Bench
	Scenario
	*fleet
	began    time.Time
	before   []carried     // what came down each uplink before
	struck   map[*site]int // how often
	kills    int
	hubBack  time.Time
	hubWas   bool // down already
	finished time.Duration
	used     Usage // until the start, and once finished from there on
}

// usage is what all processes have used so far.
func (t *trial) usage() (u Usage, err error) {
	if t.CPU == nil {
		return u, nil
	}
	add := func(to *time.Duration, pid int) {
		used, bad := t.CPU(pid)
		*to += used
		err = errors.Join(err, bad)
	}
	for _, h := range t.hosts {
		add(&u.Hosts, h.agent.PID())
	}
	for _, s := range t.sites {
		add(&u.Links, s.link.PID())
	}
	add(&u.Hub, t.hub.PID())
	return u, err
}

func (t *trial) say(format string, args ...any) {
	if t.Say != nil {
		t.Say(fmt.Sprintf(format, args...))
	}
}

func (t *trial) distribute(ctx context.Context) error {
	for _, s := range t.sites {
		c, err := s.down()
		if err != nil {
			return err
		}
		t.before = append(t.before, c)
	}
	var err error
	if t.used, err = t.usage(); err != nil {
		return err
	}
	t.began = time.Now()
	for _, h := range t.hosts {
		if _, err := h.client.Get(ctx, api.Get{Ref: contentName, Out: h.out}); err != nil {
			return err
		}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		done, err := t.step(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// step looks at everybody once and does what the plan says.
func (t *trial) step(ctx context.Context) (done bool, err error) {
	now, held, left := time.Now(), int64(0), 0
	for _, h := range t.hosts {
		if h.agent == nil && now.After(h.backAt) {
			if err := h.start(ctx); err != nil {
				return false, err
			}
		}
		if err := h.look(ctx, t.began); err != nil {
			return false, err
		}
		held += h.flow.Verified
		if h.done == 0 {
			left++
		}
	}
	if left == 0 {
		t.finished = time.Since(t.began)
		if t.kills == 0 && t.hub != nil {
			u, err := t.usage()
			t.used = Usage{u.Hosts - t.used.Hosts, u.Hub - t.used.Hub, u.Links - t.used.Links}
			return true, err
		}
		t.used = Usage{}
		return true, nil
	}
	if err := t.turnHub(ctx, now, held); err != nil {
		return false, err
	}
	return false, t.strike(ctx, now)
}

// turnHub stops the hub when half has arrived, and starts it again.
func (t *trial) turnHub(ctx context.Context, now time.Time, held int64) error {
	if t.HubDown > 0 && !t.hubWas && held > t.Size*int64(len(t.hosts))/2 {
		t.hubWas, t.hubBack = true, now.Add(t.HubDown)
		t.say("the hub stops for %v", t.HubDown)
		return t.stopHub()
	}
	if t.hub == nil && now.After(t.hubBack) {
		t.say("the hub is back")
		return t.startHub(ctx)
	}
	return nil
}

// strike kills, in each site where it is due, the host that brought most over the uplink since the last look. Where none brought a whole
// chunk the next look decides.
func (t *trial) strike(ctx context.Context, now time.Time) error {
	for _, s := range t.sites {
		if t.KillEvery == 0 || now.Before(t.began.Add(time.Duration(t.struck[s]+1)*t.KillEvery)) {
			continue
		}
		var victim *host
		for _, h := range t.hosts {
			if h.site == s && h.agent != nil && h.gained > 0 && (victim == nil || h.gained > victim.gained) {
				victim = h
			}
		}
		if victim == nil {
			continue
		}
		if err := errors.Join(victim.look(ctx, t.began), victim.kill(ctx, now)); err != nil {
			return err
		}
		t.kills++
		t.struck[s]++
		t.say("killed the fetcher of %s at %d %%, with %d KiB that had come in vain", s.name, 100*victim.flow.Verified/t.Size, victim.lost()>>10)
	}
	return nil
}

// sent reads all books a last time, and says how much was sent into each location from beyond it.
func (t *trial) sent(ctx context.Context) (map[string]int64, error) {
	into := map[string]int64{}
	if t.hub == nil {
		if err := t.startHub(ctx); err != nil {
			return nil, err
		}
	}
	if err := t.fleet.readBook(ctx); err != nil {
		return nil, err
	}
	maps.Copy(into, t.book.sum.sent)
	for _, h := range t.hosts {
		if h.agent != nil {
			if err := h.readBook(ctx); err != nil {
				return nil, err
			}
		}
		for location, bytes := range h.book.sum.sent {
			if location != h.site.name {
				into[location] += bytes
			}
		}
	}
	return into, nil
}

func (t *trial) result(ctx context.Context) (*Result, error) {
	r := &Result{Kills: t.kills, Finished: t.finished, CPU: t.used}
	sent, err := t.sent(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range t.sites {
		c, err := s.down()
		if err != nil {
			return nil, err
		}
		x := SiteResult{Bytes: c.bytes - t.before[i].bytes, Packets: c.packets - t.before[i].packets, Payload: sent[s.name]}
		arrived := int64(0)
		for _, h := range t.hosts {
			if h.site == s {
				arrived += h.book.sum.arrived
				x.Whole += h.brought
			}
		}
		x.Payload = max(x.Payload, arrived)
		x.Amplification, x.OnTheWire = float64(x.Payload)/float64(t.Size), float64(x.Bytes)/float64(t.Size)
		r.Sites = append(r.Sites, x)
	}
	for _, h := range t.hosts {
		r.Done = append(r.Done, h.done)
		if err := h.compare(); err != nil {
			return nil, err
		}
	}
	slices.Sort(r.Done)
	return r, nil
}
