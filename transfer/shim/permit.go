// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"math"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// Allow says how many bytes of datagrams may leave now, besides the pending ones that SCTP was given and has not sent: what the window and the
// pace have for it, or 0. They leave in units. The pace gathers a burst, if the window has room for one, so that not every unit wakes
// somebody; whoever comes late gets what has been gathered meanwhile. If it is only the pace that refuses, again is when to ask again;
// otherwise it is zero, and something has to be acknowledged first, or Deadline to come. Whoever waits should have asked: while
// nobody does, Deadline leaves the controller's out.
func (s *Shim) Allow(now time.Time, pending, unit, burst int) (bytes int, again time.Time) {
	t := s.clock(now)
	s.catchUp(t)
	room := s.Spare(pending, unit)
	if room < unit && s.waits(t, max(unit, burst)) {
		room = s.Spare(pending, unit)
	}
	s.content = room >= unit
	if !s.content {
		return 0, time.Time{}
	}
	if wait := s.pace(t, unit, min(room/unit*unit, burst)+pending); wait > 0 {
		return 0, s.start.Add(t + wait)
	}
	if credit := s.pacer.Credit(s.start.Add(t)) - float64(pending); credit < float64(room) {
		room = int(credit)
	}
	return room, time.Time{}
}

// Spare is how many bytes of datagrams, which leave in units, fit the window beside what is in flight, what waits to be sent again and the
// pending ones; it may be negative.
func (s *Shim) Spare(pending, unit int) int {
	window, taken := s.ctrl.Window(), s.send.inFlight+s.keptSize()+pending
	if window > 0 && taken == 0 {
		return max(window, unit) // "one datagram may always leave when nothing is in flight, unless Window is 0"
	}
	return window - taken
}

// waits tells a controller that shares what it permits how many bytes wait for it, and says whether there is one.
func (s *Shim) waits(t time.Duration, bytes int) bool {
	w, ok := s.ctrl.(ledbat.Waiter)
	if ok {
		w.Waiting(s.start.Add(t), bytes)
	}
	return ok
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
	s.pacer.Unit(unit)
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
	refused := func() bool {
		window := s.ctrl.Window()
		return window == 0 || s.send.inFlight > 0 && s.send.inFlight+size > window && s.landings == 0
	}
	if s.path.dark || refused() && !(s.waits(t, size) && !refused()) {
		return copied{}, false
	}
	if wait := s.pace(t, size, size); wait > 0 {
		s.releaseAt = t + wait
		return copied{}, false
	}
	s.landings = max(0, s.landings-1)
	return s.guard.pop(&s.guard.kept)
}
