// SPDX-License-Identifier: Apache-2.0

package sites

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/bench/stage"
	"github.com/ebbproject/ebb/process"
)

// contentName is what is distributed.
const contentName = "image"

// downFor is how long a host that was killed stays away.
const downFor = 3 * time.Second

// fleet is the hub and the hosts.
type fleet struct {
	*lab
	hub   *process.Daemon
	book  book // the hub's
	hosts []*host
	sum   []byte // of the content
}

// host is one agent.
type host struct {
	fleet  *fleet
	site   *site
	seat   seat
	state  string
	out    string
	agent  *process.Daemon // nil while it is down
	client *client.Client
	book   book

	flow    api.Flow
	beyond  int64         // bytes of chunks that came over the uplink since its start, as last seen
	gained  int64         // of these, what came between the last two looks
	brought int64         // whole chunks over the uplink in all, over all its lives
	inPart  int64         // received from beyond, and no whole chunk of it when its last life ended
	done    time.Duration // since the common start; zero: not yet
	backAt  time.Time     // when it is started again
}

// newFleet starts the hub and the hosts, and publishes.
func newFleet(ctx context.Context, l *lab, size int64, seed uint64) (f *fleet, err error) {
	f = &fleet{lab: l}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if err := f.startHub(ctx); err != nil {
		return f, err
	}
	file := filepath.Join(l.dir, contentName)
	if err := stage.WriteNoise(file, seed, size); err != nil {
		return f, err
	}
	if f.sum, err = sum(file); err != nil {
		return f, err
	}
	if _, err := f.ebb(l.core).Run(ctx, "publish", file, "--name", contentName, "--type", "bench", "--state", f.in("hub")); err != nil {
		return f, err
	}
	for _, s := range l.sites {
		for i, seat := range s.hosts {
			name := fmt.Sprintf("%s-%d", s.name, i+1)
			f.hosts = append(f.hosts, &host{fleet: f, site: s, seat: seat, state: f.in(name), out: f.in(name + ".copy")})
		}
	}
	var all errgroup.Group
	all.SetLimit(4)
	for _, h := range f.hosts {
		all.Go(func() error { return h.join(ctx) })
	}
	return f, errors.Join(all.Wait(), os.Remove(file))
}

func (f *fleet) in(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) ebb(namespace string) process.Ebb {
	return process.Ebb{Exe: f.exe, Namespace: namespace}
}

func (f *fleet) startHub(ctx context.Context) (err error) {
	const port = 7300 // the same after a restart, and nobody else is in the namespace
	f.hub, err = f.ebb(f.core).Daemon(ctx, f.in("hub"), "hub", "--listen", netip.AddrPortFrom(hubAddr, port).String())
	if err != nil {
		return err
	}
	return f.readBook(ctx)
}

// readBook reads the hub's ledger, which survives a stop in good order.
func (f *fleet) readBook(ctx context.Context) error {
	t, err := read(ctx, f.in("hub"))
	if err == nil {
		f.book.add(t)
	}
	return err
}

// stopHub ends it in good order.
func (f *fleet) stopHub() error {
	err := f.hub.Stop()
	f.hub = nil
	return err
}

// join enrols the host and starts it.
func (h *host) join(ctx context.Context) error {
	f := h.fleet
	token, err := f.ebb(f.core).Run(ctx, "token", "new", "--state", f.in("hub"))
	if err != nil {
		return err
	}
	args := []string{"enroll", f.hub.Ready.Addr, "--token", token, "--location", h.site.name, "--state", h.state}
	if _, err := f.ebb(h.seat.namespace).Run(ctx, args...); err != nil {
		return err
	}
	h.client = client.New(h.state)
	return h.start(ctx)
}

func (h *host) start(ctx context.Context) (err error) {
	h.agent, err = h.fleet.ebb(h.seat.namespace).Daemon(ctx, h.state, "agent", "--serve-always", "--listen", netip.AddrPortFrom(h.seat.addr, 0).String())
	h.beyond, h.backAt = 0, time.Time{}
	if err != nil {
		return err
	}
	t, err := read(ctx, h.state)
	h.book.opened(t)
	return err
}

// readBook reads its ledger.
func (h *host) readBook(ctx context.Context) error {
	t, err := read(ctx, h.state)
	if err == nil {
		h.book.add(t)
	}
	return err
}

// kill ends it as a power cut would.
func (h *host) kill(ctx context.Context, now time.Time) error {
	err := errors.Join(h.readBook(ctx), h.agent.Kill())
	h.client.Close()
	h.agent, h.backAt = nil, now.Add(downFor)
	return err
}

// look takes in how its flow is.
func (h *host) look(ctx context.Context, since time.Time) error {
	if h.agent == nil || h.done > 0 {
		h.gained = 0
		return nil
	}
	flows, err := h.client.Flows(ctx)
	if err != nil || len(flows) == 0 {
		return err
	}
	h.flow = flows[0]
	beyond := h.flow.From.WAN + h.flow.From.Origin
	h.gained = max(0, beyond-h.beyond)
	h.brought += h.gained
	h.beyond = beyond
	switch {
	case h.flow.State == api.StateDone:
		h.done = time.Since(since)
	case h.flow.Ended():
		return fmt.Errorf("%s: the flow is %s: %s %s", filepath.Base(h.state), h.flow.State, h.flow.Reason, h.flow.Detail)
	}
	return nil
}

// lost is what it has received from beyond in the life that ended and holds no whole chunk of.
func (h *host) lost() int64 {
	all := h.book.sum.arrived - h.brought
	lost := all - h.inPart
	h.inPart = all
	return lost
}

// compare says whether what it wrote out is what was published.
func (h *host) compare() error {
	got, err := sum(h.out)
	if err == nil && !bytes.Equal(got, h.fleet.sum) {
		err = fmt.Errorf("%s is not what was published", h.out)
	}
	return errors.Join(err, os.Remove(h.out))
}

func sum(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}

// close ends every process.
func (f *fleet) close() error {
	var errs []error
	for _, h := range f.hosts {
		if h.agent != nil {
			errs = append(errs, h.agent.Stop())
		}
		if h.client != nil {
			h.client.Close()
		}
	}
	if f.hub != nil {
		errs = append(errs, f.hub.Stop())
	}
	return errors.Join(errs...)
}
