// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"math"
	"time"
)

// CapabilityOnce names what both sides must have said in their Hello before a Stand or Claim is sent.
const CapabilityOnce = "once"

// Limits of the messages about leases.
const (
	MaxWeight = 16          // with which a host stands in the line
	MaxLeft   = time.Minute // until a lease ends
	maxToken  = 1 << 62     // of fencing, and bytes that were fetched
)

// Stand says with which weight the sender would fetch a content from beyond the location, for all its hosts.
type Stand struct {
	Content ID
	Weight  uint8 // 0: not at all; to MaxWeight
}

// LeaseState says what a Claim does to its lease.
type LeaseState uint8

// The closed list of what a claim does.
const (
	LeaseReleased LeaseState = iota // the holder gives it back
	LeaseHeld                       // it takes or renews it
	LeaseDone                       // every chunk of the range is in the location
)

// Claim says which host of the location fetches a range of chunks from beyond it. It is passed on from host to host;
// times are durations, because clocks may be hours apart.
type Claim struct {
	Content ID
	Range   uint32        // ranges count from 0; how long they are follows from the number of chunks
	Token   uint64        // of fencing: higher with each new holder; from 1
	Holder  string        // its name in the fleet
	Life    uint32        // drawn by the holder when it starts
	Weight  uint8         // of the holder, 1 to MaxWeight
	Beat    uint32        // counts what the holder said of the lease under this token
	State   LeaseState    //
	Left    time.Duration // whole milliseconds until it ends unless it is renewed, at most MaxLeft; 0 unless held
	Bytes   uint64        // of the content that the holder has fetched from beyond the location
}

// Append implements Message.
func (m Stand) Append(dst []byte) []byte {
	return append(append(append(dst, typeStand), m.Content[:]...), m.Weight)
}

// Append implements Message.
func (m Claim) Append(dst []byte) []byte {
	dst = append(append(dst, typeClaim), m.Content[:]...)
	dst = appendUvarint(dst, m.Range)
	dst = appendUvarint(dst, m.Token)
	dst = appendText(dst, m.Holder)
	dst = appendUvarint(dst, m.Life)
	dst = append(dst, m.Weight)
	dst = appendUvarint(dst, m.Beat)
	dst = append(dst, byte(m.State))
	dst = appendUvarint(dst, uint64(m.Left/time.Millisecond))
	return appendUvarint(dst, m.Bytes)
}

func (r *reader) stand() Stand {
	return Stand{Content: r.id(), Weight: r.byte(0, MaxWeight, "weight")}
}

func (r *reader) claim() Claim {
	m := Claim{
		Content: r.id(),
		Range:   uint32(r.uvarint(0, MaxChunks-1, "range")),
		Token:   r.uvarint(1, maxToken, "token"),
		Holder:  r.text(1, MaxPeerName, isPrintable, "holder"),
		Life:    uint32(r.uvarint(0, math.MaxUint32, "life")),
		Weight:  r.byte(1, MaxWeight, "weight"),
		Beat:    uint32(r.uvarint(0, math.MaxUint32, "beat")),
		State:   LeaseState(r.byte(0, byte(LeaseDone), "state")),
	}
	most := MaxLeft
	if m.State != LeaseHeld {
		most = 0
	}
	m.Left = time.Duration(r.uvarint(0, uint64(most/time.Millisecond), "time left")) * time.Millisecond
	m.Bytes = r.uvarint(0, maxToken, "bytes")
	return m
}

func (m Stand) String() string {
	return fmt.Sprintf("stand %s weight %d", m.Content.Short(), m.Weight)
}

func (s LeaseState) String() string { return [...]string{"released", "held", "done"}[s] }

func (m Claim) String() string {
	return fmt.Sprintf("claim %s range %d %v token %d by %s life %d weight %d beat %d left %v after %d bytes", m.Content.Short(),
		m.Range, m.State, m.Token, m.Holder, m.Life, m.Weight, m.Beat, m.Left, m.Bytes)
}

// Stand tells the other side how willing we are to fetch a content for the location, if it follows that content and
// knows of leases; otherwise it does nothing. The newest word is said.
func (s *Session) Stand(now time.Time, m Stand) error {
	return s.say(m, m.Content, func(older Message) bool {
		o, ok := older.(Stand)
		return ok && o.Content == m.Content
	})
}

// Claim tells the other side of a lease, likewise. Left is rounded to milliseconds.
func (s *Session) Claim(now time.Time, m Claim) error {
	m.Left = m.Left.Truncate(time.Millisecond)
	return s.say(m, m.Content, func(older Message) bool {
		o, ok := older.(Claim)
		return ok && o.Content == m.Content && o.Range == m.Range
	})
}

// say queues a message in the place of an older one that it replaces, so that a peer that does not listen costs no more
// than a message a range.
func (s *Session) say(m Message, about ID, replaces func(Message) bool) error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.followed[about] == nil || !s.can(CapabilityOnce) {
		return nil
	}
	if _, err := Parse(m.Append(nil)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	s.control.drop(replaces)
	s.control.push(m)
	return nil
}

// can reports whether both sides named a capability.
func (s *Session) can(capability string) bool {
	for _, c := range s.capabilities {
		if c == capability {
			return true
		}
	}
	return false
}

// leaseArrived passes on what the other side says of leases. What is about a content that we do not follow has crossed
// our word and is dropped.
func (s *Session) leaseArrived(e Event, about ID) (fault string) {
	if !s.can(CapabilityOnce) {
		return "the capability " + CapabilityOnce + " is not in force"
	}
	if _, ok := s.following[about]; ok {
		s.events.push(e)
	}
	return ""
}

// PeerStand: the other side says how willing it is to fetch a content that we follow for the location.
type PeerStand struct{ Stand Stand }

// PeerClaim: the other side tells of a lease of a content that we follow.
type PeerClaim struct{ Claim Claim }

func (PeerStand) event() {}
func (PeerClaim) event() {}

func (e PeerStand) String() string { return "PeerStand " + e.Stand.String() }
func (e PeerClaim) String() string { return "PeerClaim " + e.Claim.String() }
