// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

// ErrLogin marks what lets nobody in anywhere.
var ErrLogin = errors.New("use user and password, or credentials, or none of them")

// Cluster is the NATS servers of others.
type Cluster struct {
	URLs  []string
	CA    []byte         // PEM; what their certificates are verified with; empty: the system's
	Hub   fleet.BusLogin // of the hub, which publishes
	Hosts fleet.BusLogin // of all hosts, which hear; they are told
}

// Valid finds what cannot be meant. ErrLogin.
func (c Cluster) Valid() error {
	if _, err := roots(c.CA); err != nil {
		return err
	}
	for _, l := range []fleet.BusLogin{c.Hub, c.Hosts} {
		if (l.User == "") != (l.Password == "") || l.User != "" && len(l.Credentials) > 0 {
			return ErrLogin
		}
		if len(l.Credentials) > 0 && !strings.Contains(string(l.Credentials), "BEGIN NATS USER JWT") {
			return fmt.Errorf("%w: these are no credentials as nsc writes them", ErrLogin)
		}
	}
	return nil
}

func roots(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil // the system's
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate (PEM) in it")
	}
	return pool, nil
}

// options are how one meets the servers of others: with one's certificate of the fleet where they ask for one.
func options(self func() *node.Node, b fleet.Bus) ([]nats.Option, error) {
	pool, err := roots(b.CA)
	if err != nil {
		return nil, fmt.Errorf("the bus: CA: %w", err)
	}
	var list []nats.Option
	if !strings.HasPrefix(b.URLs[0], "ws://") { // which would be taken for wss
		list = append(list, func(o *nats.Options) error {
			o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, GetClientCertificate: shown(self)}
			return nil
		})
	}
	switch {
	case len(b.Login.Credentials) > 0:
		list = append(list, nats.UserCredentialBytes(b.Login.Credentials))
	case b.Login.User != "":
		list = append(list, nats.UserInfo(b.Login.User, b.Login.Password))
	}
	return list, nil
}

// fleetTLS is how a host meets the hub's own bus.
func fleetTLS(self func() *node.Node) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: fleet.HubName, RootCAs: self().Roots, GetClientCertificate: shown(self)}
}

func shown(self func() *node.Node) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &self().Certificate, nil }
}

// versioned gives a bus its version.
func versioned(b fleet.Bus) fleet.Bus {
	b.Version = ""
	doc, _ := json.Marshal(b) // never fails: it is made of texts and bytes
	sum := sha256.Sum256(doc)
	b.Version = hex.EncodeToString(sum[:8])
	return b
}
