// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"encoding/binary"
	"time"
)

// verdict is what becomes of a packet that SCTP wants sent.
type verdict uint8

const (
	pass     verdict = iota // send it
	withhold                // its chunks are on their way already
	keep                    // there is no way to send it now
)

// Where a chunk is, instead of the number of a datagram.
const (
	nowhere  = ^uint64(iota) // given up, or not sent yet
	delivery                 // acknowledged: the peer has it
	waiting                  // kept here, to be sent
)

const (
	maxKept          = 16 << 20 // bytes of packets kept while the path is dark; SCTP repeats what is dropped
	sctpCommonHeader = 12
)

// copied is a packet that is kept, with the chunks in it.
type copied struct {
	payload []byte
	first   uint32 // of its chunks' numbers (TSN)
	chunks  uint16
	until   time.Duration // withheld packets: when patience ends
	rouse   bool          // to be sent although the peer has it
}

// guard knows where every chunk of SCTP's is, and so which retransmissions are needed. A chunk is named by its TSN; a packet
// carries chunks without a gap, or is not guarded.
//
// The trap it must not fall into: a packet withheld for ever. A chunk is withheld only while a datagram with it is in
// flight and not overdue; each such datagram lands, is given up, or becomes overdue, and all three settle what is withheld.
type guard struct {
	started bool
	base    uint32            // TSN of where[0]
	where   []uint64          // of the chunks from base on: number of the datagram that carried it last, or one of the above
	repeats map[uint64][]byte // packets with chunks that SCTP had sent before, by the number of the datagram in flight
	held    []copied          // withheld, oldest first
	kept    []copied          // to be sent when there is a way and room, in order
	bytes   int               // of kept
	urgent  []copied          // to be sent now, room or not
	dropped uint64
	newest  uint32 // the newest chunk that SCTP has sent
	any     bool   // newest means something
}

// chunksOf finds the data chunks of an SCTP packet: DATA (RFC 9260, section 3.3.1) and I-DATA (RFC 8260, section 2.1) both begin
// with type, flags, length and TSN. ok is false if there are none or their numbers have gaps.
func chunksOf(packet []byte) (first uint32, n uint16, ok bool) {
	for at := sctpCommonHeader; at+8 <= len(packet); {
		size := int(binary.BigEndian.Uint16(packet[at+2:]))
		if size < 4 {
			return 0, 0, false
		}
		if t := packet[at]; t == 0 || t == 64 {
			tsn := binary.BigEndian.Uint32(packet[at+4:])
			switch {
			case n == 0:
				first = tsn
			case tsn != first+uint32(n):
				return 0, 0, false
			}
			n++
		}
		at += (size + 3) &^ 3
	}
	return first, n, n > 0
}

// news is how many bytes of messages a packet of SCTP's brings for the first time. Such packets have no gaps.
func (g *guard) news(packet []byte) (bytes int) {
	first, n, ok := chunksOf(packet)
	if !ok || g.any && int32(first-g.newest) <= 0 {
		return 0
	}
	g.newest, g.any = first+uint32(n)-1, true
	for at := sctpCommonHeader; at+8 <= len(packet); {
		size := int(binary.BigEndian.Uint16(packet[at+2:]))
		switch packet[at] {
		case 0: // DATA
			bytes += size - 16
		case 64: // I-DATA
			bytes += size - 20
		}
		at += (size + 3) &^ 3
	}
	return bytes
}

// sackOf finds the cumulative acknowledgement of an SCTP packet that begins with a SACK chunk (RFC 9260, section 3.3.4).
func sackOf(packet []byte) (cum uint32, ok bool) {
	const sack = 3
	if len(packet) < sctpCommonHeader+8 || packet[sctpCommonHeader] != sack {
		return 0, false
	}
	return binary.BigEndian.Uint32(packet[sctpCommonHeader+4:]), true
}

// acknowledged forgets the chunks up to cum: the peer's SCTP has them, and SCTP will not ask for them again. What the guard believed
// does not matter any more.
func (g *guard) acknowledged(cum uint32) {
	n := int(int32(cum + 1 - g.base))
	if !g.started || n <= 0 {
		return
	}
	n = min(n, len(g.where))
	g.where = g.where[n:]
	g.base += uint32(n)
	g.held = g.without(g.held, nil)
}

// at is the place of a chunk; nil if it is settled or unknown.
func (g *guard) at(tsn uint32) *uint64 {
	i := tsn - g.base
	if !g.started || i >= uint32(len(g.where)) {
		return nil
	}
	return &g.where[i]
}

// old reports whether the chunk was sent before.
func (g *guard) old(tsn uint32) bool {
	return g.started && int32(tsn-g.base) < int32(len(g.where))
}

// settle records where chunks are now.
func (g *guard) settle(first uint32, n uint16, seq uint64) {
	if !g.started {
		g.started, g.base = true, first
	}
	for tsn := first; tsn != first+uint32(n); tsn++ {
		if p := g.at(tsn); p != nil {
			*p = seq
		} else if tsn == g.base+uint32(len(g.where)) {
			g.where = append(g.where, seq)
		}
	}
}

// move changes the place of those chunks that are where from says.
func (g *guard) move(first uint32, n uint16, from, to uint64) {
	for tsn := first; tsn != first+uint32(n); tsn++ {
		if p := g.at(tsn); p != nil && *p == from {
			*p = to
		}
	}
}

// circumstances are what a verdict depends on besides the packet.
type circumstances struct {
	dark    bool
	room    int                            // bytes of packets that fit the window
	overdue func(seq uint64) time.Duration // when a datagram in flight will be; 0: it is, or it is not in flight
}

// judge says what is to become of a packet.
func (g *guard) judge(packet []byte, now circumstances) (v verdict, c copied) {
	first, n, ok := chunksOf(packet)
	if !ok {
		return pass, c
	}
	c = copied{first: first, chunks: n}
	onTheWay, repeat := true, false
	for tsn := first; tsn != first+uint32(n); tsn++ {
		repeat = repeat || g.old(tsn)
		p := g.at(tsn)
		if p == nil || *p == nowhere || *p == delivery {
			onTheWay = false
			continue
		}
		if *p == waiting {
			continue
		}
		t := now.overdue(*p)
		if t == 0 {
			onTheWay = false
		} else if c.until == 0 || t < c.until {
			c.until = t
		}
	}
	switch {
	case onTheWay && c.until == 0: // all of it waits here already
		return withhold, c
	case now.dark:
		c.payload = packet
		return keep, c
	case onTheWay:
		c.payload = packet
		return withhold, c
	case repeat && (len(g.kept) > 0 || len(packet) > now.room):
		c.payload = packet
		return keep, c
	case repeat:
		c.payload = packet
	}
	return pass, c
}

// withhold keeps a copy of a packet whose chunks are on their way.
func (g *guard) withhold(c copied) {
	if c.payload == nil {
		return
	}
	for i := range g.held {
		if g.held[i].first == c.first && g.held[i].chunks == c.chunks {
			g.held[i].until = c.until
			return
		}
	}
	c.payload = append([]byte(nil), c.payload...)
	g.held = append(g.held, c)
}

// keep keeps a copy of a packet that has no way.
func (g *guard) keep(c copied) {
	if g.bytes+len(c.payload) > maxKept {
		g.dropped++
		return
	}
	c.payload = append([]byte(nil), c.payload...)
	g.queue(c)
}

func (g *guard) queue(c copied) {
	g.settle(c.first, c.chunks, waiting)
	g.kept = append(g.kept, c)
	g.bytes += len(c.payload)
}

// sent records which datagram carries the chunks now, and keeps the packet if SCTP would be slow to notice its loss.
func (g *guard) sent(c copied, seq uint64) {
	if c.chunks == 0 {
		return
	}
	g.settle(c.first, c.chunks, seq)
	if c.payload != nil {
		if g.repeats == nil {
			g.repeats = make(map[uint64][]byte)
		}
		g.repeats[seq] = c.payload
	}
}

// landed settles what a datagram carried.
func (g *guard) landed(seq uint64, r *record) {
	if r.chunks == 0 {
		return
	}
	delete(g.repeats, seq)
	// The peer has the chunks, whichever datagram brought them.
	for tsn := r.tsn; tsn != r.tsn+uint32(r.chunks); tsn++ {
		if p := g.at(tsn); p != nil {
			*p = delivery
		}
	}
	n := 0
	for n < len(g.where) && g.where[n] == delivery {
		n++
	}
	g.where = g.where[n:]
	g.base += uint32(n)
	g.held = g.without(g.held, nil)
}

// lost lets go what was withheld for the sake of a datagram, and repeats it if SCTP would not.
func (g *guard) lost(seq uint64, r *record) {
	if r.chunks == 0 {
		return
	}
	g.move(r.tsn, r.chunks, seq, nowhere)
	if p, ok := g.repeats[seq]; ok {
		delete(g.repeats, seq)
		g.queue(copied{payload: p, first: r.tsn, chunks: r.chunks})
	}
	g.held = g.without(g.held, g.queue)
}

// without drops the withheld packets that the peer has whole, and gives those that are not on their way to release.
func (g *guard) without(held []copied, release func(copied)) []copied {
	rest := held[:0]
	for _, c := range held {
		gone, needed := true, false
		for tsn := c.first; tsn != c.first+uint32(c.chunks); tsn++ {
			p := g.at(tsn)
			if p == nil || *p == delivery {
				continue
			}
			gone = false
			needed = needed || *p == nowhere
		}
		switch {
		case gone:
		case needed && release != nil:
			release(c)
		default:
			rest = append(rest, c)
		}
	}
	clear(held[len(rest):])
	return rest
}

// overdue lets go what was withheld for too long, and returns when the next one will be; 0: never.
func (g *guard) overdue(now time.Duration) (again time.Duration) {
	rest := g.held[:0]
	for _, c := range g.held {
		if c.until <= now {
			g.settle(c.first, c.chunks, waiting)
			g.urgent = append(g.urgent, c)
			continue
		}
		if again == 0 || c.until < again {
			again = c.until
		}
		rest = append(rest, c)
	}
	clear(g.held[len(rest):])
	g.held = rest
	return again
}

// pop takes the next kept packet that is still needed.
func (g *guard) pop(from *[]copied) (copied, bool) {
	for len(*from) > 0 {
		c := (*from)[0]
		(*from)[0] = copied{}
		*from = (*from)[1:]
		if from == &g.kept {
			g.bytes -= len(c.payload)
		}
		if c.rouse {
			return c, true
		}
		for tsn := c.first; tsn != c.first+uint32(c.chunks); tsn++ {
			if p := g.at(tsn); p != nil && *p != delivery {
				return c, true
			}
		}
	}
	return copied{}, false
}

// rouse makes sure that one kept packet goes, needed or not. If only acknowledgements were lost in the dark, the peer has everything and
// would stay silent; the copy makes its SCTP acknowledge at once (RFC 9260, section 6.2).
func (g *guard) rouse() {
	if len(g.kept) > 0 {
		g.kept[0].rouse = true
	}
}
