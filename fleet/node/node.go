// SPDX-License-Identifier: Apache-2.0

// Package node keeps on disk what makes a host a member of its fleet: its private key, its certificate, the fleet's CA,
// the pinned publisher keys and where the hub is. All of it lies in the state directory, which only its owner may
// enter. Each file is written whole or not at all, enrolment.json last: with it the enrolment exists.
package node

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// ErrNotEnrolled: the state directory belongs to no fleet yet.
var ErrNotEnrolled = errors.New("this host is not enrolled")

// ErrEnrolled: the state directory belongs to a fleet already.
var ErrEnrolled = errors.New("this host is enrolled already")

// Files of the state directory.
const (
	keyFile   = "node.key"
	certFile  = "node.crt"
	caFile    = "ca.crt"
	enrolFile = "enrolment.json"
)

// Node is an enrolled host.
type Node struct {
	Dir         string          // state directory
	Certificate tls.Certificate // with its private key; Leaf is set
	CA          *x509.Certificate
	Roots       *x509.CertPool // CA alone
	Identity    fleet.Identity
	HubAddr     string       // of the control port, host:port
	Hub         fleet.Member // on the data plane
	Publishers  []ed25519.PublicKey
}

// enrolment is enrolment.json.
type enrolment struct {
	HubAddr    string       `json:"hub_addr"`
	Hub        fleet.Member `json:"hub"`
	Publishers []string     `json:"publishers"`
}

// Exists reports whether the state directory holds an enrolment.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, enrolFile))
	return err == nil
}

// Load reads an enrolment. ErrNotEnrolled; any other error names the file.
func Load(dir string) (*Node, error) {
	b, err := os.ReadFile(filepath.Join(dir, enrolFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s holds no enrolment", ErrNotEnrolled, dir)
	}
	if err != nil {
		return nil, err
	}
	var e enrolment
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, enrolFile), err)
	}
	n := &Node{Dir: dir, HubAddr: e.HubAddr, Hub: e.Hub}
	for _, text := range e.Publishers {
		key, err := content.ParsePublisherKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, enrolFile), err)
		}
		n.Publishers = append(n.Publishers, key)
	}
	return n, n.loadCertificates()
}

func (n *Node) loadCertificates() (err error) {
	n.Certificate, err = tls.LoadX509KeyPair(filepath.Join(n.Dir, certFile), filepath.Join(n.Dir, keyFile))
	if err != nil {
		return fmt.Errorf("certificate in %s: %w", n.Dir, err)
	}
	b, err := os.ReadFile(filepath.Join(n.Dir, caFile))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return fmt.Errorf("%s holds no certificate", filepath.Join(n.Dir, caFile))
	}
	if n.CA, err = x509.ParseCertificate(block.Bytes); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(n.Dir, caFile), err)
	}
	return n.complete()
}

// complete derives what follows from the certificates.
func (n *Node) complete() (err error) {
	if n.Certificate.Leaf == nil {
		if n.Certificate.Leaf, err = x509.ParseCertificate(n.Certificate.Certificate[0]); err != nil {
			return err
		}
	}
	n.Roots = x509.NewCertPool()
	n.Roots.AddCert(n.CA)
	n.Identity, err = fleet.IdentityOf(n.Certificate.Leaf)
	return err
}

// Save writes an enrolment; Certificate, CA, HubAddr, Hub and Publishers must be set. It fills in the rest of n.
func (n *Node) Save() error {
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return err
	}
	if err := n.complete(); err != nil {
		return err
	}
	key, ok := n.Certificate.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return fmt.Errorf("the private key is a %T, not an ECDSA key", n.Certificate.PrivateKey)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	e := enrolment{HubAddr: n.HubAddr, Hub: n.Hub}
	for _, k := range n.Publishers {
		e.Publishers = append(e.Publishers, content.MarshalPublisherKey(k))
	}
	doc, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})},
		{certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.Certificate.Certificate[0]})},
		{caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.CA.Raw})},
		{enrolFile, append(doc, '\n')},
	} {
		if err := WriteFile(filepath.Join(n.Dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile writes a file that only its owner may read, whole or not at all.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
