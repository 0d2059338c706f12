// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/pulse"
)

// Member is one host as the directory lists it.
type Member struct {
	Peer     string       `json:"peer"`
	Role     Role         `json:"role"`
	Location string       `json:"location"`
	Lan      string       `json:"lan,omitempty"`    // where hosts of the same location reach it
	TLS      uint16       `json:"tls,omitempty"`    // its TCP port there for the LAN carrier; 0: it has none
	Wan      string       `json:"wan,omitempty"`    // where the hub sees it; all others reach it there
	Subnet   string       `json:"subnet,omitempty"` // that it is in, in CIDR notation
	Link     Link         `json:"link,omitempty"`
	Relay    bool         `json:"relay,omitempty"` // it hands on what its neighbours report
	Holds    []content.ID `json:"holds,omitempty"` // of the contents asked about, complete or in part
	Seen     time.Time    `json:"seen,omitzero"`
}

// Holding is what a host has of one content.
type Holding struct {
	Content  content.ID `json:"content"`
	Chunks   int        `json:"chunks"`
	Complete bool       `json:"complete"`
}

// EnrollRequest asks for a certificate. CSR is a PKCS #10 request, DER; only its key counts.
type EnrollRequest struct {
	Token    string `json:"token"`
	CSR      []byte `json:"csr"`
	Location string `json:"location"`      // or LocationAuto
	Net      string `json:"net,omitempty"` // the host's own address with the length of its network
}

// LocationAuto asks the hub to find out where a host is, now and whenever its address changes.
const LocationAuto = "auto"

// EnrollReply lets a host in.
type EnrollReply struct {
	Certificate []byte   `json:"certificate"` // DER
	CA          []byte   `json:"ca"`          // DER
	Publishers  []string `json:"publishers"`
	Hub         Member   `json:"hub"`
}

// RenewRequest asks for a new certificate for the same host and key; the answer is an EnrollReply. A host that enrolled
// with LocationAuto gets it for where it is now.
type RenewRequest struct {
	CSR []byte `json:"csr"`
	Net string `json:"net,omitempty"`
}

// SyncRequest tells the hub where this host is and what it holds, and asks who has what it wants. At most MaxHoldings
// and MaxWanted.
type SyncRequest struct {
	Lan      string       `json:"lan,omitempty"`
	TLS      uint16       `json:"tls,omitempty"`      // as in Member
	Net      string       `json:"net,omitempty"`      // its address there with the length of its network: 10.1.2.3/24
	Location string       `json:"location,omitempty"` // where it takes itself to be; the certificate must say the same
	Instance string       `json:"instance,omitempty"` // of the daemon's start, random
	Cursor   string       `json:"cursor,omitempty"`   // of the last reply
	Partial  bool         `json:"partial,omitempty"`  // Holdings are those that changed since the report that reply answered
	Holdings []Holding    `json:"holdings,omitempty"`
	Dropped  []content.ID `json:"dropped,omitempty"` // with Partial: held no more
	Wanted   []content.ID `json:"wanted,omitempty"`

	Ledger  *ledger.Report `json:"ledger,omitempty"`  // what was counted since the last acknowledged report
	Pulse   *pulse.Pulse   `json:"pulse,omitempty"`   // of its flows; null: with Partial as before, else nothing
	Ways    []pulse.Way    `json:"ways,omitempty"`    // to other locations to which something was sent lately
	Desired *Desired       `json:"desired,omitempty"` // what is known of desired state; nil: by a host that obeys none
	Bus     string         `json:"bus,omitempty"`     // version of the bus it is on

	// Of a host that reports by way of others, and others by way of it, which it does when the hub has said Relay: a hub that does not know
	// these fields refuses them.
	Relay bool   `json:"relay,omitempty"`
	Seq   uint64 `json:"seq,omitempty"` // greater than that of all reports and letters before: a time in microseconds since 1970

	// Unanswered is who of the location does not answer, at most MaxUnanswered; told when the hub has said TakesUnanswered.
	Unanswered []Unanswered `json:"unanswered,omitempty"`
}

// Desired is a host's part of the exchange of desired state, in the words of package desired.
type Desired struct {
	Root      string   `json:"root"`
	Digest    []byte   `json:"digest,omitempty"`    // when the last reply asked for it
	Documents [][]byte `json:"documents,omitempty"` // that the last reply asked for
}

// DesiredReply is the hub's part.
type DesiredReply struct {
	Documents [][]byte `json:"documents,omitempty"` // news for the host
	Differs   bool     `json:"differs,omitempty"`   // the digest is to be told, at once
	Wants     []string `json:"wants,omitempty"`     // keys of documents that the host should hand in, at once
}

// MaxHanded bounds the documents that one message carries.
const MaxHanded = 128

// SyncReply lists the hub, the members of the caller's location and some holders of what it wants. Publisher keys are
// pinned at enrolment and renewal and never come this way.
type SyncReply struct {
	Peers   []Member  `json:"peers,omitempty"`
	Gone    []string  `json:"gone,omitempty"`    // neighbours listed before and no more
	Partial bool      `json:"partial,omitempty"` // Peers are only those that are new or changed, and Here is left out
	Cursor  string    `json:"cursor,omitempty"`  // to be shown next time
	Again   bool      `json:"again,omitempty"`   // all holdings must be told, at once
	Here    Place     `json:"here,omitzero"`
	Move    string    `json:"move,omitempty"`    // the location whose certificate the host should fetch
	Warning string    `json:"warning,omitempty"` // what is wrong with where the host is
	Twin    string    `json:"twin,omitempty"`    // another host reports under this identity, from this address
	Relay   bool      `json:"relay,omitempty"`   // reports may come by way of others
	Apart   []string  `json:"apart,omitempty"`   // those of Unanswered that the hub knows to be there all the same
	Every   int       `json:"every,omitempty"`   // seconds after which a host that fetches should report again; 0: as it likes
	Hub     Member    `json:"hub"`
	Time    time.Time `json:"time"`

	Ledger  *ledger.Ack   `json:"ledger,omitempty"` // the report is durable here
	Desired *DesiredReply `json:"desired,omitempty"`
	Bus     *Bus          `json:"bus,omitempty"` // where what is ordered is heard at once; nil: nowhere

	TakesUnanswered bool `json:"takes_unanswered,omitempty"` // reports may say who does not answer
}

// LettersRequest hands on what hosts of the caller's location report, each sealed by who does (package relay).
type LettersRequest struct {
	Letters [][]byte `json:"letters"`
}

// LettersReply has the hub's answer to each, in their order and under the seal of the two; an empty one is none: who reports must do so itself.
type LettersReply struct {
	Answers [][]byte `json:"answers"`
}

// Bus is where a fleet's NATS servers are, and how a host is let in there.
type Bus struct {
	Version string   `json:"version"` // of all that follows: a host that has shown it in its request is told no more than this
	URLs    []string `json:"urls,omitempty"`
	Own     bool     `json:"own,omitempty"` // it is the hub's, with certificates of the fleet on both sides
	CA      []byte   `json:"ca,omitempty"`  // PEM; what the certificates of the servers of others are verified with; empty: the system's
	Login   BusLogin `json:"login,omitzero"`
	Key     []byte   `json:"key,omitempty"` // under which is sealed what the servers of others carry; another one when a host was revoked
}

// BusLogin is what one shows to the NATS servers of others besides a certificate: a user and a password, or credentials, or nothing.
type BusLogin struct {
	User        string `json:"user,omitempty"`
	Password    string `json:"password,omitempty"`
	Credentials []byte `json:"credentials,omitempty"` // a JSON Web Token and the seed of its key, as nsc writes them
}
