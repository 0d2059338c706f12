// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

const (
	startTimeout = 10 * time.Second
	pingEvery    = 10 * time.Second
	pingsMissed  = 2
	maxPending   = 1 << 20 // bytes that wait for one slow host; what is more it fetches itself
)

// Config of the hub's own bus.
type Config struct {
	Self        func() *node.Node
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Door        func(*tls.Config) *tls.Config // whom it lets in when; nil: all at once
	Revoked     func(peer string) bool
	Listen      netip.AddrPort // port 0: any; not valid: on the control port, by way of Through
	Control     string         // address of the control port
	Log         *slog.Logger
}

// Hub is the hub's side of a bus.
type Hub struct {
	fleet  string
	conn   *nats.Conn
	server *server.Server // nil: the cluster of somebody else
	gate   *gate
	inner  string // host and port within this host where Through leads; empty: nowhere

	mu     sync.Mutex // guards what follows
	told   fleet.Bus
	turned time.Time // when the key in it was made
}

// Listen starts the hub's own bus.
func Listen(c Config) (*Hub, error) {
	g := &gate{c: c, secret: make([]byte, 32)}
	_, _ = rand.Read(g.secret) // never fails: crypto/rand ends the program instead
	o := g.options()
	ns, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("the bus: %w", err)
	}
	ns.Start()
	h := &Hub{fleet: c.Self().Identity.Fleet, server: ns, gate: g}
	if err := h.open(o); err != nil {
		ns.Shutdown()
		return nil, err
	}
	return h, nil
}

// options of a server that keeps nothing.
func (g *gate) options() *server.Options {
	o := &server.Options{NoLog: true, NoSigs: true, NoSystemAccount: true, CustomClientAuthentication: g,
		MaxPayload: desired.MaxDocument, MaxPending: maxPending, MaxSubs: 8, PingInterval: pingEvery, MaxPingsOut: pingsMissed,
		WriteDeadline: 5 * time.Second, TLSTimeout: 5, AuthTimeout: 10}
	if !g.c.Listen.IsValid() {
		o.DontListen, o.Websocket = true, websocket()
		return o
	}
	o.Host, o.Port = g.c.Listen.Addr().String(), int(g.c.Listen.Port())
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.TLSVerify, o.TLSConfig = true, &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: g.c.Self().Roots,
		GetCertificate: g.c.Certificate}
	if g.c.Door != nil {
		o.TLSConfig = g.c.Door(o.TLSConfig)
	}
	return o
}

func (h *Hub) open(o *server.Options) (err error) {
	c := h.gate.c
	if !h.server.ReadyForConnections(startTimeout) {
		return fmt.Errorf("the bus does not listen on %s: is the address taken?", c.Listen)
	}
	h.told = fleet.Bus{Own: true}
	if c.Listen.IsValid() {
		h.told.URLs = []string{"tls://" + h.server.Addr().String()}
	} else {
		h.inner = net.JoinHostPort(o.Websocket.Host, strconv.Itoa(o.Websocket.Port)) // which the server has filled in
		h.told.URLs = []string{"wss://" + c.Control + Path}
	}
	h.told = versioned(h.told)
	h.conn, err = nats.Connect("", nats.InProcessServer(h.server), nats.UserInfo(hubUser, h.gate.seal(hubUser)), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("the bus: %w", err)
	}
	return nil
}

// Connect uses a NATS cluster that others run. It returns at once; while the cluster cannot be reached, pushes vanish.
func Connect(self func() *node.Node, c Cluster, log *slog.Logger) (*Hub, error) {
	more, err := options(self, fleet.Bus{URLs: c.URLs, CA: c.CA, Login: c.Hub})
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(join(c.URLs), append(lasting(log), append(more, nats.Name("ebb hub"))...)...)
	if err != nil {
		return nil, fmt.Errorf("the bus: %w", err)
	}
	h := &Hub{fleet: self().Identity.Fleet, conn: conn, told: fleet.Bus{URLs: c.URLs, CA: c.CA, Login: c.Hosts}}
	h.turn()
	return h, nil
}

// turn has what is pushed from now on sealed under another key, which hosts of the fleet are told with their news and nobody else.
func (h *Hub) turn() {
	h.told.Key, h.turned = newKey(), time.Now()
	h.told = versioned(h.told)
}

// Told is what a host of the fleet is told that knows this version of it.
func (h *Hub) Told(known string) *fleet.Bus {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.server == nil && time.Since(h.turned) >= keyFor {
		h.turn()
	}
	told := h.told
	if known == told.Version {
		told = fleet.Bus{Version: known}
	}
	return &told
}

// Publish pushes a document to whom it concerns, if they are there.
func (h *Hub) Publish(s desired.Selector, raw []byte) (err error) {
	subject := Subject(h.fleet, s)
	if h.server == nil {
		h.mu.Lock()
		key := h.told.Key
		h.mu.Unlock()
		if raw, err = sealed(key, subject, raw); err != nil {
			return err
		}
	}
	return h.conn.Publish(subject, raw)
}

// Hangup has a host that was revoked hear nothing more: it is thrown off the hub's own bus, and not let in again while it is revoked. On
// servers of others it may stay, and understands nothing of what is pushed from now on.
func (h *Hub) Hangup(peer string) error {
	if h.server == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.turn()
		return nil
	}
	list, err := h.server.Connz(&server.ConnzOptions{Username: true, User: peer, Limit: h.server.NumClients() + 1})
	if err != nil {
		return err
	}
	for _, c := range list.Conns {
		_ = h.server.DisconnectClientByID(c.Cid) // one that has gone meanwhile is fine
	}
	return nil
}

// Close ends the bus.
func (h *Hub) Close() error {
	h.conn.Close()
	if h.server != nil {
		h.server.Shutdown()
		h.server.WaitForShutdown()
	}
	return nil
}
