// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/ebbproject/ebb/agent/policy"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer"
)

// Action is one thing for the edge to do, as plain data.
type Action interface{ action() }

type (
	// Fetch asks a peer for a chunk or a manifest. The answer is Arrived, Refused or Stalled with the same Fetch number.
	Fetch struct {
		Peer     string
		Fetch    uint64
		Kind     transfer.Kind
		ID       content.ID
		Size     uint32 // of a chunk: exact; of a manifest: the most that is accepted
		Priority uint8
		Content  content.ID // what it is for
	}
	// Cancel takes a Fetch or Ask back.
	Cancel struct {
		Peer  string
		Fetch uint64
	}
	// Ask asks a peer for the id of a name. The answer is Named or Refused.
	Ask struct {
		Peer  string
		Fetch uint64
		Name  string
	}
	// Follow asks a peer to say what it holds of a content, or to stop.
	Follow struct {
		Peer    string
		Content content.ID
		Chunks  uint32 // how many distinct chunks the content has
		On      bool
	}
	// Apply lets settings hold from now on.
	Apply struct{ Settings policy.Settings }
	// Announce tells a peer what is held here.
	Announce struct {
		Peer string
		Have transfer.Have
	}
	// Stand tells a peer how willing this host is to fetch a content for the location.
	Stand struct {
		Peer  string
		Stand transfer.Stand
	}
	// Claim tells a peer of a lease.
	Claim struct {
		Peer  string
		Claim transfer.Claim
	}
	// Serve reads what a peer requested and hands it to the conversation, or refuses if it cannot be read.
	Serve struct {
		Peer    string
		Request uint32
		Kind    transfer.Kind
		ID      content.ID
		Size    uint32
		Content content.ID // what it is for, as far as can be told
	}
	// Decline refuses a request of a peer.
	Decline struct {
		Peer    string
		Request uint32
		Reason  transfer.Reason
	}
	// Tell answers a peer's question for a name.
	Tell struct {
		Peer    string
		Request uint32
		ID      content.ID
	}
	// Store writes a verified chunk. The answer is Stored.
	Store struct {
		ID   content.ID
		Data []byte
		Peer string
	}
	// Evict removes chunks, before any Store that follows. The answer is Evicted.
	Evict struct{ IDs []content.ID }
	// Record writes a small record to the journal; nil deletes it.
	Record struct {
		Key   string
		Value []byte
	}
	// Resolve asks the hub for the manifest of a name or id. The answer is Resolved or Unresolved.
	Resolve struct{ Ref string }
	// Compare asks the hub who else in the location holds what. The answer is Compared or NotCompared.
	Compare struct{ Request fleet.CopiesRequest }
	// Sync exchanges news with the hub. The answer is Synced or SyncFailed, with Misheard if the hub was reached. Through another host, or
	// through this one as those of others, it goes as a letter: the answer is Replied or NotReplied with the same Number, or Unsealed if it cannot be one.
	Sync struct {
		Request fleet.SyncRequest
		Through string // empty: directly
		Number  uint64
	}
	// Look asks the own network who of the fleet is there. The answer is Looked, after any number of Heard.
	Look struct{}
	// Reach connects to an address of which nobody has said who is there. The answer is Reached or NotReached with the same Where.
	Reach struct {
		Where string // host:port
		TLS   uint16 // TCP port at the same address, of one that has the LAN carrier; 0: not known
	}
	// Export writes a content out. The answer is Exported.
	Export struct {
		Flow      string
		Manifest  *content.Manifest
		Out       string
		Overwrite bool
	}
)

func (Fetch) action()    {}
func (Cancel) action()   {}
func (Ask) action()      {}
func (Follow) action()   {}
func (Announce) action() {}
func (Apply) action()    {}
func (Stand) action()    {}
func (Claim) action()    {}
func (Serve) action()    {}
func (Decline) action()  {}
func (Tell) action()     {}
func (Store) action()    {}
func (Evict) action()    {}
func (Record) action()   {}
func (Resolve) action()  {}
func (Compare) action()  {}
func (Sync) action()     {}
func (Look) action()     {}
func (Reach) action()    {}
func (Export) action()   {}
func (Dial) action()     {}
func (Hangup) action()   {}
