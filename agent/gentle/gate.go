// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/transfer"
)

// How long what must last before a latch moves.
const (
	riseFor  = 4 * time.Second  // over the limit
	fallFor  = 10 * time.Second // under the lower mark
	holdFor  = 15 * time.Second // closed
	bounce   = 5 * time.Second  // a fact gone
	staleFor = 30 * time.Second // after that a sample says nothing
	lower    = 7.0 / 8          // of the limit: the lower mark
)

// pace is how a latch moves.
type pace struct{ rise, fall, hold time.Duration }

var (
	measured = pace{riseFor, fallFor, holdFor}
	known    = pace{0, bounce, 0}
)

// latch is one cause of refusing.
type latch struct {
	over, under time.Time // since when without a break; zero: not so now
	closed      bool
	since       time.Time // when it was closed
}

// moved takes one look: over the limit, under the lower mark, or in between, where nothing changes.
func (l *latch) moved(now time.Time, over, under bool, p pace) {
	l.over, l.under = lasting(l.over, now, over), lasting(l.under, now, under)
	switch {
	case !l.closed && over && now.Sub(l.over) >= p.rise:
		l.closed, l.since = true, now
	case l.closed && under && now.Sub(l.under) >= p.fall && now.Sub(l.since) >= p.hold:
		l.closed = false
	}
}

func lasting(since, now time.Time, so bool) time.Time {
	switch {
	case !so:
		return time.Time{}
	case since.IsZero():
		return now
	}
	return since
}

// Gate says whether the host may serve, from samples.
type Gate struct {
	policy  Policy
	last    Sample
	at      time.Time // of last; zero: never
	latches [5]latch  // as causes
}

// causes in the order in which they are told: what lasts longest first.
var causes = [...]transfer.Reason{transfer.ReasonMetered, transfer.ReasonVPN, transfer.ReasonBattery, transfer.ReasonCPU, transfer.ReasonDisk}

// NewGate is open.
func NewGate(p Policy) *Gate { return &Gate{policy: p, last: Blind()} }

// Sampled: the sensors were read.
func (g *Gate) Sampled(now time.Time, s Sample) {
	if g.stale(now) { // what is between the two samples is not known to have lasted
		for i := range g.latches {
			g.latches[i].over, g.latches[i].under = time.Time{}, time.Time{}
		}
	}
	g.last, g.at = s, now
	p := g.policy
	fact := func(i int, is bool) { g.latches[i].moved(now, is, !is, known) }
	fact(0, p.NotOnMetered && s.Link == Metered)
	fact(1, p.NotOnVPN && s.Link == VPN)
	fact(2, p.NotOnBattery && s.Power == Battery)
	// Unknown is less than any limit.
	g.latches[3].moved(now, p.MaxCPU > 0 && s.CPU > p.MaxCPU, s.CPU < lower*p.MaxCPU, measured)
	g.latches[4].moved(now, p.MaxQueue > 0 && s.Queue > p.MaxQueue, s.Queue < lower*p.MaxQueue, measured)
}

func (g *Gate) stale(now time.Time) bool { return g.at.IsZero() || now.Sub(g.at) > staleFor }

// May reports whether the host may serve; if not, why.
func (g *Gate) May(now time.Time) (why transfer.Reason, ok bool) {
	if g.stale(now) {
		return 0, true
	}
	for i, l := range g.latches {
		if l.closed {
			return causes[i], false
		}
	}
	return 0, true
}

// Last is the newest sample; Blind when there is none that counts.
func (g *Gate) Last(now time.Time) Sample {
	if g.stale(now) {
		return Blind()
	}
	return g.last
}

func (g *Gate) String() string {
	text := "gate open"
	for i, l := range g.latches {
		if l.closed {
			text = "gate closed for " + causes[i].String()
			break
		}
	}
	return fmt.Sprintf("%s; %v", text, g.last)
}
