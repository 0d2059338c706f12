// SPDX-License-Identifier: Apache-2.0

package lan

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

const (
	// target is the queue to stay below once somebody else is there: a fraction of what switches hold, and more than a busy
	// host adds to a round trip by itself.
	target = 5 * time.Millisecond
	// roundLeast is what a round trip counts as at least: the kernel is asked no more often, and its answers are of whole rounds.
	roundLeast = 5 * time.Millisecond
	// roundMost: what was sent over a longer time was no bulk, and tells nothing.
	roundMost = 100 * time.Millisecond
	// A round counts if so many bytes and so many segments were sent in it. With less, the receiver holds its acknowledgements
	// back (RFC 9293, section 3.8.6.3), and the round trip is longer without any queue.
	bulk         = 64 << 10
	bulkSegments = 16
	// queuedFor is how many rounds in a row have to show a queue before it is believed.
	queuedFor = 4
	// maxWindow is for a round of 40 Gbit/s.
	maxWindow = 64 << 20
)

// path is what the kernel knows of a connection.
type path struct {
	rtt, minRTT time.Duration // smoothed, and the smallest of the last minutes
	sent        uint64        // bytes, with what was sent again
	resent      uint64        // bytes
	acked       uint64        // bytes
	inFlight    int           // bytes
	mss         int           // bytes of payload
	delivered   float64       // bytes a second, as last seen
}

// pace decides how fast a connection may be at most. It is a plain machine: sampled takes what the kernel says, and the rate
// is what the kernel is told.
//
// A controller is made for datagrams whose sender knows of each; here a round of them is one report: what was sent and acknowledged in at
// least five milliseconds, reckoned to one round trip and five milliseconds. So its window is
// what may be sent in a round.
type pace struct {
	controller ledbat.Controller // nil before the first sample
	last       path
	at         time.Time     // of last
	steady     bool          // the round before was bulk, too
	queue      time.Duration // as the last round has shown it; 0: not known
	queued     int           // rounds in a row with a queue
	based      bool          // the controller was told the delay of an empty path
	engaged    bool          // a queue or a loss has been seen
	rate       float64       // bytes a second; 0: without bound
}

// due reports whether it is time to ask the kernel.
func (p *pace) due(now time.Time) bool { return now.Sub(p.at) >= max(roundLeast, p.last.rtt) }

// sampled takes what the kernel says now, and reports whether the rate has changed.
func (p *pace) sampled(now time.Time, k path) (changed bool) {
	elapsed, sent := now.Sub(p.at), k.sent-p.last.sent
	switch {
	case p.controller == nil || elapsed > roundMost || k.sent < p.last.sent:
		p.begin(now, k)
		return false
	case sent < p.bulk():
		return false // the round is not over yet
	}
	before, steady := p.last, p.steady
	p.last, p.at, p.steady = k, now, true
	if !steady {
		return false // the round trip is still of the time before
	}
	p.report(now, k, before, elapsed)
	if p.queue = p.controller.QueueDelay(); p.queue > target/2 {
		p.queued++
	} else {
		p.queued = 0
	}
	p.engaged = p.engaged || p.queued >= queuedFor || k.resent > before.resent
	if !p.engaged {
		return false
	}
	rate := max(p.controller.Rate(), p.least())
	if p.rate > 0 && rate > .95*p.rate && rate < 1.05*p.rate {
		return false
	}
	p.rate = rate
	return true
}

// bulk is how many bytes make a round.
func (p *pace) bulk() uint64 { return uint64(max(bulk, bulkSegments*p.last.mss)) }

// least is the rate below which we would be too slow to measure, and so for good: a round in half the time that it may take.
func (p *pace) least() float64 { return float64(p.bulk()) / (roundMost / 2).Seconds() }

// begin starts to measure anew; what is known of the path stays.
func (p *pace) begin(now time.Time, k path) {
	p.last, p.at, p.steady, p.queued, p.queue = k, now, false, 0, 0
	if p.controller != nil || k.mss == 0 {
		return
	}
	c := ledbat.Default()
	c.MSS, c.Target, c.MaxWindow = min(k.mss, 1<<16-1), target, maxWindow
	c.DelayConfirmedLoss = false // a shallow switch shows itself by loss alone
	controller, err := ledbat.New("rfc6817", c)
	if err != nil {
		panic(err) // the configuration is good for every size of a segment
	}
	p.controller = controller
}

// report tells the controller of one round.
func (p *pace) report(now time.Time, k, before path, elapsed time.Duration) {
	round := k.rtt + roundLeast // so that it grows as the delay does, and the estimator sees that no clock has stepped
	part := func(bytes uint64) int { return int(float64(bytes) * round.Seconds() / elapsed.Seconds()) }
	p.controller.Sent(now, part(k.sent-before.sent))
	if resent := k.resent - before.resent; resent > 0 {
		p.controller.Lost(now, part(resent), now.Add(-round))
	}
	if !p.based { // the kernel knows since before the first report what an empty path takes
		p.based = true
		p.controller.Acked(now, ledbat.Ack{OneWayDelay: k.minRTT, RTT: k.minRTT + roundLeast, InFlight: part(k.sent - before.sent)})
	}
	p.controller.Acked(now, ledbat.Ack{Bytes: part(k.acked - before.acked), OneWayDelay: k.rtt, RTT: round})
}

func (p *pace) String() string {
	return fmt.Sprintf("rtt %v (%v), engaged %t, rate %.0f B/s, %v", p.last.rtt, p.last.minRTT, p.engaged, p.rate, p.controller)
}
