// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
)

const (
	ms         = time.Millisecond
	overhead   = 27
	packetSize = 1400
)

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func addr(host byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), 1000)
}

func controller(t tester) ledbat.Controller {
	t.Helper()
	c := ledbat.Default()
	c.MSS = packetSize + overhead + HeaderSize
	ctrl, err := ledbat.New("rfc6817", c)
	if err != nil {
		t.Fatal(err)
	}
	return ctrl
}

// datagram is what travels between two shims in a test.
type datagram struct {
	sequence uint64
	frame    []byte
	from     netip.AddrPort
}

// end is a shim with the impatient messenger over it: like SCTP it repeats whatever seems lost once, and everything when its
// timer expires.
type end struct {
	shim *Shim
	out  *link.Link[datagram]
	from netip.AddrPort

	todo     int // packets to send
	next     uint32
	cum      uint32 // all below are acknowledged
	sentAt   map[uint32]time.Time
	repeated map[uint32]bool
	t3       time.Time
	expiries int

	have    map[uint32]int // chunks received, how often
	haveCum uint32
}

// pair is two ends and the links between them, in virtual time.
type pair struct {
	t    tester
	now  time.Time
	a, b *end
}

func newPair(t tester, there, back link.Config) *pair {
	there.Overhead, back.Overhead = 28, 28
	p := &pair{t: t, now: epoch}
	p.a = newEnd(t, 1, 2, link.New[datagram](epoch, there))
	p.b = newEnd(t, 2, 1, link.New[datagram](epoch, back))
	return p
}

func newEnd(t tester, own, peer byte, out *link.Link[datagram]) *end {
	s := New(epoch, Config{Controller: controller(t), Remote: addr(peer), Overhead: overhead, Seed: uint64(own)})
	s.Widen(packetSize + overhead + HeaderSize)
	return &end{
		shim: s, out: out, from: addr(own),
		sentAt: map[uint32]time.Time{}, repeated: map[uint32]bool{}, have: map[uint32]int{},
	}
}

const t3 = time.Second

// dataPacket is an SCTP packet with one DATA chunk.
func dataPacket(tsn uint32, size int) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint16(b[sctpCommonHeader+2:], uint16(size-sctpCommonHeader))
	binary.BigEndian.PutUint32(b[sctpCommonHeader+4:], tsn)
	return b
}

// sackPacket is an SCTP packet without data.
func sackPacket(cum uint32, newest uint32) []byte {
	b := make([]byte, sctpCommonHeader+16)
	b[sctpCommonHeader] = 3
	binary.BigEndian.PutUint16(b[sctpCommonHeader+2:], 16)
	binary.BigEndian.PutUint32(b[sctpCommonHeader+4:], cum)
	binary.BigEndian.PutUint32(b[sctpCommonHeader+8:], newest)
	return b
}

func (p *pair) post(e *end, f Frame) {
	frame, seq := e.shim.Stamp(p.now, nil, f)
	e.out.Send(p.now, link.Datagram[datagram]{Size: len(frame) + overhead, Payload: datagram{seq, frame, e.from}})
}

func (p *pair) offer(e *end, packet []byte) {
	if e.shim.Offer(p.now, packet) {
		p.post(e, Frame{Kind: Packet, Payload: packet, Room: packetSize - len(packet)})
	}
}

func (p *pair) sendChunk(e *end, tsn uint32) {
	if e.t3.IsZero() {
		e.t3 = p.now.Add(t3)
	}
	e.sentAt[tsn] = p.now
	p.offer(e, dataPacket(tsn, packetSize))
}

// feed sends new chunks as the window allows.
func (p *pair) feed(e *end) {
	for e.todo > 0 && !e.shim.Dark() && len(e.sentAt)*packetSize <= e.shim.Window() {
		e.todo--
		e.next++
		p.sendChunk(e, e.next-1)
	}
}

// receive takes a packet of the messenger's.
func (p *pair) receive(e *end, packet []byte) {
	tsn := binary.BigEndian.Uint32(packet[sctpCommonHeader+4:])
	if packet[sctpCommonHeader] == 3 {
		p.acknowledged(e, tsn+1, binary.BigEndian.Uint32(packet[sctpCommonHeader+8:]))
		return
	}
	e.have[tsn]++
	for e.have[e.haveCum] > 0 {
		e.haveCum++
	}
	p.offer(e, sackPacket(e.haveCum-1, tsn))
}

// acknowledged: all chunks below cum have arrived, and newest has.
func (p *pair) acknowledged(e *end, cum, newest uint32) {
	if cum > e.cum {
		for tsn := e.cum; tsn < cum; tsn++ {
			delete(e.sentAt, tsn)
		}
		e.cum, e.t3 = cum, p.now.Add(t3)
	}
	newestAt, ok := e.sentAt[newest]
	if ok {
		delete(e.sentAt, newest)
		for tsn := e.cum; tsn < newest; tsn++ {
			if at, out := e.sentAt[tsn]; out && at.Before(newestAt) && !e.repeated[tsn] {
				e.repeated[tsn] = true
				p.sendChunk(e, tsn)
			}
		}
	}
	if len(e.sentAt) == 0 {
		e.t3 = time.Time{}
	}
}

func (p *pair) arrivals(e, peer *end) {
	for took, ok := peer.out.Take(p.now); ok; took, ok = peer.out.Take(p.now) {
		d := took.Payload
		kind, payload, err := e.shim.Deliver(p.now, Arrival{Sequence: d.sequence, Frame: d.frame, Size: len(d.frame) + overhead, From: d.from})
		if err != nil {
			p.t.Fatalf("%v: %v\n%v", p.now.Sub(epoch), err, e.shim)
		}
		if kind == Packet {
			p.receive(e, payload)
		}
	}
}

func (p *pair) turn(e, peer *end) {
	p.arrivals(e, peer)
	if !e.t3.IsZero() && !p.now.Before(e.t3) {
		e.expiries++
		e.t3 = p.now.Add(t3)
		for tsn := e.cum; tsn < e.next; tsn++ {
			if _, out := e.sentAt[tsn]; out {
				p.sendChunk(e, tsn)
			}
		}
	}
	if d := e.shim.Deadline(); !p.now.Before(d) {
		e.shim.Advance(p.now)
	}
	p.feed(e)
	for f, ok := e.shim.Take(p.now); ok; f, ok = e.shim.Take(p.now) {
		p.post(e, f)
	}
	p.check(e)
}

// check verifies what must always hold.
func (p *pair) check(e *end) {
	s := &e.shim.send
	sum := 0
	for _, r := range s.log[s.head:] {
		if r.fate == flying {
			sum += int(r.size)
		}
	}
	if sum != s.inFlight {
		p.t.Fatalf("%v: %d bytes are flying, %d are counted", p.now.Sub(epoch), sum, s.inFlight)
	}
	if d := e.shim.Deadline(); d.Before(p.now) {
		p.t.Fatalf("%v: the deadline %v has passed and nothing was done: %v", p.now.Sub(epoch), d.Sub(epoch), e.shim)
	}
}

// run lets time pass until done says so, or for at most that long. It reports whether it was done.
func (p *pair) run(limit time.Duration, done func() bool) bool {
	end := p.now.Add(limit)
	for !p.now.After(end) {
		p.turn(p.a, p.b)
		p.turn(p.b, p.a)
		if done() {
			return true
		}
		next := end.Add(1)
		for _, t := range []time.Time{
			p.a.shim.Deadline(), p.b.shim.Deadline(), p.a.out.Deadline(), p.b.out.Deadline(), p.a.t3, p.b.t3,
		} {
			if !t.IsZero() && t.Before(next) {
				next = t
			}
		}
		if next.Before(p.now) {
			p.t.Fatalf("time stands still at %v", p.now.Sub(epoch))
		}
		p.now = next
	}
	return false
}

func (p *pair) finished() bool { return p.a.todo == 0 && len(p.a.sentAt) == 0 }

// duplicates is how many chunks arrived that the receiver had already.
func (e *end) duplicates() int {
	n := 0
	for _, times := range e.have {
		n += times - 1
	}
	return n
}

func (p *pair) String() string {
	return fmt.Sprintf("%v\na: %v\nb: %v", p.now.Sub(epoch), p.a.shim, p.b.shim)
}
