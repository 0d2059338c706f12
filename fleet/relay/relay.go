// SPDX-License-Identifier: Apache-2.0

// Package relay lets the hosts of a location report to their hub through one of them, so that the hub hears from locations and not from
// hosts.
//
// # Words
//
// A *report* is what a host has to say to the hub, sealed by that host (Seal): bytes to everybody else. The *super-peer* of a location is
// the host through which the others report; a *batch* is the reports that it hands over in one message. To report *directly* is to
// speak to the hub oneself.
//
// # Algorithm
//
// Everybody elects the super-peer alone: the first by rendezvous hash (SHA-256 of name and location) of the hosts that one is in
// conversation with and that can relay, oneself among them. Nobody votes; while two take different hosts for it there are two, and
// the hub hears two messages in place of one. With fewer than Least hosts all report directly.
//
// A Sender gives its report to the super-peer and waits for the answer of the hub. When there is none within 4 s, when the super-peer
// refuses or is gone, the same report goes directly, and the next ones for half a minute, twice as long each further time, up to eight
// minutes. A Gatherer collects for half a second, hands over one batch at a time, and refuses what would be too much for it: then who
// asked reports directly.
//
// Reports count greatest values and say which earlier one they follow, so it does no harm when one comes twice; the hub drops those that are
// older than what it has heard of the same host (Letter.Seq).
//
// # Not promised
//
// A super-peer reads what it relays and can withhold it: its neighbours see no answer and report directly. It cannot change it. It can make
// up an answer; what that orders is signed for itself, and who is met proves who it is. The package is pure.
package relay

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Bounds of what is relayed.
const (
	Least      = 4         // hosts from which on a location has a super-peer
	MaxReport  = 64 << 10  // bytes of one; a longer one goes directly
	MaxBatch   = 512 << 10 // bytes of reports that a host gathers, those on their way to the hub apart
	MaxReports = 256       // of a batch

	gatherFor = 500 * time.Millisecond
	patience  = 4 * time.Second
	avoidFor  = 30 * time.Second
	avoidMost = 8 * time.Minute
)

// Elect is the super-peer among hosts of a location, the caller included; empty: there is none.
func Elect(location string, hosts []string) string {
	if len(hosts) < Least {
		return ""
	}
	weight := func(host string) []byte {
		sum := sha256.Sum256([]byte("ebb super-peer v1\x00" + location + "\x00" + host))
		return sum[:]
	}
	return slices.MaxFunc(hosts, func(x, y string) int { return bytes.Compare(weight(x), weight(y)) })
}

// An Action is a ToHub, ToPeer or Answer of a Sender, a Batch, Answer or Refuse of a Gatherer.
type Action interface{ action() }

type (
	// ToHub sends a report directly; its answer is for its sender alone.
	ToHub struct{ Report []byte }
	// ToPeer gives a report to the super-peer, which answers with the same number, refuses it, or is gone.
	ToPeer struct {
		Peer   string
		Number uint64
		Report []byte
	}
	// Answer is the hub's. Of a Gatherer: for whom; of a Sender: for itself.
	Answer struct {
		Peer   string
		Number uint64
		Reply  []byte
	}
	// Refuse tells who reports that it must report directly.
	Refuse struct {
		Peer   string
		Number uint64
	}
	// Batch goes to the hub.
	Batch struct {
		Number  uint64
		Reports [][]byte
	}
)

func (ToHub) action()  {}
func (ToPeer) action() {}
func (Answer) action() {}
func (Refuse) action() {}
func (Batch) action()  {}

// outbox is what is to be done.
type outbox []Action

// Take returns the next thing to do.
func (o *outbox) Take() (Action, bool) {
	if len(*o) == 0 {
		return nil, false
	}
	a := (*o)[0]
	(*o)[0] = nil
	*o = (*o)[1:]
	return a, true
}

// Sender is the side of a host that reports. It has one report under way; its owner says the next when the last was answered or has gone
// directly.
type Sender struct {
	outbox
	location string
	self     string
	hosts    []string // that can relay, without self
	number   uint64
	at       string // the super-peer that has the report; empty: nobody
	report   []byte
	until    time.Time
	avoid    map[string]avoided
}

type avoided struct {
	until time.Time
	pause time.Duration
}

// NewSender knows of nobody yet.
func NewSender(location, self string) *Sender {
	return &Sender{location: location, self: self, avoid: map[string]avoided{}}
}

// Known: these hosts of the location are there and can relay.
func (s *Sender) Known(now time.Time, hosts []string) {
	s.hosts = slices.Clone(hosts)
	if s.at != "" && s.at != s.self && !slices.Contains(s.hosts, s.at) {
		s.fail(now)
	}
	for host := range s.avoid {
		if !slices.Contains(s.hosts, host) {
			delete(s.avoid, host) // when it comes back it has another chance
		}
	}
}

// Super is through whom this host reports now; empty: directly.
func (s *Sender) Super(now time.Time) string {
	super := Elect(s.location, append([]string{s.self}, s.hosts...))
	if now.Before(s.avoid[super].until) {
		return "" // and not through the second: the others take the first, and the hub would hear more messages for it
	}
	return super
}

// Said: there is a report.
func (s *Sender) Said(now time.Time, report []byte) {
	super := s.Super(now)
	if super == "" || len(report) > MaxReport {
		s.outbox = append(s.outbox, ToHub{report})
		return
	}
	s.number++
	s.at, s.report, s.until = super, report, now.Add(patience)
	s.outbox = append(s.outbox, ToPeer{super, s.number, report})
}

// Answered: the super-peer handed on the hub's answer.
func (s *Sender) Answered(peer string, number uint64, reply []byte) {
	if s.at != peer || s.number != number || s.at == "" {
		return // late: the report has gone directly
	}
	delete(s.avoid, peer)
	s.at, s.report = "", nil
	s.outbox = append(s.outbox, Answer{peer, number, reply})
}

// Refused: the super-peer will not relay the report.
func (s *Sender) Refused(now time.Time, peer string, number uint64) {
	if s.at == peer && s.number == number && s.at != "" {
		s.fail(now)
	}
}

// Advance lets time pass.
func (s *Sender) Advance(now time.Time) {
	if s.at != "" && !now.Before(s.until) {
		s.fail(now)
	}
}

// Deadline is when to call Advance; zero: never.
func (s *Sender) Deadline() time.Time {
	if s.at == "" {
		return time.Time{}
	}
	return s.until
}

// fail sends the report directly, and what follows for a while.
func (s *Sender) fail(now time.Time) {
	pause := min(max(2*s.avoid[s.at].pause, avoidFor), avoidMost)
	s.avoid[s.at] = avoided{now.Add(pause), pause}
	s.outbox = append(s.outbox, ToHub{s.report})
	s.at, s.report = "", nil
}

func (s *Sender) String() string {
	if s.at == "" {
		return fmt.Sprintf("%d hosts can relay; nothing under way", len(s.hosts))
	}
	return fmt.Sprintf("%d hosts can relay; report %d is at %s", len(s.hosts), s.number, s.at)
}
