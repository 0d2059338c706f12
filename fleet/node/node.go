// SPDX-License-Identifier: Apache-2.0

// Package node keeps on disk what makes a host a member of its fleet: its private key, its certificate, the fleet's CA,
// the pinned publisher keys and where the hub is. All of it lies in one file of the state directory, enrolment.json,
// which only its owner may read and which is written whole or not at all: a crash leaves the old enrolment or the new
// one, never a key without its certificate.
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
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

// ErrNotEnrolled: the state directory belongs to no fleet yet.
var ErrNotEnrolled = errors.New("this host is not enrolled")

// ErrEnrolled: the state directory belongs to a fleet already.
var ErrEnrolled = errors.New("this host is enrolled already")

const fileName = "enrolment.json"

// Node is an enrolled host.
type Node struct {
	Dir         string          // state directory
	Certificate tls.Certificate // with its private key, ECDSA; Leaf is set
	CA          *x509.Certificate
	Roots       *x509.CertPool // CA alone
	Identity    fleet.Identity
	HubAddr     string       // of the control port, host:port
	Hub         fleet.Member // on the data plane
	Publishers  []ed25519.PublicKey
}

// enrolment is the file.
type enrolment struct {
	HubAddr     string       `json:"hub_addr"`
	Hub         fleet.Member `json:"hub"`
	Publishers  []string     `json:"publishers"`
	CA          []byte       `json:"ca"`          // DER
	Certificate []byte       `json:"certificate"` // DER
	Key         []byte       `json:"key"`         // PKCS #8
}

// Exists reports whether the state directory holds an enrolment, readable or not.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileName))
	return err == nil
}

// Load reads an enrolment. ErrNotEnrolled; any other error names the file. A certificate that has expired is no error
// here.
func Load(dir string) (*Node, error) {
	path := filepath.Join(dir, fileName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s holds no enrolment", ErrNotEnrolled, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("enrolment: %w", err)
	}
	n, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; join again: ebb enroll HUB --token T --again", path, err)
	}
	n.Dir = dir
	return n, nil
}

func parse(b []byte) (*Node, error) {
	var e enrolment
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, err
	}
	n := &Node{HubAddr: e.HubAddr, Hub: e.Hub}
	var err error
	if n.Publishers, err = ParsePublishers(e.Publishers); err != nil {
		return nil, err
	}
	if n.CA, err = x509.ParseCertificate(e.CA); err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	n.Certificate, err = tls.X509KeyPair(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: e.Key}))
	if err != nil {
		return nil, err
	}
	return n, n.complete()
}

// complete derives what follows from the certificates.
func (n *Node) complete() (err error) {
	if n.Certificate.Leaf, err = x509.ParseCertificate(n.Certificate.Certificate[0]); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if err := n.Certificate.Leaf.CheckSignatureFrom(n.CA); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	n.Roots = x509.NewCertPool()
	n.Roots.AddCert(n.CA)
	n.Identity, err = fleet.IdentityOf(n.Certificate.Leaf)
	return err
}

// Save writes an enrolment; Dir, Certificate, CA, HubAddr, Hub and Publishers must be set. It fills in the rest of n.
func (n *Node) Save() error {
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
	b, err := json.MarshalIndent(enrolment{HubAddr: n.HubAddr, Hub: n.Hub, Publishers: PublisherTexts(n.Publishers), CA: n.CA.Raw,
		Certificate: n.Certificate.Certificate[0], Key: der}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return err
	}
	return WriteFile(filepath.Join(n.Dir, fileName), append(b, '\n'))
}

// Due reports whether the certificate has lived two thirds of its time and wants to be renewed.
func (n *Node) Due(now time.Time) bool {
	leaf := n.Certificate.Leaf
	return now.After(leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) * 2 / 3))
}

// PublisherTexts writes publisher keys as documents carry them.
func PublisherTexts(keys []ed25519.PublicKey) []string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = content.MarshalPublisherKey(k)
	}
	return texts
}

// ParsePublishers reads publisher keys as documents carry them.
func ParsePublishers(texts []string) ([]ed25519.PublicKey, error) {
	keys := make([]ed25519.PublicKey, len(texts))
	for i, t := range texts {
		var err error
		if keys[i], err = content.ParsePublisherKey(t); err != nil {
			return nil, fmt.Errorf("publisher %d: %w", i+1, err)
		}
	}
	return keys, nil
}
