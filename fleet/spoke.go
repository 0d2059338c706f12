// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/fleet/relay"
)

// Why a report that came by way of another host is not taken.
var (
	ErrUnheard = errors.New("the host has not spoken to this hub itself yet")
	ErrOlder   = errors.New("the host has said something newer")
)

// Voice is what a member's own word established: who it is, where the hub saw it, for how long its certificate is good, and what keys its
// letters are under. What others hand on comes from their address and under no certificate.
type Voice struct {
	Identity
	From   netip.Addr
	Roams  bool
	Until  time.Time // of its certificate
	Letter relay.Keys
	Ahead  time.Duration // of its clock before the hub's
}

// spoke is that, and Seq of the newest it has said, itself or not.
type spoke struct {
	Voice
	seq uint64
}

// Spoke: a member reports itself. Its word counts whatever came before: a clock may have been set back.
func (d *Directory) Spoke(seq uint64, v Voice) {
	if e := d.members[v.Peer]; e != nil {
		e.spoke = spoke{v, seq}
	}
}

// Wrote is whose letter that is, if it is what it says to be and newer than all that was heard of its writer; nothing changes. ErrUnheard, ErrOlder.
func (d *Directory) Wrote(l relay.Letter) (Voice, error) {
	switch e := d.members[l.Peer]; {
	case e == nil || e.spoke.Letter.Since() == 0 || l.Since > e.spoke.Letter.Since():
		return Voice{}, ErrUnheard
	case l.Since < e.spoke.Letter.Since() || l.Seq <= e.spoke.seq:
		return Voice{}, ErrOlder
	default:
		return e.spoke.Voice, nil
	}
}

// Relayed: another host hands on a letter that was opened: it comes to count as said. The errors of Wrote.
func (d *Directory) Relayed(l relay.Letter) error {
	_, err := d.Wrote(l)
	if err == nil {
		d.members[l.Peer].spoke.seq = l.Seq
	}
	return err
}

// Newest reports whether nothing newer was heard of a member than its report of that Seq.
func (d *Directory) Newest(peer string, seq uint64) bool {
	e := d.members[peer]
	return e != nil && e.spoke.seq == seq
}
