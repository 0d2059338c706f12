// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"net/netip"

	"github.com/ebbproject/ebb/content"
)

// ID names a content, a manifest or a chunk. The conversation only compares ids; hashing what arrived is the owner's
// business.
type ID = content.ID

// Kind says what a Want asks for.
type Kind uint8

// The closed list of kinds.
const (
	KindChunk    Kind = 1 // one chunk of a content; its size is known beforehand
	KindManifest Kind = 2 // a signed manifest; only a limit of its size is known beforehand
)

// Reason says why a request is refused.
type Reason uint8

// The closed list of reasons.
const (
	ReasonUnknown      Reason = iota // none of the others
	ReasonBusy                       // the host is at its limit of work; ask again later
	ReasonNotHeld                    // nothing of that name, id and size is here
	ReasonCorrupt                    // it was held and failed its check
	ReasonPaused                     // the operator paused serving
	ReasonPolicy                     // a rule forbids it
	ReasonShuttingDown               // the host is going away
	ReasonTooMany                    // more requests are open than Hello.MaxWants allows

	// The rest only between hosts that both have the capability CapabilityReasons; another one hears ReasonBusy.
	ReasonCPU     // others use the host's processors
	ReasonDisk    // others use the host's disk
	ReasonBattery // the host runs on its battery
	ReasonVPN     // the host is on a VPN
	ReasonMetered // the host pays for its network by the byte
	ReasonSlots   // as many hosts are served as may be
	ReasonRate    // what was promised to others fills the upload cap for long
)

// CapabilityReasons is the capability of a host that knows the reasons from ReasonCPU on.
const CapabilityReasons = "reasons"

// CapabilityLimit is the capability of a host that obeys Limit.
const CapabilityLimit = "limit"

// told is the reason as a host hears it that may not know all.
func (r Reason) told(all bool) Reason {
	if r >= ReasonCPU && !all {
		return ReasonBusy
	}
	return r
}

// ByeReason says why a session ends.
type ByeReason uint8

// The closed list of reasons to end a session.
const (
	ByeDone         ByeReason = iota // nothing more to say
	ByeShuttingDown                  // the host is going away
	ByeVersion                       // no common version of the protocol
	ByeProtocol                      // the other side broke the protocol
	ByeIdle                          // the other side has been silent for too long
	ByePolicy                        // the two may not talk: banned, revoked, wrong fleet
	ByeReplaced                      // another session between the same two hosts took over
)

// Message is one message of the wire; WIRE.md has each byte.
type Message interface {
	// Append appends the one accepted form of the message to dst.
	Append(dst []byte) []byte
	fmt.Stringer
}

// Hello opens the conversation; each side sends it first and once.
type Hello struct {
	MinVersion, MaxVersion uint16         // versions spoken, both inclusive, at least 1; in Config zero means all this package speaks
	MaxWants               uint32         // requests the other side may have open here; Config.MaxWants fills it
	MaxInterests           uint32         // contents the other side may follow here; Config.MaxInterests fills it
	Peer                   string         // the sender's name in the fleet; at most MaxPeerName bytes of printable ASCII without blanks
	Capabilities           []string       // ascending; names of [a-z0-9.-]; those the other side does not know are ignored
	Observed               netip.AddrPort // where the sender sees the receiver; invalid when it does not know
}

// Bye ends the conversation.
type Bye struct{ Reason ByeReason }

// Ping asks for a Pong with the same nonce.
type Ping struct{ Nonce uint64 }

// Pong answers a Ping.
type Pong struct{ Nonce uint64 }

// Interest asks for Have messages about a content, or ends them.
type Interest struct {
	Content ID
	On      bool
}

// Run is Count chunks from index First on.
type Run struct{ First, Count uint32 }

// Have says which chunks of a content are held within the range of Count chunks from First on: exactly those of Held.
// The whole set, a page of it, a chunk gained and a chunk lost are all said this way, and saying it twice does no harm.
type Have struct {
	Content      ID
	Total        uint32 // chunks the content has
	First, Count uint32 // the range spoken of
	Held         []Run  // ascending, apart from each other by at least one chunk, inside the range
}

// Want asks for a chunk or a manifest.
type Want struct {
	Request  uint32 // chosen by the sender, ascending
	Kind     Kind
	Priority uint8 // higher goes first
	ID       ID
	Size     uint32 // of a chunk: its exact size; of a manifest: the most that is accepted
}

// Data is one piece of the answer to a Want. Pieces may arrive in any order.
type Data struct {
	Request uint32
	Offset  uint32
	Total   uint32 // size of the whole answer
	Bytes   []byte
}

// Cancel takes a Want or Find back.
type Cancel struct{ Request uint32 }

// Refuse says that a Want or Find will not be answered, or not further.
type Refuse struct {
	Request uint32
	Reason  Reason
}

// Find asks for the id of the content of that name.
type Find struct {
	Request uint32
	Name    string
}

// Limit asks the other side to send at most so many bytes of data messages a second in this conversation, 0 for as many as it likes. It
// needs the capability CapabilityLimit.
type Limit struct{ Rate uint64 }

// Found answers a Find. It is also the Event that tells the owner.
type Found struct {
	Request uint32
	ID      ID
}
