// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"encoding/binary"
	"time"
)

// Room is how many bytes of payload fit a datagram of size bytes.
func (s *Shim) Room(size int) int { return size - s.cfg.Overhead - HeaderSize }

// Stamp appends the bytes of a frame to dst and records it as sent: call it only for what leaves at once. It returns the
// sequence number to seal it with.
func (s *Shim) Stamp(now time.Time, dst []byte, f Frame) ([]byte, uint64) {
	t := s.clock(now)
	now = s.start.Add(t)
	s.catchUp(t)
	begin := len(dst)
	if s.send.next() == s.skipAt {
		s.send.add(record{sent: t, fate: skipped})
		s.chooseSkip()
	}
	r := record{sent: t, kind: f.Kind}
	dst = append(dst, byte(f.Kind))
	dst = binary.BigEndian.AppendUint32(dst, stampOf(t))
	if s.wantsFeedback(t, f) {
		dst[begin] |= withFeedback
		r.report, r.told = true, s.recv.report(t, &s.fb, f.Room)
		dst = appendFeedback(dst, &s.fb)
	}
	dst = append(dst, f.Payload...)
	r.size = int32(len(dst) - begin + s.cfg.Overhead)
	seq := s.send.next()
	switch {
	case f.sample:
		r.fate = sampled
	case f.Kind.Eliciting():
		r.fate = flying
		s.ctrl.Sent(now, int(r.size))
		s.pacer.SetRate(s.ctrl.Rate())
		s.pacer.Sent(now, int(r.size))
	}
	if f.Kind == Packet || f.Kind == Fragment && f.last {
		s.carry(&r, f, seq)
	}
	s.send.add(r)
	s.path.spoke = t
	s.sent += uint64(r.size)
	s.datas++
	return dst, seq
}

// Left reports when the datagrams of these sequence numbers really left, the first to the last: a busy host lets what is stamped wait,
// and that is no delay of the path. It may be left out.
func (s *Shim) Left(first, last uint64, at time.Time) { s.send.left(first, last, at.Sub(s.start)) }

// carry tells the guard what the datagram has in it.
func (s *Shim) carry(r *record, f Frame, seq uint64) {
	c := f.kept
	if c.chunks == 0 {
		c, s.offered = s.offered, copied{}
	}
	r.tsn, r.chunks = c.first, c.chunks
	s.guard.sent(c, seq)
}

// wantsFeedback decides whether a report rides on a frame: always on small ones, on large ones when it is due.
func (s *Shim) wantsFeedback(now time.Duration, f Frame) bool {
	switch {
	case !s.recv.pending() || f.Room < minFeedback:
		return false
	case s.recv.owed > 0 && now >= s.recv.due:
		return true
	}
	return s.recv.owed > 0 && len(f.Payload) < feedbackMTU || f.Kind == Nothing
}

// Frame is what one datagram is to carry. Take fills it; for a packet that Offer passed, the caller does.
type Frame struct {
	Kind    Kind
	Payload []byte
	Room    int // bytes of feedback that may be added
	kept    copied
	last    bool // the last fragment
	sample  bool // to be timed, and not in flight
}
