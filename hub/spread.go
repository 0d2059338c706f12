// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/http"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/desired"
)

// openBus starts the bus that the options ask for, if any.
func (s *Server) openBus() (err error) {
	switch {
	case len(s.o.Bus.Cluster.URLs) > 0:
		s.bus, err = bus.Connect(s.self, s.o.Bus.Cluster, s.o.Log)
	case s.o.Bus.Listen.IsValid() || s.o.Bus.Control:
		s.bus, err = bus.Listen(bus.Config{Self: s.self, Certificate: s.certificate, Door: s.door.guard, Listen: s.o.Bus.Listen,
			Control: s.o.Listener.Addr().String(), Log: s.o.Log,
			Revoked: func(peer string) bool { return s.orders.revoked(s.o.Clock(), peer) }})
	}
	return err
}

// throughControl hands hosts onto the bus where it is offered on the control port.
func (s *Server) throughControl(w http.ResponseWriter, r *http.Request, _ fleet.Identity) {
	through := s.bus.Through()
	if through == nil {
		s.fail(w, r, problem(http.StatusNotFound, fleet.CodeNotFound, "the bus is not on this port"))
		return
	}
	through(w, r, r.TLS.PeerCertificates[0])
}

// spread sends a document to those whom it concerns. What does not arrive they fetch with their next exchange of news.
func (s *Server) spread(d desired.Document, raw []byte) {
	if d.Scope.Concerns(s.self().Identity) {
		s.o.Ordered([][]byte{raw})
	}
	if s.bus == nil {
		return
	}
	if err := s.bus.Publish(d.Scope, raw); err != nil && !(d.Kind == desired.Location && s.complained("bus")) {
		s.o.Log.Warn("an order could not be pushed; hosts fetch it with their next news", "scope", d.Scope.String(), "err", err)
	}
	if d.Kind == desired.Revoke && d.InForce(s.o.Clock()) {
		if err := s.bus.Hangup(d.Name); err != nil {
			s.o.Log.Warn("a host that was revoked could not be thrown off the bus", "peer", d.Name, "err", err)
		}
	}
}

// complained reports whether something was complained of not long ago: of thousands of locations that change at once a line is enough.
func (s *Server) complained(of string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warnedOf(s.o.Clock(), of)
}

// ordered tells the hub's own daemon what concerns it.
func (s *Server) ordered() {
	lacks, _, err := s.orders.book.Compare(s.self().Identity, nil)
	if err == nil && len(lacks) > 0 {
		s.o.Ordered(lacks)
	}
}
