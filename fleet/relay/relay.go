// SPDX-License-Identifier: Apache-2.0

// Package relay lets the hosts of a location report to their hub through one of them, so that the hub hears from locations and not from
// hosts.
//
// # Words
//
// A *report* is what a host has to say to the hub. The *super-peer* of a location is the host through which the others report; a *letter* is a
// sealed report, bytes to it and everybody else; a *batch* is the letters that it hands over in one message. To report *directly* is to
// speak to the hub oneself.
//
// # Algorithm
//
// Everybody elects the super-peer alone: the first by rendezvous hash (SHA-256 of name and location) of the hosts of the location that are
// listed and can relay, oneself among them. Nobody votes; while two take different hosts for it there are two, and the hub hears two
// messages in place of one. With fewer than Least hosts all report directly. A location of more than Most has several, each for a part.
//
// A Sender gives its report to the super-peer and waits for the answer of the hub. When there is none within 2 s, when the super-peer
// refuses or is gone, the same report goes directly, and the next ones for half a minute, twice as long each further time, up to eight
// minutes; not so when the hub does not answer the host itself either. A Gatherer collects for half a second, hands over one batch at a time, and refuses what would be too much for it: then who
// asked reports directly.
//
// A Gatherer has a rhythm of 8 to 10 s, and tells with every answer when its next beat is. Hosts that have nothing urgent to say report then,
// so that one batch has the reports of all.
//
// Letters are sealed (AES-128-GCM) under keys that host and hub both export from the TLS connection on which that host last reported directly
// (Agree), one for reports and one for answers; the nonce is the sequence of the report, which the hub answers once. Each direct report
// gives other keys, so nobody stores or exchanges any: a host or a hub that starts again has none until the next direct report, with which
// both begin anyway, and after a day a host makes one. A letter says under which keys it is (Letter.Since); the hub takes it while
// its writer is of the fleet: neither revoked nor with a certificate that has run out.
//
// Reports count greatest values and say which earlier one they follow, so it does no harm when one comes twice; the hub drops those that are
// not newer than what it has heard of the same host (Letter.Seq).
//
// # Not promised
//
// A super-peer can withhold what it relays: its neighbours see no answer and report directly. It sees who reports, when and how much. What is
// said it can neither read, change, repeat nor forge. An answer is for whom shares the keys: a letter proves nothing to others. Letters
// of the version before (signed) are refused; who writes or takes them reports directly. The package is pure.
package relay

import (
	"bytes"
	"crypto/sha256"
	"time"
)

// Bounds of what is relayed.
const (
	Least      = 4         // hosts from which on a location has a super-peer
	Most       = 128       // hosts up to which it has one only
	MaxReport  = 64 << 10  // bytes of one; a longer one goes directly
	MaxBatch   = 512 << 10 // bytes of reports that a host gathers, those on their way to the hub apart
	MaxReports = 256       // of a batch

	gatherFor = 500 * time.Millisecond
	beat      = 8 * time.Second // between two, and up to a quarter more
	patience  = 2 * time.Second
	avoidFor  = 30 * time.Second
	avoidMost = 8 * time.Minute
)

// Elect is the super-peer of a host among those of its location, itself included; empty: there is none.
func Elect(location, self string, hosts []string) string {
	if len(hosts) < Least {
		return ""
	}
	hash := func(text string) [sha256.Size]byte { return sha256.Sum256([]byte("ebb super-peer v1\x00" + text)) }
	parts := 1
	for len(hosts) > Most*parts {
		parts *= 2
	}
	part := string(rune(int(hash(self)[0]) % parts))
	super, most := "", [sha256.Size]byte{}
	for _, host := range hosts {
		if h := hash(location + "\x00" + part + "\x00" + host); super == "" || bytes.Compare(h[:], most[:]) > 0 {
			super, most = host, h
		}
	}
	return super
}

// An Action is a ToHub, ToPeer or Answer of a Sender, a Batch, Answer or Refuse of a Gatherer.
type Action interface{ action() }

type (
	// ToHub sends the report directly; its answer is for its sender alone.
	ToHub struct{}
	// ToPeer gives the report to the super-peer, which answers with the same number, refuses it, or is gone.
	ToPeer struct {
		Peer   string
		Number uint64
	}
	// Answer is the hub's, for whom, and how long until the next report is welcome.
	Answer struct {
		Peer   string
		Number uint64
		Reply  []byte
		Next   time.Duration
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
