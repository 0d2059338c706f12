// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"github.com/ebbproject/ebb/fleet/desired"
)

// spread sends a document to those whom it concerns. What does not arrive they fetch with their next exchange of news.
func (s *Server) spread(d desired.Document, raw []byte) {
	if d.Scope.Concerns(s.self().Identity) {
		s.o.Ordered([][]byte{raw})
	}
}

// ordered tells the hub's own daemon what concerns it.
func (s *Server) ordered() {
	lacks, _, err := s.orders.book.Compare(s.self().Identity, nil)
	if err == nil && len(lacks) > 0 {
		s.o.Ordered(lacks)
	}
}
