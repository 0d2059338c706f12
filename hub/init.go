// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/store"
)

// Location is where a hub is.
const Location = "hub"

const publisherFile = "publisher.key"

// Init makes what a hub needs and does not have yet: the CA, the hub's own enrolment, and a publisher's key pair
// whose secret may be moved elsewhere. addr is where control port and data plane listen now. After a crash at any
// point it goes on where it stopped. The hub's own host is returned. Where the disk is full, a hub that was there before is told
// so in the log and starts all the same: what has changed of its enrolment, its address or its certificate, is then not on disk, and comes
// there with the next start or change that finds room.
func Init(state string, addr netip.AddrPort, now time.Time, log *slog.Logger) (*node.Node, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	n, err := node.Load(state)
	fresh := errors.Is(err, node.ErrNotEnrolled)
	if err != nil && !fresh {
		return nil, err
	}
	if !fresh && n.Identity.Role != fleet.RoleHub {
		return nil, fmt.Errorf("%w: %s belongs to agent %s; choose another state directory for the hub", node.ErrEnrolled, state, n.Identity.Peer)
	}
	ca, err := openCA(state)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		ca, err = newCA(state, now)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w: without it nobody can be let into fleet %s; put it back from a backup", err, n.Identity.Fleet)
	}
	if err != nil {
		return nil, fmt.Errorf("fleet CA: %w", err)
	}
	changed := fresh || n.Due(now)
	if fresh {
		n, err = newNode(state, ca, now)
	} else if changed {
		n, err = renewed(n, ca, now)
	}
	if err != nil {
		return nil, err
	}
	at := addr.String()
	if !changed && n.HubAddr == at && n.Hub.Lan == at && n.Hub.Wan == at {
		return n, nil
	}
	n.HubAddr = at
	n.Hub = fleet.Member{Peer: n.Identity.Peer, Role: fleet.RoleHub, Location: Location, Lan: at, Wan: at}
	err = n.Save()
	if store.Full(err) && !fresh {
		log.Warn("the disk is full: this hub starts, and what is new of it is not written down yet; make room on its disk", "addr", at,
			"certificate_until", n.Certificate.Leaf.NotAfter, "err", err)
		err = nil
	}
	return n, err
}

// newNode makes the hub's own host and the default publisher.
func newNode(state string, ca *authority, now time.Time) (*node.Node, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	id, err := ca.identity(key.Public(), fleet.RoleHub, Location)
	if err != nil {
		return nil, err
	}
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := node.WriteFile(filepath.Join(state, publisherFile), []byte(content.MarshalPublisherSecret(secret)+"\n")); err != nil {
		return nil, err
	}
	return renewed(&node.Node{Dir: state, Identity: id, Certificate: tls.Certificate{PrivateKey: key}, CA: ca.cert,
		Publishers: []ed25519.PublicKey{public}}, ca, now)
}

// renewed is the hub's node with a new certificate, not yet saved.
func renewed(n *node.Node, ca *authority, now time.Time) (*node.Node, error) {
	key, ok := n.Certificate.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the hub's private key is a %T, not an ECDSA key", n.Certificate.PrivateKey)
	}
	der, err := ca.issue(key.Public(), n.Identity, false, now)
	if err != nil {
		return nil, err
	}
	fresh := *n
	fresh.Certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &fresh, nil
}
