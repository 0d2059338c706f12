// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// A plan says when transfers begin.
type plan interface {
	// due is when it wants to act next; sim.Never: not before a transfer ends.
	due() time.Duration
	act(now time.Duration, t *Transfers)
	// ended is called when a transfer is over. The slot is the plan's still.
	ended(now time.Duration, slot int32, t *Transfers)
}

// Transfers are connections that share one flow of the world, as the sending end. Which connection a packet belongs to stands in the upper
// bits of its Number. A connection that is over leaves its slot to the next: numbers go on, so that stragglers harm nobody.
type Transfers struct {
	cfg     Config // of every connection
	plan    plan
	slots   []*Sender
	active  []bool
	began   []time.Duration // of the transfer in each slot
	bytes   []int64
	free    []int32
	ready   []int32 // may have something to send
	alarms  alarms
	running int
	over    []Completion
}

// A Completion is a transfer that has ended.
type Completion struct {
	Start    time.Duration
	Bytes    int64
	Duration time.Duration // until the last acknowledgement has come: with the request's way, what the other end sees
}

func newTransfers(c Config, p plan) (*Transfers, *Receivers) {
	t := &Transfers{cfg: c, plan: p, over: make([]Completion, 0, 1024)}
	t.cfg.Start, t.cfg.Stop, t.cfg.Bytes = 0, 0, 0
	return t, &Receivers{}
}

// Completions are the transfers that have ended, in this order.
func (t *Transfers) Completions() []Completion { return t.over }

// Running is how many transfers have begun and not ended.
func (t *Transfers) Running() int { return t.running }

// Retransmissions is how many packets carried a segment that had been sent before.
func (t *Transfers) Retransmissions() (n int64) {
	for _, s := range t.slots {
		n += s.retransmissions
	}
	return n
}

// Times are the durations of those that began between two moments, sorted.
func Times(all []Completion, from, to time.Duration) []time.Duration {
	var v []time.Duration
	for _, c := range all {
		if c.Start >= from && c.Start < to {
			v = append(v, c.Duration)
		}
	}
	slices.Sort(v)
	return v
}

// slot is one that is free.
func (t *Transfers) slot() int32 {
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		return i
	}
	i := int32(len(t.slots))
	c := t.cfg
	c.Seed += uint64(i)
	s := newSender(c)
	s.slot = uint64(i)
	t.slots = append(t.slots, s)
	t.active, t.began, t.bytes = append(t.active, false), append(t.began, 0), append(t.bytes, 0)
	t.alarms.add()
	return i
}

// connect makes a slot a new connection.
func (t *Transfers) connect(slot int32) { t.slots[slot].restart() }

// begin begins a transfer on the connection in a slot; 0 bytes: one that end ends.
func (t *Transfers) begin(start time.Duration, slot int32, bytes int64) {
	s := t.slots[slot]
	if bytes > 0 {
		s.begin(bytes)
	} else {
		s.endless()
	}
	t.active[slot], t.began[slot], t.bytes[slot] = true, start, bytes
	t.running++
	t.ready = append(t.ready, slot)
}

// end lets an endless transfer end.
func (t *Transfers) end(slot int32) {
	s := t.slots[slot]
	t.bytes[slot] = int64(s.seq-min(s.first, s.seq)) * Payload
	s.end, s.unit = max(s.seq, s.first), 0
}

// Deliver takes an acknowledgement.
func (t *Transfers) Deliver(now time.Duration, p *sim.Packet) {
	i := int32(p.Number >> numberShift)
	if !t.active[i] {
		return
	}
	t.slots[i].Deliver(now, p)
	t.settle(now, i)
}

// settle finds whether a transfer is over, and has the slot looked at.
func (t *Transfers) settle(now time.Duration, i int32) {
	s := t.slots[i]
	if s.cum >= s.end && t.active[i] {
		t.active[i] = false
		t.running--
		t.over = append(t.over, Completion{Start: t.began[i], Bytes: t.bytes[i], Duration: now - t.began[i]})
		t.alarms.set(i, sim.Never)
		t.plan.ended(now, i, t)
		return
	}
	t.ready = append(t.ready, i)
}

// Advance lets connections and the plan act.
func (t *Transfers) Advance(now time.Duration) {
	for {
		i, at := t.alarms.earliest()
		if at > now {
			break
		}
		t.slots[i].Advance(now)
		t.alarms.set(i, sim.Never) // until Take has seen it
		t.ready = append(t.ready, i)
	}
	for t.plan.due() <= now {
		t.plan.act(now, t)
	}
}

// Take gives the next packet of any connection.
func (t *Transfers) Take(now time.Duration, p *sim.Packet) bool {
	for n := len(t.ready); n > 0; n = len(t.ready) {
		i := t.ready[n-1]
		if t.active[i] && t.slots[i].Take(now, p) {
			return true
		}
		t.ready = t.ready[:n-1]
		if t.active[i] {
			t.alarms.set(i, t.slots[i].Deadline())
		}
	}
	return false
}

// Deadline is the earliest of all connections and the plan.
func (t *Transfers) Deadline() time.Duration {
	_, at := t.alarms.earliest()
	return min(at, t.plan.due())
}

// Receivers are the other ends of Transfers.
type Receivers struct {
	slots     []*Receiver
	ready     []int32
	alarms    alarms
	delivered int64
}

// Delivered is how many bytes of payload have arrived, each counted once.
func (r *Receivers) Delivered() int64 { return r.delivered }

// Deliver takes a packet of data.
func (r *Receivers) Deliver(now time.Duration, p *sim.Packet) {
	i := int32(p.Number >> numberShift)
	for int(i) >= len(r.slots) {
		r.slots = append(r.slots, &Receiver{slot: uint64(len(r.slots))})
		r.alarms.add()
	}
	s := r.slots[i]
	before := s.delivered
	s.Deliver(now, p)
	r.delivered += s.delivered - before
	r.ready = append(r.ready, i)
}

// Advance sends the acknowledgements that were delayed.
func (r *Receivers) Advance(now time.Duration) {
	for {
		i, at := r.alarms.earliest()
		if at > now {
			return
		}
		r.slots[i].Advance(now)
		r.alarms.set(i, sim.Never)
		r.ready = append(r.ready, i)
	}
}

// Take gives the next acknowledgement.
func (r *Receivers) Take(now time.Duration, p *sim.Packet) bool {
	for n := len(r.ready); n > 0; n = len(r.ready) {
		i := r.ready[n-1]
		if r.slots[i].Take(now, p) {
			return true
		}
		r.ready = r.ready[:n-1]
		r.alarms.set(i, r.slots[i].Deadline())
	}
	return false
}

// Deadline is when an acknowledgement cannot be delayed any more.
func (r *Receivers) Deadline() time.Duration {
	_, at := r.alarms.earliest()
	return at
}

// alarms are the deadlines of many, and which of them is the earliest. That one seldom is the one that changes.
type alarms struct {
	at    []time.Duration
	first int32
}

func (a *alarms) add() { a.at = append(a.at, sim.Never) }

func (a *alarms) earliest() (int32, time.Duration) {
	if len(a.at) == 0 {
		return 0, sim.Never
	}
	return a.first, a.at[a.first]
}

func (a *alarms) set(i int32, at time.Duration) {
	later := at > a.at[i]
	a.at[i] = at
	switch {
	case at < a.at[a.first]:
		a.first = i
	case i == a.first && later:
		for j, d := range a.at {
			if d < a.at[a.first] {
				a.first = int32(j)
			}
		}
	}
}
