// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Why a document is not taken.
var (
	ErrTooLong   = errors.New("longer than a document may be")
	ErrElsewhere = errors.New("it does not concern this host")
	ErrMalformed = errors.New("not a document of desired state")
	ErrForeign   = errors.New("not signed by this fleet's CA")
	ErrExpired   = errors.New("it has expired")
	ErrOld       = errors.New("a newer one is known")
	ErrKnown     = errors.New("it is known")
	ErrFull      = errors.New("there are too many documents")
)

// MaxDocument bounds the bytes of an encoded document: a location has many subnets, and whatever else is said takes some hundred.
// MaxDocuments bounds how many of them a fleet has besides those of its locations, and MaxLocations of how many locations something
// was ever said.
const (
	MaxDocument  = 32 << 10
	MaxDocuments = 4096
	MaxLocations = 200_000
)

// Kind is what a document is about.
type Kind string

// The kinds. One that is not known is kept and handed on, and has no effect.
const (
	Pause    Kind = "pause"    // flows stand still, or go on
	Stop     Kind = "stop"     // everything stands still; its scope is all
	Priority Kind = "priority" // of flows
	Cancel   Kind = "cancel"   // flows end
	Hold     Kind = "hold"     // an order: hosts fetch a content and keep it
	Revoke   Kind = "revoke"   // a host is none of this fleet any more; its scope is all, who must know it
	Policy   Kind = "policy"   // what a setting of hosts or contents is
	Location Kind = "location" // what the network of a location is; its scope is that location
)

// Register is what a document is about; there is one document of each.
type Register struct {
	Scope Selector `json:"scope"`
	Kind  Kind     `json:"kind"`
	Name  string   `json:"name,omitempty"` // of an order: the content; of a revocation: the peer; of a policy: the key
}

// Key stands for a register on the wire and in journals.
type Key [8]byte

// Key of a register.
func (r Register) Key() (k Key) {
	sum := sha256.Sum256([]byte(string(r.Kind) + "\x00" + r.Name + "\x00" + r.Scope.String()))
	copy(k[:], sum[:])
	return k
}

func (k Key) String() string { return fmt.Sprintf("%x", k[:]) }

// Rule is what is said of a register.
type Rule struct {
	Void     bool      `json:"void,omitempty"`   // nothing: what was said before is taken back
	Paused   bool      `json:"paused,omitempty"` // of a pause: they stand still; otherwise they go on
	Priority int       `json:"priority,omitempty"`
	Order    *Order    `json:"order,omitempty"`
	Value    string    `json:"value,omitempty"`  // of a policy, as its key has it
	Locked   bool      `json:"locked,omitempty"` // of a policy: nothing that a host or a flow was told otherwise counts
	Until    time.Time `json:"until,omitzero"`   // from then on it has no effect

	Location json.RawMessage `json:"location,omitempty"` // of a location, as package fleet/topology reads it
}

// Order is what a host should hold.
type Order struct {
	Content  content.ID `json:"content"`
	By       time.Time  `json:"by,omitzero"`
	Priority int        `json:"priority,omitempty"`
	Window   string     `json:"window,omitempty"` // as package agent/window reads it, in the local time of the host
}

// Document is one rule for one register.
type Document struct {
	Register
	Rule
	Version uint64    `json:"version"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// magic comes first in every encoded document; its last byte is the version of the format.
const magic = "EBB-DSD\x01"

// domain comes first in what is signed: the CA signs certificates too, and neither may pass for the other.
const domain = "ebb desired state v1\x00"

func digest(payload []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(domain), payload...))
}

// Sign encodes a document with the signature of the fleet's CA: magic, length of the signature (one octet), signature (ASN.1),
// document (JSON). ErrTooLong, and what the key says.
func Sign(d Document, ca crypto.Signer) ([]byte, error) {
	payload, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	sum := digest(payload)
	sig, err := ca.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	raw := append([]byte(magic), byte(len(sig)))
	raw = append(append(raw, sig...), payload...)
	if len(raw) > MaxDocument {
		return nil, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLong, len(raw), MaxDocument)
	}
	return raw, nil
}

// Open verifies a document and reads it, in this order, so that nothing is read that the CA did not sign. Its length is looked at
// before anything else. ErrTooLong, ErrMalformed, ErrForeign.
func Open(raw []byte, ca *ecdsa.PublicKey) (Document, error) {
	d, _, err := open(raw, ca)
	return d, err
}

func open(raw []byte, ca *ecdsa.PublicKey) (d Document, sum [sha256.Size]byte, err error) {
	sig, payload, err := divide(raw)
	if err != nil {
		return d, sum, err
	}
	sum = digest(payload)
	if ca == nil || !ecdsa.VerifyASN1(ca, sum[:], sig) {
		return d, sum, ErrForeign
	}
	d, err = read(payload)
	return d, sum, err
}

// divide finds the signature and what is signed.
func divide(raw []byte) (sig, payload []byte, err error) {
	if len(raw) > MaxDocument {
		return nil, nil, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLong, len(raw), MaxDocument)
	}
	if len(raw) <= len(magic) || string(raw[:len(magic)]) != magic {
		return nil, nil, ErrMalformed
	}
	rest := raw[len(magic):]
	n := int(rest[0])
	if len(rest) < 1+n {
		return nil, nil, ErrMalformed
	}
	return rest[1 : 1+n], rest[1+n:], nil
}

func read(payload []byte) (d Document, err error) {
	if err := json.Unmarshal(payload, &d); err != nil {
		return d, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if d.Kind == Location && (d.Scope.Location == "" || d.Register != locationRegister(d.Scope.Location)) {
		return d, fmt.Errorf("%w: one of a location for %s", ErrMalformed, d.Scope)
	}
	return d, nil
}

// rank orders the documents of one register.
type rank struct {
	version uint64
	hash    uint64 // the first 8 octets of the hash
}

func ranked(d Document, sum [sha256.Size]byte) rank {
	return rank{d.Version, binary.BigEndian.Uint64(sum[:])}
}

func (r rank) above(o rank) bool {
	return r.version > o.version || r.version == o.version && r.hash > o.hash
}

// grace is how long a document is kept after it expired, so that hosts whose clocks differ agree on what there is.
const grace = time.Hour

func (d Document) gone(now time.Time) bool {
	return !d.Expires.IsZero() && !now.Before(d.Expires.Add(grace))
}

// InForce reports whether the document says something now.
func (d Document) InForce(now time.Time) bool {
	return !d.Void && (d.Until.IsZero() || now.Before(d.Until))
}
