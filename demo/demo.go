// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/client"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/link/relay"
	"github.com/ebbproject/ebb/process"
)

// ErrOptions: the options ask for something that cannot be.
var ErrOptions = errors.New("not possible")

// Options of a demonstration. Exe is required, the rest has defaults in Default.
type Options struct {
	Exe       string // the ebb binary
	File      string // what is distributed; empty: Size bytes made on the spot
	Size      int64
	Locations int // 1 to len(names)
	Endpoints int // in each location, 1 to 200
	Up, Down  link.Config
	Kill      bool // kill one endpoint in the middle and start it again
	Seed      uint64
	Show      func(Snapshot) // called a few times a second; may be nil
	Say       func(string)   // what is being done, one line each; may be nil
	Keep      func(*Report)  // called with the report while the fleet still runs, which ends when it returns; may be nil
}

// Default is three locations of three endpoints behind 20 Mbit/s down and 5 Mbit/s up, 40 ms of round trip and 200 ms
// of buffer.
func Default() Options {
	direction := func(rate float64) link.Config {
		return link.Config{Rate: rate, Delay: 20 * time.Millisecond, BufferTime: 200 * time.Millisecond, Overhead: 28}
	}
	return Options{Size: 64 << 20, Locations: 3, Endpoints: 3, Up: direction(5e6), Down: direction(20e6), Kill: true, Seed: 1}
}

var names = []string{"berlin", "oslo", "porto", "lyon", "gdansk", "cork", "turin", "ghent", "riga", "split", "bilbao", "malmo"}

// fleet is everything that runs.
type fleet struct {
	o       Options
	dir     string
	source  string
	size    int64
	hub     *process.Daemon
	sites   []*site
	content string
	started time.Time
}

// site is one location.
type site struct {
	name  string
	net   string // the first three octets
	relay *relay.Relay
	ends  []*endpoint
}

// endpoint is one agent and what was seen of it.
type endpoint struct {
	name    string
	site    *site
	state   string
	out     string
	addr    netip.Addr
	process *process.Daemon
	client  *client.Client
	flow    api.Flow
	peer    string
	killed  bool
	err     error // of the comparison with the source
}

// Run runs the demonstration in a directory of its own, which is gone afterwards. The report is complete only
// without an error; an error also says what did not arrive.
func Run(ctx context.Context, o Options) (r *Report, err error) {
	if runtime.GOOS == "darwin" {
		return nil, errors.New("the demo needs the addresses 127.0.10.1 and up, which macOS gives only after: sudo ifconfig lo0 alias 127.0.10.1")
	}
	if o.Locations < 1 || o.Locations > len(names) || o.Endpoints < 1 || o.Endpoints > 200 {
		return nil, fmt.Errorf("%w: %d locations of %d endpoints: want 1 to %d locations of 1 to 200", ErrOptions, o.Locations, o.Endpoints, len(names))
	}
	dir, err := os.MkdirTemp("", "ebb-demo-")
	if err != nil {
		return nil, err
	}
	f := &fleet{o: o, dir: dir}
	defer func() { err = errors.Join(err, f.close()) }()
	for _, step := range []func(context.Context) error{f.makeSource, f.startHub, f.startSites, f.publish, f.fetch, f.compare} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if r, err = f.report(ctx); err == nil && o.Keep != nil {
		if err := f.sayConsole(ctx); err != nil {
			return r, err
		}
		o.Keep(r)
	}
	return r, err
}

func (f *fleet) ebb() process.Ebb { return process.Ebb{Exe: f.o.Exe} }

func (f *fleet) say(format string, args ...any) {
	if f.o.Say != nil {
		f.o.Say(fmt.Sprintf(format, args...))
	}
}

// makeSource finds the file, or makes one that no compression helps with.
func (f *fleet) makeSource(context.Context) error {
	f.source = f.o.File
	if f.source == "" {
		f.source = filepath.Join(f.dir, "image.bin")
		file, err := os.Create(f.source)
		if err != nil {
			return err
		}
		var seed [32]byte
		seed[0] = byte(f.o.Seed)
		_, err = io.CopyN(file, rand.NewChaCha8(seed), f.o.Size)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	info, err := os.Stat(f.source)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", f.source)
	}
	f.size = info.Size()
	return nil
}

func (f *fleet) startHub(ctx context.Context) (err error) {
	f.hub, err = f.ebb().Daemon(ctx, filepath.Join(f.dir, "hub"), "hub", "--listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.say("hub is ready on %s", f.hub.Ready.Addr)
	if f.o.Keep != nil {
		return f.sayConsole(ctx)
	}
	return nil
}

// sayConsole tells how to look at the fleet.
func (f *fleet) sayConsole(ctx context.Context) error {
	link, err := f.ebb().Run(ctx, "console", "--state", filepath.Join(f.dir, "hub"), "--name", "demo")
	if err == nil {
		f.say("the console, good once: %s", link)
	}
	return err
}

func (f *fleet) startSites(ctx context.Context) error {
	for i := range f.o.Locations {
		up, down := f.o.Up, f.o.Down
		up.Seed, down.Seed = f.o.Seed+uint64(2*i), f.o.Seed+uint64(2*i+1)
		r, err := relay.Start(relay.Config{Listen: "127.0.0.1:0", Up: up, Down: down})
		if err != nil {
			return err
		}
		s := &site{name: names[i], net: fmt.Sprintf("127.0.%d", 10+i), relay: r}
		f.sites = append(f.sites, s)
		for j := range f.o.Endpoints {
			name := fmt.Sprintf("%s-%d", s.name, j+1)
			e := &endpoint{name: name, site: s, state: filepath.Join(f.dir, name), out: filepath.Join(f.dir, name+".copy"),
				addr: netip.MustParseAddr(fmt.Sprintf("%s.%d", s.net, j+1))}
			s.ends = append(s.ends, e)
			if err := f.enroll(ctx, e); err != nil {
				return err
			}
			if err := f.startEndpoint(ctx, e); err != nil {
				return err
			}
		}
		f.say("%s: %d endpoints behind %s down, %s up, %s round trip", s.name, len(s.ends), mbit(down.Rate), mbit(up.Rate), up.Delay+down.Delay)
	}
	return nil
}

func mbit(rate float64) string { return fmt.Sprintf("%g Mbit/s", rate/1e6) }

func (f *fleet) enroll(ctx context.Context, e *endpoint) error {
	token, err := f.ebb().Run(ctx, "token", "new", "--state", filepath.Join(f.dir, "hub"))
	if err != nil {
		return err
	}
	_, err = f.ebb().Run(ctx, "enroll", f.hub.Ready.Addr, "--token", token, "--location", e.site.name, "--state", e.state)
	return err
}

func (f *fleet) startEndpoint(ctx context.Context, e *endpoint) (err error) {
	e.process, err = f.ebb().Daemon(ctx, e.state, "agent", "--serve-always", "--listen", e.addr.String()+":0", "--wan-relay", e.site.relay.Inside().String(),
		"--direct", e.site.net+".0/24", "--cache-max-size", "none", "--cache-min-free", "off")
	if err != nil {
		return err
	}
	e.peer = e.process.Ready.Peer
	e.client = client.New(e.state)
	return nil
}

func (f *fleet) publish(ctx context.Context) (err error) {
	f.content, err = f.ebb().Run(ctx, "publish", f.source, "--name", "demo", "--type", "demo", "--state", filepath.Join(f.dir, "hub"))
	if err == nil {
		f.say("published %s as %.12s", f.source, f.content)
	}
	return err
}

func (f *fleet) all() []*endpoint {
	var list []*endpoint
	for _, s := range f.sites {
		list = append(list, s.ends...)
	}
	return list
}

// close ends every process and link and removes the directory.
func (f *fleet) close() error {
	var errs []error
	stop := func(p *process.Daemon) {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	for _, e := range f.all() {
		stop(e.process)
	}
	stop(f.hub)
	for _, s := range f.sites {
		errs = append(errs, s.relay.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}
