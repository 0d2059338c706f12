// SPDX-License-Identifier: Apache-2.0

// Package hub is the control plane's server: the fleet's CA and enrolment, the catalogue of signed manifests, and the
// directory of who is where and who holds what. It answers hosts on the control port (HTTPS with certificates of the
// fleet on both sides) and the operator through handlers that are mounted on the local API.
//
// What must survive a crash is durable before it takes effect: the catalogue, the topology (with what is said of it to hosts) and that a token was
// used in records of the store, the pinned publishers in the hub's enrolment. The directory is rebuilt from what members report. The hub
// signs no content: publishers' keys may live elsewhere, and endpoints pin them when they enrol and when they renew
// their certificate. All pinned publishers are trusted alike; any of them may publish under any name.
//
// No chunk passes through here: an ordinary daemon on the same store serves them. Certificates run out; before that it is hosts that are
// revoked, by name and in desired state, and whoever asks or writes is looked up there.
package hub

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/board"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/fleet/topology"
	"github.com/ebbproject/ebb/store"
)

// Options of a server. All but Clock and Log are required.
type Options struct {
	State     string
	Node      *node.Node // as Init returned it
	Store     *store.Store
	Listener  net.Listener                              // control port; owned by the server from Open on
	Observed  func() map[string]netip.AddrPort          // where the data plane sees each connected peer
	Published func(signed []byte) error                 // told of a content before it is catalogued
	Pinned    func(keys []ed25519.PublicKey)            // told of all publishers pinned from now on
	Ledger    func() ([]ledger.Entry, []ledger.Partner) // what the hub's own daemon has counted; nil: nothing
	Ordered   func(documents [][]byte)                  // told of desired state that is new here; nil: nobody
	Bus       BusOptions
	Ways      func() []pulse.Way // the hub's own paths to locations; nil: none
	Log       *slog.Logger
	Clock     func() time.Time // nil: time.Now
}

// BusOptions say where what is ordered is pushed. The zero value is nowhere: hosts then learn it with their next exchange of news.
type BusOptions struct {
	Listen  netip.AddrPort // of the hub's own bus; port 0: any
	Control bool           // the hub's own bus is offered on the control port instead
	Cluster bus.Cluster    // the NATS cluster that is used instead
}

// Server is a running hub.
type Server struct {
	o        Options
	ca       *authority
	http     *http.Server
	attempts *limiter
	door     *door
	keeper   *keeper
	accounts *accounts
	orders   *orders
	notes    *notes
	bus      *bus.Hub // nil: there is none

	mu        sync.Mutex // guards what follows
	node      *node.Node // never changed, only replaced
	tokens    *fleet.TokenBook
	directory *fleet.Directory
	copies    *fleet.Copies
	catalogue *fleet.Catalogue
	topology  *topology.Index // never changed, only replaced
	board     *board.Board
	shelf     map[content.ID]board.Content // what the catalogue knows of each content; never changed, only replaced
	observed  time.Time                    // when Observed was last asked
	warned    map[string]time.Time         // when something was last said of a host
	weeks     weeks
	reports   reports

	counting sync.Mutex // guards census; before mu
	census   census

	changing sync.Mutex // held while the topology is changed, and guards merged; before orders.mu and mu
	merged   merged
}

// Open reads what the store remembers. The state directory must have been through Init.
func Open(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ledger == nil {
		o.Ledger = func() ([]ledger.Entry, []ledger.Partner) { return nil, nil }
	}
	if o.Ordered == nil {
		o.Ordered = func([][]byte) {}
	}
	if o.Ways == nil {
		o.Ways = func() []pulse.Way { return nil }
	}
	n := o.Node
	ca, err := openCA(o.State)
	if err != nil {
		return nil, fmt.Errorf("fleet CA: %w", err)
	}
	s := &Server{o: o, node: n, ca: ca, attempts: newLimiter(), door: newDoor(), keeper: newKeeper(openFiles(), o.Log), directory: fleet.NewDirectory(n.Hub), copies: fleet.NewCopies(),
		catalogue: fleet.NewCatalogue(), board: board.New(), shelf: map[content.ID]board.Content{}, warned: map[string]time.Time{}}
	s.directory.Life = life()
	if err := errors.Join(s.restore(), s.restoreTopology(), s.restoreWeeks()); err != nil {
		return nil, err
	}
	s.accounts, err = openAccounts(o.Store, func(key string, err error) {
		o.Log.Error("left out of the hub's journal", "record", key, "err", err)
	})
	if err != nil {
		return nil, err
	}
	s.orders, err = openOrders(ca, o.Store, o.Clock(), func(key string, err error) {
		o.Log.Error("left out of the hub's journal", "record", key, "err", err)
	})
	if err != nil {
		return nil, err
	}
	if s.notes, err = openNotes(o.Store); err != nil {
		return nil, err
	}
	if err := s.openBus(); err != nil {
		return nil, err
	}
	s.orders.push = s.spread
	if err := s.openLocations(o.Clock()); err != nil {
		return nil, fmt.Errorf("the fleet's locations: %w", err)
	}
	s.ordered()
	// Only HTTP/1.1: hosts ask one question at a time, and what is not spoken cannot be abused.
	var http1 http.Protocols
	http1.SetHTTP1(true)
	s.http = &http.Server{Handler: s.keeper.keep(s.control()), ConnState: s.keeper.changed, Protocols: &http1, MaxHeaderBytes: 16 << 10,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, keyVerified{}, &verified{})
		},
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: fleet.IdleAsker + 20*time.Second,
		// Whose certificate it is and whether it is good is decided for every request: the asker gets an answer in words
		// instead of a broken connection, and a long-lived connection does not outlive its certificate.
		TLSConfig: s.door.guard(&tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, GetCertificate: s.certificate, Time: o.Clock})}
	return s, nil
}

// life is a number that no other start of a hub has.
func life() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return binary.LittleEndian.Uint64(b[:])
}

// Serve answers until Close.
func (s *Server) Serve() error {
	err := s.http.ServeTLS(s.o.Listener, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close stops answering; questions under way get a second.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.mu.Lock()
	due := s.weeks.take()
	s.mu.Unlock()
	s.keepWeeks(due)
	if s.bus != nil {
		err = errors.Join(err, s.bus.Close())
	}
	if e := s.o.Listener.Close(); !errors.Is(e, net.ErrClosed) { // open only if nobody called Serve
		err = errors.Join(err, e)
	}
	return err
}

// certificate is the hub's own, renewed when its time has come. The CA goes along, for hosts that only know its
// fingerprint. The data plane takes the renewed one at the next start.
func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.o.Clock(); s.node.Due(now) {
		fresh, err := renewed(s.node, s.ca, now)
		if err == nil {
			err = fresh.Save()
		}
		if err != nil { // the old one is good for weeks to come
			s.o.Log.Error("the hub's certificate could not be renewed", "until", s.node.Certificate.Leaf.NotAfter, "err", err)
		} else {
			s.node = fresh
		}
	}
	chain := [][]byte{s.node.Certificate.Certificate[0], s.ca.cert.Raw}
	return &tls.Certificate{Certificate: chain, PrivateKey: s.node.Certificate.PrivateKey, Leaf: s.node.Certificate.Leaf}, nil
}

// self is the hub's own host as it is enrolled now.
func (s *Server) self() *node.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node
}
