// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/transfer/shim"
)

// A source is the sending end of a flow of ours.
type source struct {
	host
	cfg    FlowConfig
	share  *group.Share // of its group; nil: it is in none
	peer   *sink
	seed   uint64
	pacer  ledbat.Pacer
	last   time.Duration // when data last left
	next   time.Duration // when data may leave, as far as is known
	paused []Packet      // what has arrived while the host is suspended
}

// suspended is the end of the pause that the host is in; 0: it is in none.
func (s *source) suspended(now time.Duration) time.Duration {
	for _, p := range s.cfg.Pauses {
		if p.At <= now && now < p.At+p.For {
			return p.At + p.For
		}
	}
	return 0
}

// start begins the conversation, at both ends. The data itself is not made: a datagram is its header, and the shim believes that
// sealing adds the rest.
func (s *source) start(now time.Duration) {
	quiet, err := ledbat.New("rfc6817", ledbat.Default()) // the receiver sends nothing that it would steer
	if err != nil {
		panic(err)
	}
	s.begin(now, shim.Config{Controller: s.cfg.Controller, Overhead: s.cfg.MSS - shim.HeaderSize, Seed: s.seed})
	s.peer.begin(now, shim.Config{Controller: quiet, Overhead: sealing, ReportEvery: s.peer.every})
}

func (s *source) Deliver(now time.Duration, p *Packet) {
	if s.suspended(now) > 0 {
		s.paused = append(s.paused, *p)
		return
	}
	s.deliver(now, p)
}

func (s *source) Advance(now time.Duration) {
	if s.shim == nil || s.suspended(now) > 0 {
		return
	}
	for i := range s.paused {
		s.deliver(now, &s.paused[i])
	}
	s.paused = s.paused[:0]
	s.advance(now)
}

func (s *source) Take(now time.Duration, p *Packet) bool {
	s.next = Never
	if s.shim == nil {
		if s.next = s.cfg.Start; now < s.next {
			return false
		}
		s.start(now)
	}
	if end := s.suspended(now); end > 0 {
		s.next = end
		return false
	}
	if len(s.paused) > 0 { // the pause has just ended: first hear what there is
		s.next = now
		return false
	}
	if kind, ok := s.take(now, p); ok {
		if kind.Eliciting() {
			p.Size = int32(s.cfg.MSS + s.cfg.Headers) // as its shim believes
		}
		return true
	}
	return s.data(now, p)
}

// data sends a datagram of data if it may.
func (s *source) data(now time.Duration, p *Packet) bool {
	size := s.cfg.MSS
	if s.shim.Dark() {
		return false
	}
	if at := s.dataAt(now); at > now {
		s.next = at
		return false
	}
	t := s.time(now)
	if flight, window := s.shim.InFlight(), s.shim.Window(); window == 0 || flight > 0 && flight+size > window {
		if s.share != nil {
			s.share.Waiting(t, s.backlog()) // what it is granted at once, it hears of from the world
		}
		return false
	}
	s.pacer.SetRate(s.shim.Rate())
	if !s.pacer.CanSend(t, size) {
		s.next = s.when(s.pacer.Next())
		return false
	}
	s.stamp(now, shim.Frame{Kind: shim.Packet}, p)
	p.Size = int32(size + s.cfg.Headers)
	if !s.cfg.NotECT {
		p.ECN = link.ECT0
	}
	s.pacer.Sent(t, size)
	s.last = now
	return true
}

// backlog is how many bytes the application has now, given that it has some.
func (s *source) backlog() int {
	if s.cfg.Source.Rate > 0 {
		return s.cfg.MSS
	}
	return math.MaxInt32
}

// dataAt is when the application has a datagram's worth of data: now or later.
func (s *source) dataAt(now time.Duration) time.Duration {
	c := &s.cfg
	if c.Stop > 0 && now >= c.Stop {
		return Never
	}
	if c.Source.Off > 0 {
		if phase := (now - c.Start) % (c.Source.On + c.Source.Off); phase >= c.Source.On {
			return now + c.Source.On + c.Source.Off - phase
		}
	}
	if c.Source.Rate > 0 {
		// What is not taken at once is not made: the application waits for its last datagram to leave.
		return max(now, s.last+time.Duration(float64(c.MSS)/c.Source.Rate*float64(time.Second)))
	}
	return now
}

func (s *source) Deadline() time.Duration {
	if s.shim == nil {
		return s.cfg.Start
	}
	if len(s.paused) > 0 || s.suspended(s.world.now) > 0 {
		return s.next
	}
	return min(s.next, s.when(s.shim.Deadline()))
}

// View implements Viewer.
func (s *source) View() View {
	return View{Window: s.cfg.Controller.Window(), Rate: s.cfg.Controller.Rate(), Believed: s.cfg.Controller.QueueDelay()}
}

// A sink is the receiving end of a flow of ours.
type sink struct {
	host
	size      int64
	every     int // datagrams, after which it reports
	delivered int64
}

func (s *sink) Deliver(now time.Duration, p *Packet) {
	if s.deliver(now, p) == shim.Packet {
		s.delivered += s.size
	}
}

func (s *sink) Advance(now time.Duration) { s.advance(now) }

func (s *sink) Deadline() time.Duration {
	if s.shim == nil {
		return Never
	}
	return s.when(s.shim.Deadline())
}

func (s *sink) Take(now time.Duration, p *Packet) bool {
	_, ok := s.take(now, p)
	return ok
}

// Delivered implements Counter.
func (s *sink) Delivered() int64 { return s.delivered }
