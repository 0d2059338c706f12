// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"math"
	"time"
)

// Allow says how many bytes of datagrams may leave now, besides the pending ones that SCTP was given and has not sent: at least least and
// at most most, or 0. If it is only the pace that refuses, again is when to ask again; otherwise it is zero, and something has to be
// acknowledged first, or Deadline to come. Whoever waits should have asked: while nobody does, Deadline leaves the controller's out.
func (s *Shim) Allow(now time.Time, pending, least, most int) (bytes int, again time.Time) {
	t := s.clock(now)
	s.catchUp(t)
	window := s.ctrl.Window()
	taken := s.send.inFlight + s.keptSize() + pending
	room := window - taken
	if window > 0 && taken == 0 {
		room = max(room, least) // "one datagram may always leave when nothing is in flight, unless Window is 0"
	}
	s.content = room >= least
	if !s.content {
		return 0, time.Time{}
	}
	room = min(room, most)
	if wait := s.pace(t, least, room+pending); wait > 0 {
		return 0, s.start.Add(t + wait)
	}
	return room, time.Time{}
}

// keptSize is how many bytes of datagrams wait to be sent again: their turn comes before that of anything new.
func (s *Shim) keptSize() int {
	return s.guard.bytes + len(s.guard.kept)*(HeaderSize+s.cfg.Overhead)
}

// awaited reports whether it matters now what the controller permits: a window that opened for nobody, or into the dark, would be an
// occasion wasted.
func (s *Shim) awaited() bool {
	return !s.path.dark && (!s.content || s.send.inFlight > 0 || len(s.guard.kept)+len(s.guard.urgent) > 0)
}

// catchUp lets the controller's time pass that nobody waited for.
func (s *Shim) catchUp(t time.Duration) {
	now := s.start.Add(t)
	if d := s.ctrl.Deadline(); !s.path.dark && !d.IsZero() && !now.Before(d) {
		s.ctrl.Advance(now)
	}
}

// pace is how long that many bytes have to wait; 0: they may leave now. Datagrams leave in units of that many bytes.
func (s *Shim) pace(t time.Duration, unit, bytes int) time.Duration {
	now, rate := s.start.Add(t), s.ctrl.Rate()
	s.pacer.SetRate(rate)
	s.pacer.CanSend(now, unit) // it learns what a burst is made of
	lacks := float64(bytes) - s.pacer.Credit(now)
	if rate == 0 || lacks <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(min(lacks/rate*float64(time.Second), float64(time.Hour)))) + 1
}

// Fresh is how many bytes of messages SCTP has sent for the first time.
func (s *Shim) Fresh() uint64 { return s.fresh }

// release returns a kept packet that may go now: at the pace, and never while the window is 0. One may go when nothing is in flight;
// otherwise the window must have room, or a datagram has landed whose place it takes.
func (s *Shim) release(t time.Duration) (copied, bool) {
	s.releaseAt = 0
	if len(s.guard.kept) == 0 {
		s.landings = 0
		return copied{}, false
	}
	size := len(s.guard.kept[0].payload) + HeaderSize + s.cfg.Overhead
	window := s.ctrl.Window()
	if s.path.dark || window == 0 || s.send.inFlight > 0 && s.send.inFlight+size > window && s.landings == 0 {
		return copied{}, false
	}
	if wait := s.pace(t, size, size); wait > 0 {
		s.releaseAt = t + wait
		return copied{}, false
	}
	s.landings = max(0, s.landings-1)
	return s.guard.pop(&s.guard.kept)
}
