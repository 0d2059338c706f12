// SPDX-License-Identifier: Apache-2.0

package transfer

import "fmt"

// Event is what a session tells its owner through Take.
type Event interface {
	fmt.Stringer
	event()
}

// PeerHello: the other side has introduced itself and the session is open. Only now may anything be asked.
type PeerHello struct {
	Hello        Hello
	Version      uint16   // the version both speak
	Capabilities []string // what both can
}

// Interested: the other side asks for Have messages about a content (On), or wants no more of them. On may be told
// again for a content already followed: answer with the whole set.
type Interested struct {
	Content ID
	On      bool
}

// PeerHave: the other side says what it holds of a content that Session.Interest asked about.
type PeerHave struct{ Have Have }

// Requested: the other side wants something. Answer with Serve or Refuse. Told by priority and only when there is
// room to queue the answer, so that the disk is read late.
type Requested struct {
	Request  uint32
	Kind     Kind
	Priority uint8
	ID       ID
	Size     uint32 // as in Want
}

// Canceled: a request that Requested or Finding told of is over before its answer was cut: the other side took it
// back, the owner refused it in mid-answer, or the session ended. Data is what Serve was given, free again; nil when
// Serve was not called.
type Canceled struct {
	Request uint32
	Data    []byte
}

// Served: the last byte of the answer to a request was cut into a message. Data is what Serve was given, free again.
type Served struct {
	Request uint32
	Data    []byte
}

// Finding: the other side asks for the id of a name. Answer with Found or Refuse.
type Finding struct {
	Request uint32
	Name    string
}

// Received: a want of ours is complete. Data has not been hashed. It belongs to the owner, who may give it back to the
// session with Recycle.
type Received struct {
	Request uint32
	Kind    Kind
	ID      ID
	Data    []byte
}

// Refused: a want or find of ours will not be answered. ReasonBusy is also said of a manifest that turned out larger
// than the inbox has room for now.
type Refused struct {
	Request uint32
	Reason  Reason
}

// Stalled: a request of ours has made no progress for Config.StallAfter since it was sent or last progressed. Told
// once; told again only after progress and another stall. A request of low priority can stall behind others without
// anybody's fault.
type Stalled struct{ Request uint32 }

// PeerLimit: the other side wants at most so many bytes of data messages a second, 0 for as many as we like. The owner sees to it: it
// calls Next accordingly.
type PeerLimit struct{ Rate uint64 }

// PeerBye: the other side ended the session. All requests are void.
type PeerBye struct{ Reason ByeReason }

// PingTimeout: nothing was heard for Config.IdleTimeout. Told once a silence; the session goes on if the peer speaks again.
type PingTimeout struct{}

func (PeerHello) event()   {}
func (Interested) event()  {}
func (PeerHave) event()    {}
func (Requested) event()   {}
func (Canceled) event()    {}
func (Served) event()      {}
func (Finding) event()     {}
func (Found) event()       {}
func (Received) event()    {}
func (Refused) event()     {}
func (Stalled) event()     {}
func (PeerLimit) event()   {}
func (PeerBye) event()     {}
func (PingTimeout) event() {}
