// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/link"
)

const (
	// MaxHosts is how many inside addresses a relay serves; it remembers each.
	MaxHosts = 256
	// DefaultMTU is the MTU of a link whose Config has none.
	DefaultMTU = 1500

	socketBuffer = 4 << 20 // bytes asked for; the system may give less
)

// Config of a relay.
type Config struct {
	// Listen is the inside address, "127.0.0.1:0" for any free port; it must be a
	// loopback address. Outside addresses have the same IP address.
	Listen string
	// Up and Down are what the WAN does in each direction. A zero MTU means DefaultMTU.
	Up, Down link.Config
}

// A Relay runs until Close.
type Relay struct {
	watch   *watch
	running sync.WaitGroup
	room    int // bytes of a buffer

	mu       sync.Mutex // guards everything below; the loop holds it while it passes
	closed   bool
	inside   *socket
	up, down *link.Link[*parcel]
	hosts    map[netip.AddrPort]*host // by inside address
	order    []*host                  // the same, in order of appearance
	free     []*parcel
	stats    Stats // those that links do not count
}

// Start opens the inside socket and begins to relay.
func Start(c Config) (*Relay, error) {
	listen, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("relay: listen on %q: give an IP address and a port, such as 127.0.0.1:0: %w", c.Listen, err)
	}
	if !listen.Addr().IsLoopback() {
		return nil, fmt.Errorf("relay: listen on %v: a relay must not be reached from other machines; give a loopback address", listen)
	}
	for _, direction := range []struct {
		name string
		c    *link.Config
	}{{"up", &c.Up}, {"down", &c.Down}} {
		if direction.c.MTU == 0 {
			direction.c.MTU = DefaultMTU
		}
		if err := direction.c.Validate(); err != nil {
			return nil, fmt.Errorf("relay: the %s link: %w", direction.name, err)
		}
	}
	return start(netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port()), c)
}

func start(listen netip.AddrPort, c Config) (*Relay, error) {
	now := time.Now()
	r := &Relay{
		up:    link.New[*parcel](now, c.Up),
		down:  link.New[*parcel](now, c.Down),
		hosts: map[netip.AddrPort]*host{},
		// One byte more than any link takes, so that larger datagrams show.
		room: HeaderIPv6 + max(c.Up.MTU, c.Down.MTU) + 1,
	}
	var err error
	if r.watch, err = newWatch(); err != nil {
		return nil, err
	}
	if r.inside, err = openSocket(listen, r.watch); err != nil {
		return nil, errors.Join(err, r.watch.close())
	}
	r.running.Go(r.run)
	return r, nil
}

// Inside is the address that hosts send to, with headers.
func (r *Relay) Inside() netip.AddrPort { return r.inside.addr }

// Outside is the address that the host at the given inside address has for the
// rest of the world; it is not valid until the host has sent something.
func (r *Relay) Outside(inside netip.AddrPort) netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.hosts[netip.AddrPortFrom(inside.Addr().Unmap(), inside.Port())]; h != nil {
		return h.outside.addr
	}
	return netip.AddrPort{}
}

// Close ends the relay; what is on the way is lost.
func (r *Relay) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.mu.Unlock()
	if !first {
		return nil
	}
	r.watch.ring()
	r.running.Wait()
	err := errors.Join(r.watch.close(), r.inside.close())
	for _, h := range r.order {
		err = errors.Join(err, h.outside.close())
	}
	return err
}
