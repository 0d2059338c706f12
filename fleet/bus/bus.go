// SPDX-License-Identifier: Apache-2.0

// Package bus carries documents of desired state from the hub to the hosts they concern, at once.
//
// The hub's bus is a NATS server within its process (Listen): hosts come with their certificates of the fleet, over TLS 1.3, and may
// hear what is for all, for their location and for themselves, and say nothing. It has a port of its own, or is offered on the
// control port over WebSocket (Through). Who is revoked (Hangup) or whose certificate has run out is thrown off.
//
// A NATS cluster of one's own does the same (Connect); its subjects are ebb.FLEET.all, ebb.FLEET.location.NAME and ebb.FLEET.peer.NAME,
// where a dot in a location is a tilde, and who may hear and say what is then for that cluster to see to. Hub and hosts show
// it their certificates of the fleet if it asks for one, and what Cluster says besides; hosts hear that from the hub, once. Since
// documents are signed, a bus that is not to be trusted can withhold them and no more.
//
// Such a cluster is not told who is revoked. What is pushed over it is therefore sealed (AES-128-GCM, the subject with it) under a key that hosts are
// told with their news and nobody else. When a host is revoked, and every day, the hub turns to another key: who is none of the fleet any more may
// stay on the cluster and hears nothing but that something was said to whom, and how long it was. A host that cannot open a push asks
// the hub for news, once a key; until then, 10 s at most after a revocation, pushes are as good as lost for it.
//
// A host that has lost its bus comes back at a time of its own: within ten seconds, and when there is no bus then after another 5 to 30 s.
// So when a hub is back all hosts are after half a minute, and no second sees more than a sixth of them.
//
// # Not promised
//
// That what is published arrives: a push may vanish without a trace, and nobody is told. Hosts exchange digests with the hub for that.
// Nothing is kept here, on no disk and in no stream, so nothing can be lost here: a bus that comes back empty is as good as new. Who is
// revoked keeps the login that all hosts have on a cluster of others until its operator changes that.
package bus

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
)

var (
	// ErrURL marks a text that is no address of a NATS server.
	ErrURL = errors.New("not an address such as nats://bus.example:4222")
	// ErrSecret marks an address with a user in it.
	ErrSecret = errors.New("an address that names a user, for all to read: say who hub and hosts are in hub.yaml")
)

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

// ParseURLs reads addresses of NATS servers, joined by commas: all of WebSocket, or none. Hosts are told them, so there is no password
// in them. ErrURL, ErrSecret.
func ParseURLs(text string) ([]string, error) {
	list := strings.Split(text, ",")
	for _, x := range list {
		u, err := url.Parse(x)
		if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
			return nil, ErrURL
		}
		if u.User != nil {
			return nil, ErrSecret
		}
		if web(x) != web(list[0]) {
			return nil, fmt.Errorf("%w: either all are of WebSocket, or none", ErrURL)
		}
	}
	return list, nil
}

var schemes = []string{"nats", "tls", "ws", "wss"}

func web(u string) bool { return strings.HasPrefix(u, "ws") }

// reachable puts the host by which the hub is known into addresses that mean "all addresses of the hub", and the whole address of its
// control port into those that mean that.
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
		if u.Path == Path { // on the control port, however that is reached
			u.Host = hub
			list[i] = u.String()
		} else if addr, err := netip.ParseAddr(u.Hostname()); err == nil && addr.IsUnspecified() {
			u.Host = net.JoinHostPort(host, u.Port())
			list[i] = u.String()
		}
	}
	return list
}
