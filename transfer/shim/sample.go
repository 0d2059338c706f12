// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/harm"
)

// Sample is a frame to be stamped now, for no other purpose than to be timed (ledbat/harm). All are equally small. Neither the
// controller nor the loss detection knows of it: it is not in flight, and when it is lost nothing happens. While the path is
// dark there is none.
func (s *Shim) Sample() (Frame, bool) { return Frame{Kind: Probe, sample: true}, !s.path.dark }

// Sampled appends to dst what became of samples since it was last asked, in the order of their arrival.
func (s *Shim) Sampled(dst []harm.Sample) []harm.Sample {
	dst = append(dst, s.timed...)
	s.timed = s.timed[:0]
	return dst
}

// Paused tells the controller, if it wants to know, that no new data is handed over although there is some.
func (s *Shim) Paused(now time.Time) {
	if p, ok := s.ctrl.(ledbat.Pauser); ok {
		p.Paused(now)
	}
}

// Resumed tells it that data is handed over again.
func (s *Shim) Resumed(now time.Time) {
	if p, ok := s.ctrl.(ledbat.Pauser); ok {
		p.Resumed(now)
	}
}
