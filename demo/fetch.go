// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ebbproject/ebb/agent/api"
)

const (
	lookEvery  = 250 * time.Millisecond
	killAt     = 0.4             // share of the content that the victim holds when it is killed
	downFor    = 2 * time.Second // how long it stays away
	stillAfter = 3 * time.Minute // without any progress anywhere the demonstration gives up
)

// Snapshot is how the fleet stands.
type Snapshot struct {
	Elapsed   time.Duration
	Size      int64
	Locations []LocationView
}

// LocationView is one location of a Snapshot.
type LocationView struct {
	Name      string
	WANBytes  int64 // that came down its link
	Endpoints []EndpointView
}

// EndpointView is one endpoint of a LocationView.
type EndpointView struct {
	Down     bool
	State    string
	Reason   string
	Verified int64
	Rate     float64 // bit/s
	From     api.Sources
}

// fetch lets every endpoint fetch the content, kills one in the middle, and waits until all have it.
func (f *fleet) fetch(ctx context.Context) error {
	f.started = time.Now()
	for _, e := range f.all() {
		var err error
		if e.flow, err = e.client.Get(ctx, api.Get{Ref: "demo", Out: e.out}); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	var victim *endpoint
	if f.o.Kill {
		victim = f.sites[0].ends[len(f.sites[0].ends)-1]
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var most int64
	moved := time.Now()
	for {
		done, sum, err := f.look(ctx)
		if err != nil {
			return err
		}
		if f.o.Show != nil {
			f.o.Show(f.snapshot())
		}
		if done {
			return nil
		}
		if sum > most {
			most, moved = sum, time.Now()
		} else if time.Since(moved) > stillAfter {
			return fmt.Errorf("nothing has moved for %s: %s", stillAfter, f.waiting())
		}
		if victim != nil && float64(victim.flow.Verified) >= killAt*float64(f.size) && !victim.flow.Ended() {
			if err := f.strike(ctx, victim); err != nil {
				return err
			}
			victim = nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look asks every endpoint how it stands.
func (f *fleet) look(ctx context.Context) (done bool, sum int64, err error) {
	done = true
	for _, e := range f.all() {
		if !e.flow.Ended() {
			flow, err := e.client.Flow(ctx, e.flow.ID)
			if err != nil {
				return false, 0, fmt.Errorf("%s: %w", e.name, err)
			}
			e.flow = flow
		}
		if e.flow.Ended() && e.flow.State != api.StateDone {
			return false, 0, fmt.Errorf("%s: the flow is %s: %s %s", e.name, e.flow.State, e.flow.Reason, e.flow.Detail)
		}
		done = done && e.flow.Ended()
		sum += e.flow.Verified
	}
	return done, sum, nil
}

// strike kills the endpoint as a power cut would, and starts it again a little later.
func (f *fleet) strike(ctx context.Context, e *endpoint) error {
	f.say("killing %s at %d of %d bytes", e.name, e.flow.Verified, f.size)
	if err := e.process.Kill(); err != nil {
		return err
	}
	e.killed = true
	if f.o.Show != nil {
		s := f.snapshot()
		s.mark(e)
		f.o.Show(s)
	}
	select {
	case <-time.After(downFor):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := f.startEndpoint(ctx, e); err != nil {
		return err
	}
	f.say("%s is back and resumes", e.name)
	return nil
}

func (s Snapshot) mark(e *endpoint) {
	for _, l := range s.Locations {
		if l.Name == e.site.name {
			l.Endpoints[len(l.Endpoints)-1].Down = true
		}
	}
}

func (f *fleet) snapshot() Snapshot {
	s := Snapshot{Elapsed: time.Since(f.started), Size: f.size}
	for _, x := range f.sites {
		v := LocationView{Name: x.name, WANBytes: int64(x.relay.Stats().DownBytes)}
		for _, e := range x.ends {
			v.Endpoints = append(v.Endpoints, EndpointView{State: e.flow.State, Reason: e.flow.Reason, Verified: e.flow.Verified, Rate: e.flow.Rate,
				From: e.flow.From})
		}
		s.Locations = append(s.Locations, v)
	}
	return s
}

// waiting says who waits for what.
func (f *fleet) waiting() string {
	var b bytes.Buffer
	for _, e := range f.all() {
		if !e.flow.Ended() {
			fmt.Fprintf(&b, "%s has %d of %d bytes (%s); ", e.name, e.flow.Verified, f.size, e.flow.Reason)
		}
	}
	return b.String()
}

// compare holds every copy against the source.
func (f *fleet) compare(context.Context) error {
	for _, e := range f.all() {
		e.err = same(f.source, e.out)
	}
	return nil
}

// same reports the first difference between two files.
func same(a, b string) (err error) {
	x, err := os.Open(a)
	if err != nil {
		return err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return err
	}
	defer y.Close()
	p, q := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := int64(0); ; at += int64(len(p)) {
		n, errX := io.ReadFull(x, p)
		m, errY := io.ReadFull(y, q)
		if !bytes.Equal(p[:n], q[:m]) {
			return fmt.Errorf("%s differs from %s within the MiB at %d", b, a, at)
		}
		if errX != nil || errY != nil {
			if !ended(errX) || !ended(errY) {
				return errors.Join(errX, errY)
			}
			return nil
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
