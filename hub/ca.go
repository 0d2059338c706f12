// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	hostLife = 90 * 24 * time.Hour
	skew     = fleet.ClockBorne // clocks of endpoints may be late by this much

	caFile = "ca.key"
)

// authority is the fleet's CA.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// openCA reads the CA of a state directory. fs.ErrNotExist.
func openCA(state string) (*authority, error) {
	path := filepath.Join(state, caFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keyBlock, rest := pem.Decode(b)
	certBlock, _ := pem.Decode(rest)
	if keyBlock == nil || certBlock == nil {
		return nil, fmt.Errorf("%s does not hold the CA's key and certificate", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a %T cannot sign", path, key)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &authority{cert, signer}, nil
}

// newCA makes the CA. Key and certificate lie in one file, so that there is never one without the other.
func newCA(state string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Ebb fleet CA"}, NotBefore: now.Add(-skew),
		NotAfter: now.Add(caLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	file := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	return &authority{cert, key}, node.WriteFile(filepath.Join(state, caFile), file)
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// fleetName is the name of the fleet: the first 16 hex digits of the hash of the CA's public key.
func (a *authority) fleetName() string {
	sum := sha256.Sum256(a.cert.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:8])
}

func (a *authority) fingerprint() [sha256.Size]byte { return sha256.Sum256(a.cert.Raw) }

func (a *authority) identity(public any, role fleet.Role, location string) (fleet.Identity, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fleet.Identity{}, err
	}
	return fleet.Identity{Fleet: a.fleetName(), Role: role, Location: location, Peer: fleet.PeerName(der)}, nil
}

// issue makes the certificate of a host (DER), good for both ends of TLS and DTLS. The location of one that roams follows
// its address.
func (a *authority) issue(public any, id fleet.Identity, roams bool, now time.Time) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: id.Peer}, NotBefore: now.Add(-skew),
		NotAfter: now.Add(hostLife), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, URIs: []*url.URL{id.URI()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	if roams {
		template.Subject.OrganizationalUnit = []string{fleet.RoamingUnit}
	}
	if id.Role == fleet.RoleHub {
		template.DNSNames = []string{fleet.HubName}
	}
	return x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
}

// request reads a certificate request and checks that the asker holds the key. Only ECDSA on P-256 is accepted.
func request(der []byte) (*ecdsa.PublicKey, error) {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("the key must be ECDSA on P-256")
	}
	return key, nil
}
