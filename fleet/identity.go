// SPDX-License-Identifier: Apache-2.0

// Package fleet says who exists, what they hold and how they find one another.
//
// An Identity is what a certificate says of a host; it is written into the certificate as one URI,
// ebb://FLEET/ROLE/LOCATION/PEER, so that nothing a host claims about itself needs to be believed. A Token lets
// a new host in, once. The Directory is the hub's knowledge of who is where and who holds what; the documents
// Sync* and Enroll* are what crosses the control port.
//
// The package is pure: time is an argument, and nothing here opens, waits or locks. It does not promise that a
// listed peer is reachable; only trying tells.
package fleet

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Role is what a host is to its fleet.
type Role string

// The roles.
const (
	RoleHub   Role = "hub"
	RoleAgent Role = "agent"
)

// ErrIdentity marks a certificate or URI that names no host of a fleet.
var ErrIdentity = errors.New("not an identity of a fleet")

// Identity is who a host is, as its certificate says.
type Identity struct {
	Fleet    string // 16 hex digits of the hash of the CA's public key
	Role     Role
	Location string
	Peer     string // 16 hex digits of the hash of the host's public key
}

// URI is the form that stands in the certificate: ebb://FLEET/ROLE/LOCATION/PEER.
func (i Identity) URI() *url.URL {
	return &url.URL{Scheme: "ebb", Host: i.Fleet, Path: "/" + string(i.Role) + "/" + i.Location + "/" + i.Peer}
}

func (i Identity) String() string { return i.URI().String() }

// ParseIdentity reads the one accepted form of URI.
func ParseIdentity(u *url.URL) (Identity, error) {
	parts := strings.Split(u.Path, "/")
	if u.Scheme != "ebb" || len(parts) != 4 || parts[0] != "" {
		return Identity{}, fmt.Errorf("%w: %q is not ebb://FLEET/ROLE/LOCATION/PEER", ErrIdentity, u)
	}
	id := Identity{Fleet: u.Host, Role: Role(parts[1]), Location: parts[2], Peer: parts[3]}
	if id.Role != RoleHub && id.Role != RoleAgent {
		return Identity{}, fmt.Errorf("%w: %q has the unknown role %q", ErrIdentity, u, id.Role)
	}
	if err := ValidLocation(id.Location); err != nil {
		return Identity{}, fmt.Errorf("%w: %q: %w", ErrIdentity, u, err)
	}
	if !isHex16(id.Fleet) || !isHex16(id.Peer) {
		return Identity{}, fmt.Errorf("%w: %q: fleet and peer are 16 hex digits", ErrIdentity, u)
	}
	if id.URI().String() != u.String() {
		return Identity{}, fmt.Errorf("%w: %q is not in its shortest form", ErrIdentity, u)
	}
	return id, nil
}

// IdentityOf reads the identity in a certificate. It does not verify the certificate.
func IdentityOf(c *x509.Certificate) (Identity, error) {
	if len(c.URIs) != 1 {
		return Identity{}, fmt.Errorf("%w: the certificate of %q names %d URIs instead of one", ErrIdentity, c.Subject.CommonName, len(c.URIs))
	}
	return ParseIdentity(c.URIs[0])
}

// RoamingUnit is the organizational unit in the certificate of a host whose location follows its address. It stands in the
// certificate, so that neither host nor hub has to be believed or to remember.
const RoamingUnit = "roaming"

// Roams reports whether the location of the host follows its address.
func Roams(c *x509.Certificate) bool {
	return slices.Contains(c.Subject.OrganizationalUnit, RoamingUnit)
}

// PeerName is the name of the host with this public key (PKIX, DER): the first 16 hex digits of its SHA-256.
func PeerName(publicKey []byte) string {
	sum := sha256.Sum256(publicKey)
	return hex.EncodeToString(sum[:8])
}

// ErrLocation marks a name that cannot be a location's.
var ErrLocation = errors.New("not a location name")

// ValidLocation accepts 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or a digit.
func ValidLocation(s string) error {
	if s == "" || len(s) > 63 {
		return fmt.Errorf("%w: %q has %d characters, 1 to 63 are allowed", ErrLocation, s, len(s))
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '-' && c != '_' && c != '.') {
			return fmt.Errorf("%w: %q: use a-z, 0-9, '-', '_', '.', and begin with a letter or a digit", ErrLocation, s)
		}
	}
	return nil
}

// ValidPeer accepts 16 hexadecimal digits, in lower case.
func ValidPeer(s string) bool { return isHex16(s) }

func isHex16(s string) bool {
	if len(s) != 16 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
