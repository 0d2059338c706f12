// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"crypto/x509"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/transfer/carrier"
)

// lanController steers what stays in the location, at speeds at which ebb cannot tell from batches of datagrams how fast they arrived.
// The same goes for paths that take datagrams larger than any WAN does, and at once: loopback, and jumbo frames.
const lanController = "rfc6817"

// controllers chooses by where the peer is. Each conversation has a controller of its own: with carrier.Groups, under which all that go to one
// location share one, a location of few hosts stood still for seconds now and then.
func controllers(self fleet.Identity, name string) (func(*x509.Certificate, int) ledbat.Controller, error) {
	wan, err := carrier.Named(name)
	if err != nil {
		return nil, err
	}
	lan, err := carrier.Named(lanController)
	return func(peer *x509.Certificate, mss int) ledbat.Controller {
		if id, err := fleet.IdentityOf(peer); mss > carrier.GroupDatagram || err == nil && id.Location == self.Location {
			return lan(peer, mss)
		}
		return wan(peer, mss)
	}, err
}
