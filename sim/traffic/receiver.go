// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

const (
	delayedAck  = 40 * time.Millisecond // as Linux; RFC 1122 allows 500 ms
	quickAcks   = 16                    // packets at the beginning that are acknowledged at once, as Linux does
	numberBits  = 24                    // upper bits of a packet's Number, and of an acknowledgement's: which connection it belongs to
	numberShift = 64 - numberBits
	numberMask  = 1<<numberShift - 1
)

// What the Last of a packet of data may say.
const (
	endOfUnit     = 1 + iota // it is the last of a transfer
	newConnection            // it is the first of a connection
)

// A Receiver is the end that acknowledges.
type Receiver struct {
	slot      uint64
	delivered int64
	acks      queueOfAcks

	cum      uint64   // the first segment that is missing
	beyond   []uint64 // which segments after it are there, a bit for each; a ring
	from, to uint64   // the run of packet numbers that came in last
	sent     time.Duration
	pending  int           // packets not yet acknowledged
	due      time.Duration // when they must be
	quick    int
	marks    uint32
	marked   bool // the last packet was
}

// queueOfAcks are acknowledgements to be sent: two at most.
type queueOfAcks struct {
	acks [2]sim.Packet
	n    int
}

// Delivered is how many bytes of payload have arrived, each counted once.
func (r *Receiver) Delivered() int64 { return r.delivered }

// Deliver takes a packet of data (RFC 5681, section 4.2): every second one is acknowledged, and at once what is not in order.
func (r *Receiver) Deliver(now time.Duration, p *sim.Packet) {
	n := p.Number & numberMask
	isCE := p.ECN == link.CE
	if isCE {
		r.marks++
	}
	follows := n == r.to+1
	if !follows && r.pending > 0 {
		r.acknowledge()
	}
	if follows {
		r.to = n
	} else {
		r.from, r.to = n, n
	}
	r.sent = p.Sent
	fresh, gap := r.keep(p.First)
	if fresh {
		r.delivered += int64(p.Size) - headers
	}
	r.pending++
	if r.quick++; p.Last == newConnection {
		r.quick = 0
	}
	if r.pending >= 2 || !follows || gap || !fresh || isCE != r.marked || p.Last == endOfUnit || r.quick <= quickAcks {
		r.acknowledge()
	} else {
		r.due = now + delayedAck
	}
	r.marked = isCE
}

// keep notes a segment. fresh: it was not there; gap: segments before it are missing, or were until now.
func (r *Receiver) keep(seq uint64) (fresh, gap bool) {
	if seq < r.cum {
		return false, false
	}
	if len(r.beyond) == 0 {
		r.beyond = make([]uint64, 16)
	}
	for seq-r.cum >= uint64(len(r.beyond))*64 {
		r.grow()
	}
	word, bit := r.place(seq)
	if *word&bit != 0 {
		return false, true
	}
	if seq != r.cum {
		*word |= bit
		return true, true
	}
	r.cum++
	for {
		word, bit = r.place(r.cum)
		if *word&bit == 0 {
			return true, gap
		}
		*word &^= bit
		r.cum++
		gap = true
	}
}

func (r *Receiver) place(seq uint64) (word *uint64, bit uint64) {
	return &r.beyond[seq/64&uint64(len(r.beyond)-1)], 1 << (seq % 64)
}

func (r *Receiver) grow() {
	old := Receiver{beyond: r.beyond}
	r.beyond = make([]uint64, 2*len(old.beyond))
	for seq := r.cum; seq < r.cum+uint64(len(old.beyond))*64; seq++ {
		if word, bit := old.place(seq); *word&bit != 0 {
			word, bit = r.place(seq)
			*word |= bit
		}
	}
}

// acknowledge has the run that came in last acknowledged. The run is named whole, so that nothing is lost with an acknowledgement.
func (r *Receiver) acknowledge() {
	a := &r.acks.acks[r.acks.n]
	*a = sim.Packet{Size: headers, Number: r.slot<<numberShift | r.cum, First: r.from, Last: r.to, Sent: r.sent, Marks: r.marks, Connection: uint32(r.slot)}
	r.acks.n++
	r.pending, r.due = 0, 0
}

// Take gives the next acknowledgement.
func (r *Receiver) Take(_ time.Duration, p *sim.Packet) bool {
	if r.acks.n == 0 {
		return false
	}
	*p = r.acks.acks[0]
	r.acks.acks[0] = r.acks.acks[1]
	r.acks.n--
	return true
}

// Advance sends the acknowledgement that was delayed.
func (r *Receiver) Advance(now time.Duration) {
	if r.pending > 0 && now >= r.due {
		r.acknowledge()
	}
}

// Deadline is when an acknowledgement cannot be delayed any more.
func (r *Receiver) Deadline() time.Duration {
	if r.pending == 0 {
		return sim.Never
	}
	return r.due
}
