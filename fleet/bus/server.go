// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
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

// Config of the hub's side.
type Config struct {
	Self        func() *node.Node
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Revoked     func(peer string) bool
	Listen      netip.AddrPort // of the hub's own bus; port 0: any
	Log         *slog.Logger
}

// Hub is the hub's side of a bus.
type Hub struct {
	fleet  string
	conn   *nats.Conn
	server *server.Server // nil: the cluster of somebody else
	told   fleet.Bus
}

// Listen starts the hub's own bus.
func Listen(c Config) (*Hub, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	g := &gate{c: c, secret: hex.EncodeToString(b[:])}
	port := int(c.Listen.Port())
	if port == 0 {
		port = server.RANDOM_PORT
	}
	ns, err := server.NewServer(&server.Options{
		Host: c.Listen.Addr().String(), Port: port, NoLog: true, NoSigs: true, NoSystemAccount: true, CustomClientAuthentication: g,
		MaxPayload: desired.MaxDocument, MaxPending: maxPending, MaxSubs: 8, PingInterval: pingEvery, MaxPingsOut: pingsMissed,
		WriteDeadline: 5 * time.Second, TLSTimeout: 5, AuthTimeout: 10, TLSVerify: true,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.Self().Roots, GetCertificate: c.Certificate},
	})
	if err != nil {
		return nil, fmt.Errorf("the bus: %w", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		ns.Shutdown()
		return nil, fmt.Errorf("the bus does not listen on %s: is the address taken?", c.Listen)
	}
	conn, err := nats.Connect("", nats.InProcessServer(ns), nats.UserInfo("hub", g.secret), nats.MaxReconnects(-1))
	if err != nil {
		ns.Shutdown()
		return nil, fmt.Errorf("the bus: %w", err)
	}
	return &Hub{fleet: c.Self().Identity.Fleet, conn: conn, server: ns, told: fleet.Bus{URLs: []string{"tls://" + ns.Addr().String()}, Own: true}}, nil
}

// Connect uses a NATS cluster that others run. It returns at once; while the cluster cannot be reached, pushes vanish.
func Connect(fleetName string, urls []string, log *slog.Logger) (*Hub, error) {
	conn, err := nats.Connect(join(urls), append(lasting(log), nats.Name("ebb hub"))...)
	if err != nil {
		return nil, fmt.Errorf("the bus: %w", err)
	}
	return &Hub{fleet: fleetName, conn: conn, told: fleet.Bus{URLs: urls}}, nil
}

// Told is what hosts are told of the bus.
func (h *Hub) Told() *fleet.Bus { return &h.told }

// Publish pushes a document to whom it concerns, if they are there.
func (h *Hub) Publish(s desired.Selector, raw []byte) error {
	return h.conn.Publish(Subject(h.fleet, s), raw)
}

// Hosts is how many are connected to the hub's own bus.
func (h *Hub) Hosts() int {
	if h.server == nil {
		return 0
	}
	return max(h.server.NumClients()-1, 0) // without ourselves
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

// gate lets hosts in.
type gate struct {
	c      Config
	secret string // of the hub itself
}

// Check says who comes and what he may do: hosts hear what is for them and say nothing.
func (g *gate) Check(c server.ClientAuthentication) bool {
	state := c.GetTLSConnectionState()
	if state == nil { // within the process
		if subtle.ConstantTimeCompare([]byte(c.GetOpts().Password), []byte(g.secret)) != 1 {
			return false
		}
		c.RegisterUser(&server.User{Username: "hub", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"ebb.>"}},
			Subscribe: &server.SubjectPermission{Deny: []string{">"}}}})
		return true
	}
	id, err := g.whose(state)
	if err != nil {
		g.c.Log.Warn("a host was not let onto the bus", "remote", c.RemoteAddress(), "err", err)
		return false
	}
	c.RegisterUser(&server.User{Username: id.Peer, Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{">"}},
		Subscribe: &server.SubjectPermission{Allow: Subjects(id)}}})
	return true
}

// whose is the identity of who comes; TLS has verified the certificate.
func (g *gate) whose(state *tls.ConnectionState) (fleet.Identity, error) {
	if len(state.PeerCertificates) == 0 {
		return fleet.Identity{}, errors.New("it shows no certificate")
	}
	id, err := fleet.IdentityOf(state.PeerCertificates[0])
	switch {
	case err != nil:
		return id, err
	case id.Fleet != g.c.Self().Identity.Fleet:
		return id, errors.New("it is of another fleet")
	case g.c.Revoked(id.Peer):
		return id, fmt.Errorf("%s was revoked", id.Peer)
	}
	return id, nil
}
