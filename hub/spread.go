// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/desired"
)

// openBus starts the bus that the options ask for, if any.
func (s *Server) openBus() (err error) {
	switch {
	case len(s.o.Bus.URLs) > 0:
		s.bus, err = bus.Connect(s.self().Identity.Fleet, s.o.Bus.URLs, s.o.Log)
	case s.o.Bus.Listen.IsValid():
		s.bus, err = bus.Listen(bus.Config{Self: s.self, Certificate: s.certificate, Listen: s.o.Bus.Listen, Log: s.o.Log,
			Revoked: func(peer string) bool { return s.orders.revoked(s.o.Clock(), peer) }})
	}
	return err
}

// spread sends a document to those whom it concerns. What does not arrive they fetch with their next exchange of news.
func (s *Server) spread(d desired.Document, raw []byte) {
	if d.Scope.Concerns(s.self().Identity) {
		s.o.Ordered([][]byte{raw})
	}
	if s.bus == nil {
		return
	}
	if err := s.bus.Publish(d.Scope, raw); err != nil {
		s.o.Log.Warn("an order could not be pushed; hosts fetch it with their next news", "scope", d.Scope.String(), "err", err)
	}
}

// ordered tells the hub's own daemon what concerns it.
func (s *Server) ordered() {
	lacks, _, err := s.orders.book.Compare(s.self().Identity, nil)
	if err == nil && len(lacks) > 0 {
		s.o.Ordered(lacks)
	}
}
