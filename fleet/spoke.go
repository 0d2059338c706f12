// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"errors"
	"net/netip"
)

// Why a report that came by way of another host is not taken.
var (
	ErrUnheard = errors.New("the host has not spoken to this hub itself yet")
	ErrOlder   = errors.New("the host has said something newer")
)

// spoke is what a member's own word established: its last Seq, and where the hub saw it. What others hand on comes from their address.
type spoke struct {
	seq  uint64
	from netip.Addr
}

// Spoke: a member reports itself, from there. Its word counts whatever came before: a clock may have been set back.
func (d *Directory) Spoke(peer string, seq uint64, from netip.Addr) {
	if e := d.members[peer]; e != nil {
		e.spoke = spoke{seq, from}
	}
}

// Relayed: another host hands on a report of a member. It comes to count as said from where the hub saw that member itself. ErrUnheard, ErrOlder.
func (d *Directory) Relayed(peer string, seq uint64) (from netip.Addr, err error) {
	switch e := d.members[peer]; {
	case e == nil || !e.spoke.from.IsValid():
		return from, ErrUnheard
	case seq <= e.spoke.seq:
		return from, ErrOlder
	default:
		e.spoke.seq = seq
		return e.spoke.from, nil
	}
}

// Newest reports whether nothing newer was heard of a member than its report of that Seq.
func (d *Directory) Newest(peer string, seq uint64) bool {
	e := d.members[peer]
	return e != nil && e.spoke.seq == seq
}
