// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet/ledger"
)

// Member is one host as the directory lists it.
type Member struct {
	Peer     string       `json:"peer"`
	Role     Role         `json:"role"`
	Location string       `json:"location"`
	Lan      string       `json:"lan,omitempty"`   // where hosts of the same location reach it
	TLS      uint16       `json:"tls,omitempty"`   // its TCP port there for the LAN carrier; 0: it has none
	Wan      string       `json:"wan,omitempty"`   // where the hub sees it; all others reach it there
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
	Location string `json:"location"`
}

// EnrollReply lets a host in.
type EnrollReply struct {
	Certificate []byte   `json:"certificate"` // DER
	CA          []byte   `json:"ca"`          // DER
	Publishers  []string `json:"publishers"`
	Hub         Member   `json:"hub"`
}

// RenewRequest asks for a new certificate for the same host and key; the answer is an EnrollReply.
type RenewRequest struct {
	CSR []byte `json:"csr"`
}

// SyncRequest tells the hub where this host is and what it holds, and asks who has what it wants. At most MaxHoldings
// and MaxWanted.
type SyncRequest struct {
	Lan      string       `json:"lan,omitempty"`
	TLS      uint16       `json:"tls,omitempty"` // as in Member
	Holdings []Holding    `json:"holdings,omitempty"`
	Wanted   []content.ID `json:"wanted,omitempty"`

	Ledger *ledger.Report `json:"ledger,omitempty"` // what was counted since the last acknowledged report
}

// SyncReply lists the hub, the members of the caller's location and some holders of what it wants. Publisher keys are
// pinned at enrolment and renewal and never come this way.
type SyncReply struct {
	Peers []Member  `json:"peers"`
	Hub   Member    `json:"hub"`
	Time  time.Time `json:"time"`

	Ledger *ledger.Ack `json:"ledger,omitempty"` // the report is durable here
}
