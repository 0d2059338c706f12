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

// controllers chooses by where the peer is: in this location each conversation has a controller of its own; all that go to another location
// share one of that name. A daemon has one socket, and what of a host's interfaces it leaves by is the system's to choose; so the location
// alone tells groups apart.
func controllers(self fleet.Identity, name string) (*carrier.Groups, func(*x509.Certificate, int) ledbat.Controller, error) {
	wan, err := carrier.Named(name)
	if err != nil {
		return nil, nil, err
	}
	lan, err := carrier.Named(lanController)
	groups := carrier.NewGroups(func(mss int) ledbat.Controller { return wan(nil, mss) })
	return groups, func(peer *x509.Certificate, mss int) ledbat.Controller {
		id, err := fleet.IdentityOf(peer)
		switch {
		case mss > carrier.GroupDatagram, err == nil && id.Location == self.Location:
			return lan(peer, mss)
		case err != nil: // nobody that a conversation would be held with
			return wan(peer, mss)
		}
		return groups.Join(id.Location)
	}, err
}
