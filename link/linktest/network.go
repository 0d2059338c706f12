// SPDX-License-Identifier: Apache-2.0

package linktest

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/link"
)

// A Network has endpoints, and paths between them. Its methods, and those of its
// endpoints and paths, may be called by any goroutine.
type Network struct {
	start time.Time

	mu     sync.Mutex // guards everything below, in endpoints and paths too
	closed bool
	// Every address that an endpoint has or had. What is sent to a former address
	// travels and is then lost.
	owner  map[netip.AddrPort]*Endpoint
	routes map[route]*Path
	paths  []*Path
	lost   int64
}

type route struct{ from, to *Endpoint }

// New returns a network without endpoints; its paths count time from now on.
func New() *Network {
	return &Network{start: time.Now(), owner: map[netip.AddrPort]*Endpoint{}, routes: map[route]*Path{}}
}

// Pair returns two endpoints, joined by a path in each direction. Closing both
// closes the network.
func Pair(ab, ba link.Config) (a, b *Endpoint) {
	n := New()
	a = n.Listen(netip.MustParseAddrPort("192.0.2.1:1001"))
	b = n.Listen(netip.MustParseAddrPort("192.0.2.2:1002"))
	n.Join(a, b, ab, ba)
	return a, b
}

// Listen opens an endpoint. It panics if addr is or was another's.
func (n *Network) Listen(addr netip.AddrPort) *Endpoint {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := &Endpoint{network: n, opened: addr, closed: n.closed}
	e.arrived.L = &n.mu
	n.own(addr, e)
	return e
}

func (n *Network) own(addr netip.AddrPort, e *Endpoint) {
	if other := n.owner[addr]; other != nil && other != e {
		panic(fmt.Sprintf("linktest: the address %v belongs to another endpoint", addr))
	}
	n.owner[addr] = e
	e.addr = addr
}

// Path makes a path for [Network.Route]. It panics on a config that Validate refuses.
func (n *Network) Path(c link.Config) *Path {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &Path{network: n, link: link.New[datagram](n.start, c)}
	n.paths = append(n.paths, p)
	return p
}

// Route sends what goes from one endpoint to another over a path. Without a route
// datagrams vanish.
func (n *Network) Route(from, to *Endpoint, via *Path) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.routes[route{from, to}] = via
}

// Join routes a to b and b to a over a new path each.
func (n *Network) Join(a, b *Endpoint, ab, ba link.Config) (there, back *Path) {
	there, back = n.Path(ab), n.Path(ba)
	n.Route(a, b, there)
	n.Route(b, a, back)
	return there, back
}

// Lost counts the datagrams that no path dropped and nobody received: sent to an
// address that nobody has (any more) or that no route leads to, to a closed
// endpoint, or to one that does not read.
func (n *Network) Lost() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

// Close closes all endpoints and loses what is on the way.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.owner {
		e.close()
	}
	n.stop()
	return nil
}

// stop ends the paths.
func (n *Network) stop() {
	n.closed = true
	for _, p := range n.paths {
		if p.timer != nil {
			p.timer.Stop()
		}
	}
}

// send gives a datagram to the path from e to wherever to is.
func (n *Network) send(d datagram, from *Endpoint) {
	via := n.routes[route{from, n.owner[d.to]}]
	if via == nil {
		n.lost++
		return
	}
	via.send(d)
}

// deliver gives a datagram at the end of its path to whoever has the address now.
func (n *Network) deliver(d datagram) {
	if e := n.owner[d.to]; e.addr != d.to || !e.accept(d) {
		n.lost++
	}
}
