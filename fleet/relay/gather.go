// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// asked is a report that waits, or is on its way.
type asked struct {
	peer   string
	number uint64
	report []byte
}

// Gatherer is the side of a super-peer. Whoever is asked gathers; whether it is the super-peer is for those who ask to say.
type Gatherer struct {
	outbox
	waiting []asked // one of each host
	bytes   int     // of them
	since   time.Time
	under   []asked // way to the hub; nil: no batch is
	number  uint64
	rnd     *rand.Rand
	next    time.Time // beat
}

// NewGatherer has nothing. Its beats differ from those of others with another seed.
func NewGatherer(seed uint64) *Gatherer {
	return &Gatherer{rnd: rand.New(rand.NewPCG(seed, 0x67617468))}
}

// Said: a host of the location, maybe this one, reports. A newer report of one host takes the place of its older one, which it follows:
// its sender has given that up.
func (g *Gatherer) Said(now time.Time, peer string, number uint64, report []byte) {
	at := len(g.waiting)
	bytes := g.bytes + len(report)
	for i, a := range g.waiting {
		if a.peer == peer {
			at, bytes = i, bytes-len(a.report)
		}
	}
	if len(report) > MaxReport || bytes > MaxBatch || at == MaxReports {
		g.outbox = append(g.outbox, Refuse{peer, number})
		return
	}
	if at == len(g.waiting) {
		g.waiting = append(g.waiting, asked{})
	}
	if len(g.waiting) == 1 {
		g.since = now
	}
	g.waiting[at] = asked{peer, number, report}
	g.bytes = bytes
	g.Advance(now)
}

// Advance lets time pass.
func (g *Gatherer) Advance(now time.Time) {
	if len(g.waiting) == 0 || g.under != nil || now.Before(g.since.Add(gatherFor)) && len(g.waiting) < MaxReports && g.bytes < MaxBatch/2 {
		return
	}
	g.number++
	b := Batch{Number: g.number}
	for _, a := range g.waiting {
		b.Reports = append(b.Reports, a.report)
	}
	g.under, g.waiting, g.bytes = g.waiting, nil, 0
	g.outbox = append(g.outbox, b)
}

// Deadline is when to call Advance; zero: not before something happens.
func (g *Gatherer) Deadline() time.Time {
	if len(g.waiting) == 0 || g.under != nil {
		return time.Time{}
	}
	return g.since.Add(gatherFor)
}

// Answered: the hub answered a batch, in the order of its reports; an empty reply is none for that report.
func (g *Gatherer) Answered(now time.Time, number uint64, replies [][]byte) {
	if g.under == nil || number != g.number {
		return
	}
	if !now.Before(g.next) {
		g.next = now.Add(beat + time.Duration(g.rnd.Int64N(int64(beat/4))))
	}
	for i, a := range g.under {
		if i < len(replies) && len(replies[i]) > 0 {
			g.outbox = append(g.outbox, Answer{a.peer, a.number, replies[i], g.next.Sub(now)})
		} else {
			g.outbox = append(g.outbox, Refuse{a.peer, a.number})
		}
	}
	g.under = nil
	g.Advance(now)
}

// Failed: the hub could not be asked. All who reported hear so at once, those who wait too, rather than when their patience ends.
func (g *Gatherer) Failed(number uint64) {
	if g.under == nil || number != g.number {
		return
	}
	for _, a := range append(g.under, g.waiting...) {
		g.outbox = append(g.outbox, Refuse{a.peer, a.number})
	}
	g.under, g.waiting, g.bytes = nil, nil, 0
}

func (g *Gatherer) String() string {
	return fmt.Sprintf("gathers %d reports of %d bytes; %d on their way", len(g.waiting), g.bytes, len(g.under))
}
