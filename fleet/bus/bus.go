// SPDX-License-Identifier: Apache-2.0

// Package bus carries documents of desired state from the hub to the hosts they concern, at once.
//
// The hub's bus is a NATS server within its process (Listen): hosts come with their certificates of the fleet, over TLS 1.3, and may
// hear what is for all, for their location and for themselves, and say nothing. A NATS cluster of one's own does the same
// (Connect); its subjects are ebb.FLEET.all, ebb.FLEET.location.NAME and ebb.FLEET.peer.NAME, where a dot in a location is a tilde, and
// who may hear and say what is then for that cluster to see to. Since documents are signed, a bus that is not to be trusted can
// withhold them and no more.
//
// A host that has lost its bus comes back at a time of its own: ten thousand of them are spread over the first ten seconds after
// a hub is there again, and after that each waits for 5 to 30 s between two attempts.
//
// # Not promised
//
// That what is published arrives: a push may vanish without a trace, and nobody is told. Hosts exchange digests with the hub for that.
// Nothing is kept here, so nothing can be lost here. A host that was revoked keeps its connection until it ends.
package bus

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/node"
)

// ErrURL marks a text that is no address of a NATS server.
var ErrURL = errors.New("not an address such as nats://bus.example:4222")

// Subject is where a document of this scope is published.
func Subject(fleetName string, s desired.Selector) string {
	switch {
	case s.Peer != "":
		return peerSubject(fleetName, s.Peer)
	case s.Location != "":
		return locationSubject(fleetName, s.Location)
	}
	return allSubject(fleetName)
}

// Subjects are those that a host hears.
func Subjects(id fleet.Identity) []string {
	return []string{allSubject(id.Fleet), locationSubject(id.Fleet, id.Location), peerSubject(id.Fleet, id.Peer)}
}

func allSubject(fleetName string) string        { return "ebb." + fleetName + ".all" }
func peerSubject(fleetName, peer string) string { return "ebb." + fleetName + ".peer." + peer }
func locationSubject(fleetName, location string) string {
	return "ebb." + fleetName + ".location." + strings.ReplaceAll(location, ".", "~") // a dot would part it
}

// ParseURLs reads addresses of NATS servers, joined by commas. ErrURL.
func ParseURLs(text string) ([]string, error) {
	list := strings.Split(text, ",")
	for _, x := range list {
		if u, err := url.Parse(x); err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss" {
			return nil, ErrURL
		}
	}
	return list, nil
}

// reachable puts the host by which the hub is known into addresses that mean "all addresses of the hub".
func reachable(urls []string, hub string) []string {
	host, _, err := net.SplitHostPort(hub)
	if err != nil {
		return urls
	}
	list := make([]string, len(urls))
	for i, x := range urls {
		list[i] = x
		u, err := url.Parse(x)
		if err != nil {
			continue
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && addr.IsUnspecified() {
			u.Host = net.JoinHostPort(host, u.Port())
			list[i] = u.String()
		}
	}
	return list
}

// fleetTLS is how a host meets the hub's own bus.
func fleetTLS(self func() *node.Node) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: fleet.HubName, RootCAs: self().Roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &self().Certificate, nil }}
}
