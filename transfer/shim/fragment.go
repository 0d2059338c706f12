// SPDX-License-Identifier: Apache-2.0

package shim

import "encoding/binary"

// A fragment is a part of a packet too large for the path as it has become; SCTP cannot change the size of its packets.
//
//	packet   uint16   counts the packets that were cut
//	part     uint8    0 to count-1
//	count    uint8    2 to 16
//	content           all of the same length, but for the last, which may be shorter
const (
	fragmentHeader = 4
	maxParts       = 16
	maxPartial     = 16 // packets being put together
)

// splitter cuts packets and puts them together again.
type splitter struct {
	cut     uint16
	partial []partial // oldest first
}

type partial struct {
	packet uint16
	count  uint8
	have   uint8
	parts  [maxParts][]byte
}

// Split says in how many frames a packet has to go: one, as it is, or several, which Part cuts off.
func (s *Shim) Split(packet []byte) int {
	n, _ := s.Parts(len(packet))
	if n > 1 {
		s.parts.cut++
	}
	return n
}

// Parts says in how many datagrams a packet of that size goes, and the size of the largest of them.
func (s *Shim) Parts(packet int) (n, size int) {
	room := s.Room(s.path.limit())
	if packet <= room {
		return 1, packet + HeaderSize + s.cfg.Overhead
	}
	n = min((packet+room-fragmentHeader-1)/(room-fragmentHeader), maxParts)
	return n, (packet+n-1)/n + fragmentHeader + HeaderSize + s.cfg.Overhead
}

// Part is frame i of the n that Split announced for the frame. Stamp them in order.
func (s *Shim) Part(f Frame, i, n int) Frame {
	if n == 1 {
		return f
	}
	size := (len(f.Payload) + n - 1) / n
	b := make([]byte, fragmentHeader, fragmentHeader+size)
	binary.BigEndian.PutUint16(b, s.parts.cut)
	b[2], b[3] = byte(i), byte(n)
	b = append(b, f.Payload[i*size:min((i+1)*size, len(f.Payload))]...)
	return Frame{Kind: Fragment, Payload: b, kept: f.kept, last: i == n-1}
}

// Join takes the payload of a Fragment. It returns the packet that it completes, or nil. Parts that fit nothing are dropped.
func (s *Shim) Join(payload []byte) []byte {
	if len(payload) <= fragmentHeader {
		return nil
	}
	id, i, n := binary.BigEndian.Uint16(payload), payload[2], payload[3]
	if n < 2 || n > maxParts || i >= n {
		return nil
	}
	p := s.parts.find(id, n)
	if p.parts[i] != nil {
		return nil
	}
	p.parts[i] = append([]byte(nil), payload[fragmentHeader:]...)
	if p.have++; p.have < n {
		return nil
	}
	var whole []byte
	for _, part := range p.parts[:n] {
		whole = append(whole, part...)
	}
	s.parts.drop(id)
	return whole
}

// find returns the packet that is being put together under that number, or a new one.
func (j *splitter) find(id uint16, n uint8) *partial {
	for i := range j.partial {
		if p := &j.partial[i]; p.packet == id && p.count == n {
			return p
		}
	}
	if len(j.partial) == maxPartial {
		j.partial = append(j.partial[:0], j.partial[1:]...)
	}
	j.partial = append(j.partial, partial{packet: id, count: n})
	return &j.partial[len(j.partial)-1]
}

func (j *splitter) drop(id uint16) {
	for i := range j.partial {
		if j.partial[i].packet == id {
			j.partial = append(j.partial[:i], j.partial[i+1:]...)
			return
		}
	}
}
