// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/harm"
)

// ErrLiar says that the peer reported something that cannot be true. End the conversation and blame it.
var ErrLiar = errors.New("feedback is a lie")

const (
	keepaliveEvery  = 15 * time.Second // of silence: shorter than the 30 s after which NATs forget (RFC 4787, section 4.3)
	firstProbeAfter = 250 * time.Millisecond
	probeEvery      = time.Second // while the path is dark
	defaultDeath    = 30 * time.Minute
	// While the path is dark, SCTP's acknowledgements leave only if the peer was heard that recently: it may be waiting for them.
	hearsay = time.Second
)

// Config is what a Shim needs to know. Controller and Remote are required.
type Config struct {
	Controller ledbat.Controller
	Remote     netip.AddrPort
	// Overhead is what sealing adds to a frame, in bytes.
	Overhead int
	// Seed is unpredictable to the peer: it chooses the sequence numbers that are left out to catch a peer that acknowledges what
	// it has not received.
	Seed uint64
	// DeadAfter is how long nothing may be heard before the conversation is dead; 0 means 30 minutes.
	DeadAfter time.Duration
	// ReportEvery is after how many datagrams a feedback leaves at the latest; 0 means 16. What compares itself with TCP takes 1.
	ReportEvery int
}

// Shim is one end of one conversation. It is a plain value of one owner: no locks, no clock.
//
// The calling protocol: Offer for each packet of SCTP, which says whether to Stamp it now; Deliver for each datagram that
// opened; Advance when Deadline has come; and after each of these Take until it says no, stamping what it gives.
type Shim struct {
	start time.Time
	// Without a monotonic clock's reading in start, as in virtual time, differences are those of UnixNano, which are cheaper than Sub.
	virtual   bool
	startNano int64
	cfg       Config
	ctrl      ledbat.Controller
	send      sender
	recv      receiver
	guard     guard
	path      path

	fb  feedback // scratch
	out outcome  // scratch
	// What Deadline answered, and the same as a time: it is asked more often than it changes.
	due      time.Duration
	deadline time.Time
	lookAt   time.Duration
	heldAt   time.Duration
	offered  copied // by the last Offer that passed, for the Stamp that follows

	pacer     ledbat.Pacer  // of all that is in flight
	releaseAt time.Duration // when the pace lets a kept packet go; 0: it is not the pace that holds it
	content   bool          // nobody waits for the window to open
	fresh     uint64        // bytes of messages that SCTP has sent for the first time

	probes   []ProbeResult
	timed    []harm.Sample
	parts    splitter
	skips    *rand.PCG
	skipAt   uint64 // the next sequence number that is left out
	landings int    // datagrams that landed while packets are kept, less those let go
	now      time.Duration
	received uint64 // bytes of UDP payload
	sent     uint64
	datas    uint64
	repeats  uint64
}

// New starts a conversation at now.
func New(now time.Time, c Config) *Shim {
	if c.DeadAfter == 0 {
		c.DeadAfter = defaultDeath
	}
	if c.ReportEvery == 0 {
		c.ReportEvery = feedbackEvery
	}
	s := &Shim{
		start: now, deadline: now, virtual: now == now.Round(0), startNano: now.UnixNano(), cfg: c, ctrl: c.Controller,
		send:  sender{start: now, reorder: packetThreshold},
		recv:  receiver{every: c.ReportEvery},
		path:  path{remote: c.Remote},
		skips: rand.NewPCG(c.Seed, skipStream),
	}
	s.chooseSkip()
	return s
}

// One sequence number in 256 to 767 is left out.
const (
	skipLeast  = 256
	skipSpread = 512
	skipStream = 0x73686970
)

func (s *Shim) chooseSkip() { s.skipAt = s.send.next() + skipLeast + s.skips.Uint64()%skipSpread }

func (s *Shim) clock(now time.Time) time.Duration {
	// Machines have no clock that goes back; a caller with two threads may still be late by a little.
	if s.virtual {
		s.now = max(s.now, time.Duration(now.UnixNano()-s.startNano))
	} else {
		s.now = max(s.now, now.Sub(s.start))
	}
	return s.now
}

// Offer asks what is to become of a packet of SCTP. If it says true, the caller stamps it now, as Packet. If not, the
// shim has it, or knows better: nothing is to be done. The bytes are the caller's again when Stamp, or Offer, returns.
func (s *Shim) Offer(now time.Time, packet []byte) bool {
	t := s.clock(now)
	s.fresh += uint64(s.guard.news(packet))
	window := s.ctrl.Window()
	room := window - s.send.inFlight - HeaderSize - s.cfg.Overhead
	if s.send.inFlight == 0 && window > 0 {
		room = len(packet)
	}
	verdict, c := s.guard.judge(packet, circumstances{
		dark: s.path.dark, room: room, overdue: func(seq uint64) time.Duration { return s.overdueAt(t, seq) },
	})
	switch verdict {
	case withhold:
		s.guard.withhold(c)
		if c.until > 0 && (s.heldAt == 0 || c.until < s.heldAt) {
			s.heldAt = c.until
		}
		return false
	case keep:
		s.guard.keep(c)
		return false
	}
	if c.payload != nil {
		c.payload = append([]byte(nil), c.payload...)
		s.repeats++
	}
	if c.chunks == 0 && s.path.dark && t-s.path.heardAt > hearsay {
		return false // an acknowledgement into the void; SCTP says it again
	}
	s.offered = c
	return true
}

// overdueAt is when the datagram ought to have been acknowledged; 0: that is past, or it is not in flight.
func (s *Shim) overdueAt(now time.Duration, seq uint64) time.Duration {
	r := s.send.at(seq)
	if r == nil || r.fate != flying {
		return 0
	}
	t := r.sent + s.send.rtt.timeout() + s.send.patience
	if t <= now {
		return 0
	}
	return t
}

// Arrival is a datagram that opened.
type Arrival struct {
	Sequence uint64
	Frame    []byte // the plaintext
	Size     int    // bytes of UDP payload
	From     netip.AddrPort
	CE       bool // marked Congestion Experienced on the way
	// At is when it came to this host, if that is known better than by when it is delivered: a busy host reads late. Zero: it is not.
	At time.Time
}

// Deliver takes a datagram in and returns what it carried; the payload lies in the frame. An error wraps ErrMalformed or
// ErrLiar: the peer is at fault, since nobody else can seal; end the conversation.
func (s *Shim) Deliver(now time.Time, a Arrival) (Kind, []byte, error) {
	t := s.clock(now)
	h, payload, err := parseFrame(a.Frame, &s.fb)
	if err != nil {
		return Nothing, nil, err
	}
	s.received += uint64(a.Size)
	if a.CE {
		s.recv.marks++
	}
	s.path.heard(t, a.Sequence, a.From)
	at := s.came(t, a.At)
	s.recv.arrived(at, a.Sequence, h.kind.Eliciting(), s.feedbackDelay())
	if h.feedback {
		// Stamps wrap together, so their difference is right modulo 71 minutes.
		err = s.takeFeedback(t, at, time.Duration(int32(stampOf(at)-h.stamp))*time.Microsecond)
	}
	if h.kind == Packet {
		if cum, ok := sackOf(payload); ok {
			s.guard.acknowledged(cum)
		}
	}
	return h.kind, payload, err
}

// came is when a datagram came that is delivered at t. Arrivals are told in their order, so it is not before the one before.
func (s *Shim) came(t time.Duration, at time.Time) time.Duration {
	if at.IsZero() {
		return t
	}
	return min(max(at.Sub(s.start), s.recv.newest), t)
}

// feedbackDelay is how long a report may wait for company: "at least every 16 datagrams or min(RTT/4, ...)".
func (s *Shim) feedbackDelay() time.Duration {
	return max(minFeedbackDelay, min(maxFeedbackDelay, s.send.rtt.smoothed/4))
}

// takeFeedback works in at t what a feedback says that came at another time.
func (s *Shim) takeFeedback(t, at, reverse time.Duration) error {
	now, o := s.start.Add(t), &s.out
	if err := s.send.take(t, at, &s.fb, o); err != nil {
		return err
	}
	for _, seq := range o.landed {
		s.settleLanded(seq)
	}
	if len(s.probes) < maxArrivals {
		s.probes = append(s.probes, o.probes...)
	}
	if len(s.timed) < maxArrivals {
		s.timed = append(s.timed, o.timed...)
	}
	if len(o.landed) > 0 && s.path.light() {
		s.guard.rouse()
	}
	s.giveUp(now, t)
	if o.bytes > 0 || o.marked {
		s.ctrl.Acked(now, ledbat.Ack{
			Bytes: o.bytes, OneWayDelay: o.oneWay, RTT: o.rtt, CE: o.marked, InFlight: s.send.inFlight,
			Reverse: reverse, Backward: true, Arrivals: o.told,
		})
	}
	s.send.forget(t)
	return nil
}

// settleLanded draws the consequences of one datagram's arrival over there.
func (s *Shim) settleLanded(seq uint64) {
	r := s.send.at(seq)
	s.guard.landed(seq, r)
	if r.chunks > 0 {
		s.landings++
	}
	if r.report {
		s.recv.told(r.told)
	}
	s.path.landed(int(r.size))
}

// ProbeResult says that a probe or a greeting of that many bytes of UDP payload arrived.
type ProbeResult struct {
	Size   int
	OneWay time.Duration // arrival there minus sending here; the clocks' offset is in it
}

// Probed returns the latest results since it was last asked.
func (s *Shim) Probed() []ProbeResult {
	p := s.probes
	s.probes = nil
	return p
}

func (s *Shim) giveUp(now time.Time, t time.Duration) {
	s.lookAt = s.send.giveUp(t, func(seq uint64, r *record) {
		s.guard.lost(seq, r)
		s.path.lost(t, int(r.size))
		s.ctrl.Lost(now, int(r.size), s.start.Add(r.sent))
	})
}

// Advance lets time pass.
func (s *Shim) Advance(now time.Time) {
	t := s.clock(now)
	now = s.start.Add(t)
	if s.awaited() {
		s.ctrl.Advance(now)
	}
	if s.lookAt > 0 && t >= s.lookAt {
		s.giveUp(now, t)
	}
	if s.heldAt > 0 && t >= s.heldAt {
		s.heldAt = s.guard.overdue(t)
	}
	if s.send.inFlight > 0 && t >= s.timeoutAt() {
		s.timedOut(now, t)
	}
}

func (s *Shim) timeoutAt() time.Duration { return s.send.progress + s.ctrl.CTO() }

// timedOut: nothing was acknowledged for the whole timeout. The path is dark until a probe is answered.
func (s *Shim) timedOut(now time.Time, t time.Duration) {
	s.send.progress = t
	s.send.giveUpAll(func(seq uint64, r *record) {
		s.guard.lost(seq, r)
		if r.size > floorSize {
			s.path.bigLost++
		}
	})
	s.path.darken(t)
	s.ctrl.TimedOut(now)
	s.lookAt = 0
}

// Deadline is when Advance, and then Take, wants to be called; zero: never.
func (s *Shim) Deadline() time.Time {
	next := s.path.deadline()
	sooner := func(t time.Duration) {
		if t > 0 && t < next {
			next = t
		}
	}
	sooner(s.lookAt)
	sooner(s.heldAt)
	if s.recv.owed > 0 {
		sooner(s.recv.due)
	}
	if s.send.inFlight > 0 {
		sooner(s.timeoutAt())
	}
	if len(s.guard.kept) > 0 {
		sooner(s.releaseAt)
	}
	if next != s.due {
		s.due, s.deadline = next, s.start.Add(next)
	}
	d := s.deadline
	if c := s.ctrl.Deadline(); s.awaited() && !c.IsZero() && c.Before(d) {
		return c
	}
	return d
}

// Take returns the next frame that is to be stamped and sent now.
func (s *Shim) Take(now time.Time) (Frame, bool) {
	t := s.clock(now)
	if len(s.guard.urgent) > 0 && (s.ctrl.Window() > 0 || s.waits(t, len(s.guard.urgent[0].payload)) && s.ctrl.Window() > 0) {
		if c, ok := s.guard.pop(&s.guard.urgent); ok {
			return s.packet(c), true
		}
	}
	if c, ok := s.release(t); ok {
		return s.packet(c), true
	}
	if s.path.probeDue(t) {
		return s.probe(), true
	}
	if s.recv.owed > 0 && t >= s.recv.due {
		return Frame{Kind: Nothing, Room: feedbackMTU}, true
	}
	return Frame{}, false
}

// probe asks whether the way is open, and now and then whether it is wide.
func (s *Shim) probe() Frame {
	if !s.path.widen {
		return Frame{Kind: Probe, Room: feedbackMTU}
	}
	s.path.widen = false
	return Frame{Kind: Probe, Payload: make([]byte, s.Room(s.path.full))}
}

func (s *Shim) packet(c copied) Frame {
	s.repeats++
	return Frame{Kind: Packet, Payload: c.payload, Room: 0, kept: c}
}
