// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/process"
)

// fleet is a source with one content, and the sinks that come and go.
type fleet struct {
	process.Ebb
	dir     string
	source  *process.Daemon
	client  *client.Client
	name    string // of the content
	size    int64
	listen  string   // of its sinks
	agent   []string // what they are told besides
	sinks   int      // so far
	peak    int64
	publish time.Duration
}

const location = "here"

// newFleet starts a source in a folder of its own, with some arguments more, and publishes bytes of noise at it.
func (b *bench) newFleet(ctx context.Context, name string, size int64, more ...string) (f *fleet, err error) {
	f = &fleet{Ebb: process.Ebb{Exe: b.exe}, dir: filepath.Join(b.dir, name), name: name, size: size, listen: "127.0.0.1:0"}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	hub := filepath.Join(f.dir, "hub")
	if f.source, err = f.Daemon(ctx, hub, append([]string{"hub", "--listen", "127.0.0.1:0"}, more...)...); err != nil {
		return f, err
	}
	f.client = client.New(hub)
	file := filepath.Join(f.dir, "file")
	if err := stage.WriteNoise(file, b.o.Seed, size); err != nil {
		return f, err
	}
	begin := time.Now()
	if _, err := f.Run(ctx, "publish", file, "--name", name, "--type", "bench", "--state", hub); err != nil {
		return f, err
	}
	f.publish = time.Since(begin)
	if f.peak, err = readPeak(f.source.PID()); err != nil {
		return f, err
	}
	return f, os.Remove(file)
}

// restart ends the source, if it has not ended, and starts it again where it was, with other arguments.
func (f *fleet) restart(ctx context.Context, more ...string) (err error) {
	at := f.source.Ready.Addr
	if err := f.source.Stop(); err != nil {
		return err
	}
	f.source, err = f.Daemon(ctx, filepath.Join(f.dir, "hub"), append([]string{"hub", "--listen", at}, more...)...)
	return err
}

// freeAddress is one of loopback that was free a moment ago: what is killed comes back where it was.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// close ends the source and removes everything.
func (f *fleet) close() error {
	var err error
	if f.source != nil {
		f.client.Close()
		err = f.source.Stop()
	}
	return errors.Join(err, os.RemoveAll(f.dir))
}

// sink is an agent that has nothing yet.
type sink struct {
	*process.Daemon
	fleet  *fleet
	state  string
	client *client.Client
}

// join makes a new sink and waits until it talks to the source.
func (f *fleet) join(ctx context.Context) (*sink, error) {
	f.sinks++
	s := &sink{fleet: f, state: filepath.Join(f.dir, fmt.Sprintf("sink%d", f.sinks))}
	token, err := f.Run(ctx, "token", "new", "--state", filepath.Join(f.dir, "hub"))
	if err != nil {
		return nil, err
	}
	if _, err := f.Run(ctx, "enroll", f.source.Ready.Addr, "--token", token, "--location", location, "--state", s.state); err != nil {
		return nil, err
	}
	s.client = client.New(s.state)
	if err := s.wake(ctx); err != nil {
		return nil, err
	}
	if err := s.connected(ctx); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	return s, nil
}

// wake starts the sink, again if it was killed.
func (s *sink) wake(ctx context.Context) (err error) {
	s.Daemon, err = s.fleet.Ebb.Daemon(ctx, s.state, append([]string{"agent", "--serve-always", "--listen", s.fleet.listen}, s.fleet.agent...)...)
	return err
}

// connectWithin bounds how long two processes on one machine may take to find one another.
const connectWithin = time.Minute

func (s *sink) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, connectWithin, fmt.Errorf("the sink did not reach the source within %s", connectWithin))
	defer cancel()
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		peers, err := s.client.Peers(ctx)
		for _, p := range peers {
			if p.Connected && p.Peer == s.fleet.source.Ready.Peer {
				return true, nil
			}
		}
		return false, err
	})
}

// leave ends the sink and removes what it has.
func (s *sink) leave() error {
	s.client.Close()
	return errors.Join(s.Stop(), os.RemoveAll(s.state))
}

// flow is the sink's only one.
func (s *sink) flow(ctx context.Context) (api.Flow, error) {
	flows, err := s.client.Flows(ctx)
	if err != nil || len(flows) == 0 {
		return api.Flow{}, err
	}
	f := flows[0]
	if f.State == api.StateFailed || f.State == api.StateCancelled {
		err = fmt.Errorf("the transfer %s: %s: %s", f.State, f.Reason, f.Detail)
	}
	return f, err
}

// poll asks until the answer is yes, or an error, or ctx ends.
func poll(ctx context.Context, every time.Duration, ask func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := ask()
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
