// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"cmp"
	"fmt"
	"time"
)

// MaxWeight is the most a host may weigh in the line.
const MaxWeight = 16

// The weights of the kinds of hosts, in the order in which they should do the location's work.
const (
	Never  = 0
	WiFi   = 1
	Laptop = 2
	Wired  = 4
	Server = 8
)

// RangeChunks is how many chunks make a range of a content with that many chunks: a 32nd of it, 1 to 64.
func RangeChunks(chunks int) int { return min(max(1, (chunks+31)/32), 64) }

// State says what a claim does to its lease.
type State uint8

// The states of a lease.
const (
	Released State = iota // given back: the range is free
	Held                  // the holder fetches it
	Done                  // every chunk of the range is in the location
)

func (s State) String() string {
	switch s {
	case Released:
		return "released"
	case Held:
		return "held"
	case Done:
		return "done"
	}
	return fmt.Sprintf("state-%d", uint8(s))
}

// Claim is what a holder says of its lease, and what others pass on.
type Claim struct {
	Range  uint32
	Token  uint64        // of fencing, from 1; grows with each new holder
	Holder string        // its name
	Life   uint32        // of the holder
	Weight int           // of the holder, 1 to MaxWeight
	Beat   uint32        // counts the holder's claims with this token
	State  State         //
	Left   time.Duration // until it ends, when Held; otherwise 0
	Bytes  uint64        // that the holder has fetched from beyond the location for this content, in this life
}

func (c Claim) String() string {
	return fmt.Sprintf("range %d %s by %s/%d token %d beat %d, %d KiB, %s left", c.Range, c.State, c.Holder, c.Life, c.Token,
		c.Beat, c.Bytes>>10, c.Left.Round(time.Millisecond))
}

func (c Claim) same(d Claim) bool {
	return c.Token == d.Token && c.Holder == d.Holder && c.Life == d.Life
}

// beats says whether c is to be kept rather than d, which is about the same range. It orders all claims, so that all
// hosts keep the same one in whatever order they hear them.
func (t *Table) beats(c, d Claim) bool {
	switch {
	case c.Token != d.Token:
		return c.Token > d.Token
	case c.same(d):
		return c.Beat > d.Beat
	}
	return cmp.Or(
		cmp.Compare(t.score(c.Holder, c.Weight), t.score(d.Holder, d.Weight)),
		cmp.Compare(c.Holder, d.Holder), cmp.Compare(c.Life, d.Life)) < 0
}
