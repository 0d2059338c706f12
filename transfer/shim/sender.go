// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/harm"
)

// fate is what became of a datagram.
type fate uint8

const (
	quiet   fate = iota // not eliciting: nobody waits for it
	flying              // sent, nothing heard of it yet
	landed              // acknowledged
	lost                // given up, because later ones landed
	expired             // given up, because nothing landed for the whole timeout
	skipped             // a number that was never sent: whoever acknowledges it is lying
	sampled             // sent to be timed, nothing heard of it yet; not in flight, and nobody misses it
)

// record is what the sender knows of one datagram. Its number is its place.
type record struct {
	sent   time.Duration
	late   time.Duration // by how much later it really left, because the host was busy
	told   uint64        // highest number reported by the feedback it carried, if any
	size   int32         // bytes of UDP payload
	tsn    uint32        // first of the chunks it carried
	chunks uint16        // how many, numbered without gaps
	fate   fate
	kind   Kind
	report bool // it carried a feedback
}

// RFC 9002, section 6.1: "The RECOMMENDED initial value for the packet reordering threshold is 3" and "The RECOMMENDED
// time threshold, expressed as an RTT multiplier, is 9/8"; "kGranularity" is 1 ms.
const (
	packetThreshold    = 3
	maxPacketThreshold = 4096
	granularity        = time.Millisecond
	keepLost           = 3 * time.Second // a datagram given up is remembered at least that long, to notice late arrival
	keepQuiet          = 256             // datagrams that nobody waits for are remembered at most, to notice that what they told has arrived
	forgetLate         = time.Minute     // without late arrivals, after which the thresholds fall back
)

// sender remembers what is under way.
type sender struct {
	start    time.Time
	log      []record // from head on: of the numbers from base on
	head     int
	base     uint64
	flyingAt uint64 // no lower number is flying
	highest  uint64 // highest number acknowledged
	acked    bool   // highest means something
	inFlight int
	progress time.Duration // when something was last acknowledged, or when the flight began
	rtt      roundTrip
	reorder  int           // packet threshold, raised by spurious losses
	patience time.Duration // added to the time threshold by spurious losses
	lateAt   time.Duration // when the last spurious loss was noticed
	marks    uint64        // of congestion, as reported so far
	known    []span        // what the last feedback said arrived, newest first
	oneWay   time.Duration // last sample

	losses   uint64
	spurious uint64
}

func (s *sender) next() uint64 { return s.base + uint64(len(s.log)-s.head) }

func (s *sender) at(seq uint64) *record {
	if seq < s.base || seq >= s.next() {
		return nil
	}
	return &s.log[s.head+int(seq-s.base)]
}

// add records the next datagram.
func (s *sender) add(r record) {
	if r.fate == flying {
		if s.inFlight == 0 {
			s.progress = r.sent
		}
		s.inFlight += int(r.size)
	}
	if s.inFlight == 0 && len(s.log)-s.head >= keepQuiet {
		s.forget(r.sent)
	}
	s.log = append(s.log, r)
}

// forget drops records from the front that nobody can ask about any more.
func (s *sender) forget(now time.Duration) {
	keep := max(keepLost, 3*s.rtt.smoothed)
	for s.head < len(s.log) {
		r := &s.log[s.head]
		if r.fate == flying || (r.fate == lost || r.fate == expired || r.fate == sampled) && now-r.sent < keep {
			break
		}
		s.head++
		s.base++
	}
	s.flyingAt = max(s.flyingAt, s.base)
	if s.head > 64 && s.head > len(s.log)/2 {
		s.log = s.log[:copy(s.log, s.log[s.head:])]
		s.head = 0
	}
	if s.patience > 0 && now-s.lateAt > forgetLate {
		s.patience, s.reorder = 0, packetThreshold
	}
}

// left records when datagrams really left, the first to the last of these numbers.
func (s *sender) left(first, last uint64, at time.Duration) {
	for seq := max(first, s.base); seq <= last && seq < s.next(); seq++ {
		r := s.at(seq)
		r.late = max(0, at-r.sent)
	}
}

// timeThreshold is how old a datagram may be, when a later one was acknowledged, before it is given up.
func (s *sender) timeThreshold() time.Duration {
	return max(9*max(s.rtt.smoothed, s.rtt.latest)/8, granularity) + s.patience
}

// outcome collects what one feedback changed.
type outcome struct {
	bytes  int           // newly acknowledged
	oneWay time.Duration // smallest new sample
	sample bool          // oneWay means something
	rtt    time.Duration // 0: no sample
	marked bool          // with Congestion Experienced
	landed []uint64      // first acknowledged by this feedback, those given up before among them
	told   []ledbat.Arrival
	probes []ProbeResult
	timed  []harm.Sample
}

func (o *outcome) reset() {
	*o = outcome{landed: o.landed[:0], told: o.told[:0], probes: o.probes[:0], timed: o.timed[:0]}
}

// take works a feedback in that came at that time: everything but losses.
func (s *sender) take(now, came time.Duration, f *feedback, o *outcome) error {
	o.reset()
	if f.ranges[0].hi >= s.next() {
		return fmt.Errorf("%w: acknowledged %d, %d is the next to be sent", ErrLiar, f.ranges[0].hi, s.next())
	}
	for i, a := range f.arrivals {
		r := s.at(a.sequence)
		if r == nil || r.fate == landed {
			continue // told before
		}
		// Both stamps wrap together, so their difference is right modulo 71 minutes.
		left := r.sent + r.late
		d := time.Duration(int32(a.stamp-stampOf(left))) * time.Microsecond
		// RFC 9002, section 5.3: "MUST use the lesser of the acknowledgment delay and the peer's max_ack_delay". Beyond that
		// a peer could make the round trip look as short as it likes.
		held := min(time.Duration(f.held)*time.Microsecond, 2*maxFeedbackDelay)
		if i == 0 {
			o.rtt = max(came-left-held, time.Microsecond)
		}
		if r.fate == sampled {
			held += time.Duration(f.newest-a.stamp) * time.Microsecond
			o.timed = append(o.timed, harm.Sample{Sent: s.start.Add(left), Delay: d, RTT: max(came-left-held, time.Microsecond)})
			continue // it is smaller than what the controller sends, and so a little faster
		}
		if !o.sample || d < o.oneWay {
			o.oneWay, o.sample = d, true
		}
		o.told = append(o.told, ledbat.Arrival{Sent: s.start.Add(r.sent), Late: r.late, Delay: d, Bytes: int(r.size)})
		if r.kind == Probe || r.kind == Greeting {
			o.probes = append(o.probes, ProbeResult{Size: int(r.size), OneWay: d})
		}
	}
	slices.Reverse(o.timed)
	slices.Reverse(o.told) // a feedback tells of the newest first
	if err := s.landAll(now, f.ranges, o); err != nil {
		return err
	}
	// While nothing is in flight there is nothing to slow down: the mark waits for the feedback that tells of data.
	if f.marks > s.marks && (o.bytes > 0 || s.inFlight > 0) {
		s.marks, o.marked = f.marks, true
	}
	if o.rtt > 0 {
		s.rtt.sample(now, o.rtt)
	}
	if o.bytes > 0 {
		s.progress = now
	}
	if o.sample {
		s.oneWay = o.oneWay
	} else {
		o.oneWay = s.oneWay
	}
	return nil
}

// landAll records that everything in ranges arrived. What the feedback before told of is passed over: after a loss, feedbacks repeat
// all that came since.
func (s *sender) landAll(now time.Duration, ranges []span, o *outcome) error {
	k := 0 // of known: those before it lie above seq
	for _, r := range ranges {
		if r.hi < s.base {
			break
		}
		lo := max(r.lo, s.base)
		for seq := r.hi; seq >= lo; seq-- {
			for k < len(s.known) && s.known[k].lo > seq {
				k++
			}
			if k < len(s.known) && seq <= s.known[k].hi {
				seq = s.known[k].lo
			} else if err := s.land(now, seq, o); err != nil {
				return err
			}
			if seq == 0 {
				break
			}
		}
	}
	s.known = append(s.known[:0], ranges...)
	return nil
}

// land records that one datagram arrived.
func (s *sender) land(now time.Duration, seq uint64, o *outcome) error {
	r := s.at(seq)
	switch r.fate {
	case skipped:
		return fmt.Errorf("%w: acknowledged %d, which was never sent", ErrLiar, seq)
	case flying:
		s.inFlight -= int(r.size)
		o.bytes += int(r.size)
	case lost:
		s.spurious++
		s.late(now, seq, r)
	case expired: // the path was slow or dark; that is not reordering
		s.spurious++
	}
	if r.fate != landed {
		r.fate = landed
		o.landed = append(o.landed, seq)
	}
	if !s.acked || seq > s.highest {
		s.highest, s.acked = seq, true
	}
	return nil
}

// late learns from a datagram that was given up too early: how far behind it was, in numbers and in time.
func (s *sender) late(now time.Duration, seq uint64, r *record) {
	s.reorder = min(max(s.reorder, int(s.highest-min(seq, s.highest))+1), maxPacketThreshold)
	s.lateAt = now
	age := now - r.sent - s.rtt.smoothed
	s.patience = min(max(s.patience, age), s.rtt.smoothed)
}

// giveUp finds the datagrams that are lost by now. It returns when to look again; 0: not before the next feedback.
func (s *sender) giveUp(now time.Duration, each func(seq uint64, r *record)) (again time.Duration) {
	if !s.acked {
		return 0
	}
	first := true
	for seq := max(s.flyingAt, s.base); seq < s.highest; seq++ {
		r := s.at(seq)
		if r.fate != flying {
			continue
		}
		if t := r.sent + s.graceOf(seq); now < t {
			if first {
				s.flyingAt, first = seq, false
			}
			if again == 0 || t < again {
				again = t
			}
			continue
		}
		r.fate = lost
		s.inFlight -= int(r.size)
		s.losses++
		each(seq, r)
	}
	if first {
		s.flyingAt = max(s.flyingAt, s.highest)
	}
	return again
}

// graceOf is the age at which a datagram is lost, given that a later one was acknowledged. Being far behind is enough on
// a path that keeps the order; on one that was seen not to, a datagram gets the time that others were late.
func (s *sender) graceOf(seq uint64) time.Duration {
	if s.highest-seq < uint64(s.reorder) {
		return s.timeThreshold()
	}
	if s.patience == 0 {
		return 0
	}
	return s.rtt.smoothed + s.patience
}

// giveUpAll takes everything in flight for lost.
func (s *sender) giveUpAll(each func(seq uint64, r *record)) {
	for seq := max(s.flyingAt, s.base); seq < s.next(); seq++ {
		if r := s.at(seq); r.fate == flying {
			r.fate = expired
			s.losses++
			each(seq, r)
		}
	}
	s.inFlight = 0
	s.flyingAt = s.next()
}

// disown takes everything in flight for something that nobody waits for.
func (s *sender) disown() {
	for seq := max(s.flyingAt, s.base); seq < s.next(); seq++ {
		if r := s.at(seq); r.fate == flying {
			r.fate = quiet
		}
	}
	s.inFlight = 0
	s.flyingAt = s.next()
}

// roundTrip is the estimator of RFC 9002, section 5.
type roundTrip struct {
	latest, smoothed, variation, least time.Duration
	leastAt                            time.Duration
}

const forgetLeast = 10 * time.Minute

func (t *roundTrip) sample(now, rtt time.Duration) {
	t.latest = rtt
	if t.least == 0 || rtt < t.least || now-t.leastAt > forgetLeast {
		t.least, t.leastAt = rtt, now
	}
	if t.smoothed == 0 {
		t.smoothed, t.variation = rtt, rtt/2
		return
	}
	t.variation = (3*t.variation + (t.smoothed - rtt).Abs()) / 4
	t.smoothed = (7*t.smoothed + rtt) / 8
}

// timeout is the probe timeout of RFC 9002, section 6.2.1: when an unanswered datagram is overdue.
func (t *roundTrip) timeout() time.Duration {
	if t.smoothed == 0 {
		return time.Second
	}
	return t.smoothed + max(4*t.variation, granularity) + maxFeedbackDelay
}
