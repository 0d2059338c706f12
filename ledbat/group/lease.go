// SPDX-License-Identifier: Apache-2.0

package group

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// Beat is how often a coordinator is heard of, and every lease renewed.
	Beat = 200 * time.Millisecond
	// TTL is how long a lease holds at most, counted by its holder from the moment at which it asked.
	TTL = time.Second
	// After 2 missed beats, and a little for the way, the next coordinator begins.
	patience = 2*Beat + Beat/4
	// How much later each further one begins, so that one is enough.
	stagger = 2 * Beat
	// A coordinator grants only while a majority has answered a beat that is no older than this.
	fresh = 2 * Beat
	// What clocks may go wrong by, in a lease's time: 2 %.
	margin = TTL / 50
	// When a coordinator has its majority, no older one can grant after fresh, and what it granted has run out after TTL.
	takeover = fresh + TTL + 2*margin
	// How long after its lease a host that had less than its floor waits before it uses the floor, so that the coordinator, who
	// counts from the grant, could take it back from the others.
	floorAfter = fresh + TTL + 3*margin
	// An epoch that is so much ahead is a lie.
	epochJump = 1 << 32
	// Weights are 1 to this.
	maxWeight = 100
)

// A Host is the name of a host of the location.
type Host string

// An Epoch numbers coordinatorships, and fences the earlier ones off. Two hosts may take the same number; the name decides.
type Epoch struct {
	Number uint64
	Host   Host // the coordinator
}

// before says whether e is older than f.
func (e Epoch) before(f Epoch) bool {
	return cmp.Or(cmp.Compare(e.Number, f.Number), cmp.Compare(e.Host, f.Host)) < 0
}

// String is like "3 by shop-7".
func (e Epoch) String() string {
	if e.Host == "" {
		return "none"
	}
	return fmt.Sprintf("%d by %s", e.Number, e.Host)
}

// Kind says what a message is.
type Kind uint8

const (
	Beating  Kind = iota // coordinator to host: I am here; answer with Asking
	Asking               // host to coordinator: I could use Rate; the last grant I took has Number
	Granting             // coordinator to host: use Rate, from when you asked in answer to beat Seq, for For
	Took                 // host to coordinator: I use the grant of that Number and no earlier one
)

func (k Kind) String() string { return [...]string{"beat", "ask", "grant", "took"}[k] }

// A Message is what hosts tell one another. There is no time of day in it: clocks need not agree.
type Message struct {
	Kind     Kind
	From, To Host
	Epoch    Epoch
	Seq      uint64        // of the beat that this is, answers, or goes back to
	Number   uint64        // of the grant
	Rate     float64       // bytes a second
	Weight   int           // Asking: of the host's claim
	For      time.Duration // Granting
}

// String is the message in one line.
func (m Message) String() string {
	s := fmt.Sprintf("%s > %s %v, epoch %v, beat %d", m.From, m.To, m.Kind, m.Epoch, m.Seq)
	switch m.Kind {
	case Asking:
		s += fmt.Sprintf(": wants %.0f B/s, weight %d, has grant %d", m.Rate, m.Weight, m.Number)
	case Granting:
		s += fmt.Sprintf(": grant %d, %.0f B/s for %v", m.Number, m.Rate, m.For)
	case Took:
		s += fmt.Sprintf(": grant %d", m.Number)
	}
	return s
}

// ErrBudget is what NewNode answers to a budget that is none.
var ErrBudget = errors.New("group: bad budget")

// A Node is one host's part in sharing the budget of its location: it holds a lease, and coordinates when it is its turn.
//
// # The calling protocol
//
// Known and Want whenever they change, Deliver for each message that arrives, Advance when Deadline has come; after each of them
// Take until it answers false, and send what it gives. Messages may be lost, late, twice, or in another order. Rate is
// what the host may use now.
//
// # The algorithm
//
// The coordinator sends a beat to every known host each 200 ms. A host answers at once with what it could use; the answer brings a
// grant for a second. The lease counts from the answer at the host, and from the grant at the coordinator, which is later; so
// a host stops before its coordinator may give its part to somebody else, whatever the messages' delays and the clocks' offsets.
// A coordinator counts the largest grant that a host may still be using, until the host says that it took a smaller one or until
// it has run out; it never lets these exceed the budget. Who has a lease of this epoch is
// bound by it; who has none may use its floor, budget / known hosts, which is kept free for it.
//
// The budget is divided by demand: nobody gets more than it wants, and what is left over goes to the others in equal parts by
// weight (max-min fairness).
//
// When a coordinator dies its hosts halve their rates with each renewal that they miss, down to the floor (or to what they had, if
// that was less). After two missed beats the next host by rendezvous hash begins an epoch. It grants nothing before a
// majority of the known hosts has answered it, because two majorities share a host, and that one answers only the newer; and
// then not before the last lease that the old one can have granted has run out.
//
// # What is not promised
//
//   - The budget is kept if the hosts agree on who is known. Where they do not, floors may add up to more.
//   - A host that is known and silent keeps its floor. Whoever knows that it is gone calls Known without it.
//   - A host that lies about demand gets up to its fair part, and no more than that where others want theirs; one that ignores
//     its lease is not stopped.
//   - Half of the hosts and fewer have no coordinator: they stay at their floors.
type Node struct {
	self   Host
	budget float64 // bytes a second
	known  []Host  // sorted; self is always among them
	begun  time.Time
	now    time.Time

	epoch Epoch     // the newest that was heard of; older ones are fenced off
	heard time.Time // when its coordinator was last heard

	holder      holder
	coordinator coordinator
	out         []Message
	taken       int // of out
}

// NewNode makes the part of a host in a location with a budget in bytes a second.
func NewNode(now time.Time, self Host, budget float64) (*Node, error) {
	if !(budget > 0) || math.IsInf(budget, 0) {
		return nil, fmt.Errorf("%w: %v bytes a second, must be above 0 and finite", ErrBudget, budget)
	}
	if self == "" {
		return nil, fmt.Errorf("%w: the host has no name", ErrBudget)
	}
	n := &Node{self: self, budget: budget, known: []Host{self}, begun: now, now: now, heard: now}
	n.holder.until = now // as if a lease of nothing had just run out
	return n, nil
}

// Known says which hosts the location has, this one or not among them.
func (n *Node) Known(now time.Time, hosts []Host) {
	known := append(slices.Clone(hosts), n.self)
	slices.Sort(known)
	n.known = slices.Compact(known)
	n.coordinator.forget(n.known)
	n.Advance(now)
}

// Want says what the host could use, in bytes a second, and the weight of its claim.
func (n *Node) Want(rate float64, weight int) {
	n.holder.wants, n.holder.weight = clampRate(rate, n.budget), clampWeight(weight)
}

// clampRate takes what makes no sense for 0, and more than all for all.
func clampRate(rate, budget float64) float64 {
	if !(rate > 0) {
		return 0
	}
	return min(rate, budget)
}

func clampWeight(weight int) int { return min(max(weight, 1), maxWeight) }

// floor is what a host may use without a lease.
func (n *Node) floor() float64 { return n.budget / float64(len(n.known)) }

func (n *Node) knows(h Host) bool {
	_, found := slices.BinarySearch(n.known, h)
	return found
}

// Rate is what the host may use now, in bytes a second.
func (n *Node) Rate(now time.Time) float64 { return n.holder.rate(now, n.floor()) }

// Coordinates says whether this host is the coordinator, as far as it knows.
func (n *Node) Coordinates() bool { return n.coordinator.acting }

// Deliver takes a message in. One from a host that is not known, or of an epoch that is over, is nothing.
func (n *Node) Deliver(now time.Time, m Message) {
	now = n.pass(now)
	if m.To != n.self || !n.knows(m.From) || m.Epoch.Number > n.epoch.Number+epochJump {
		return
	}
	switch m.Kind {
	case Beating, Granting:
		if m.From != m.Epoch.Host || m.Epoch.before(n.epoch) {
			return
		}
		if m.Kind == Beating {
			n.beaten(now, m)
		} else if m.Epoch == n.epoch {
			if took, ok := n.holder.granted(m, n.budget); ok {
				n.send(now, took)
			}
		}
	case Asking, Took:
		if n.coordinator.acting && m.Epoch == n.epoch {
			n.coordinator.deliver(n, m)
		}
	}
}

// beaten answers a beat.
func (n *Node) beaten(now time.Time, m Message) {
	if n.epoch.before(m.Epoch) {
		n.epoch = m.Epoch
		n.coordinator.acting = m.Epoch.Host == n.self
		n.holder.fenced()
	}
	n.heard = now
	// Who has just begun may have forgotten a newer epoch that it promised itself to: it listens first.
	if now.Sub(n.begun) < patience && m.From != n.self {
		return
	}
	if ask, ok := n.holder.asks(now, m); ok {
		n.send(now, ask)
	}
}

// send puts a message out; one to this host is delivered at once.
func (n *Node) send(now time.Time, m Message) {
	if m.From = n.self; m.To == n.self {
		n.Deliver(now, m)
		return
	}
	n.out = append(n.out, m)
}

// Take gives the next message to send.
func (n *Node) Take() (Message, bool) {
	if n.taken == len(n.out) {
		n.out, n.taken = n.out[:0], 0
		return Message{}, false
	}
	n.taken++
	return n.out[n.taken-1], true
}

// pass lets time pass; it never goes back.
func (n *Node) pass(now time.Time) time.Time {
	if now.After(n.now) {
		n.now = now
	}
	return n.now
}

// Advance begins to coordinate when it is time, and beats.
func (n *Node) Advance(now time.Time) {
	now = n.pass(now)
	if !n.coordinator.acting && !now.Before(n.turn()) {
		n.epoch = Epoch{Number: n.epoch.Number + 1, Host: n.self}
		n.holder.fenced()
		n.coordinator = coordinator{acting: true, beatAt: now}
	}
	if n.coordinator.acting && !now.Before(n.coordinator.beatAt) {
		n.coordinator.beat(n, now)
	}
}

// turn is when this host begins to coordinate if nothing is heard.
func (n *Node) turn() time.Time {
	return n.heard.Add(patience + time.Duration(n.place())*stagger)
}

// place is how many hosts come before this one by rendezvous hash, the present coordinator aside.
func (n *Node) place() int {
	place, own := 0, score(n.self)
	for _, h := range n.known {
		if s := score(h); h != n.self && h != n.epoch.Host && (s > own || s == own && h > n.self) {
			place++
		}
	}
	return place
}

// score is a host's rendezvous hash. (Thaler and Ravishankar, "Using name-based mappings to increase hit rates")
func score(h Host) uint64 {
	f := fnv.New64a()
	f.Write([]byte("coordinator\x00"))
	f.Write([]byte(h))
	// FNV leaves the upper bits of similar names alike; this spreads them.
	x := f.Sum64()
	x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	return x ^ x>>29
}

// Deadline is when Advance wants to be called, and Rate may be another.
func (n *Node) Deadline() time.Time {
	next := n.turn()
	if n.coordinator.acting {
		next = n.coordinator.beatAt
	}
	return sooner(next, n.holder.changes(n.now))
}

// String is the state in one line.
func (n *Node) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %d hosts, epoch %v: may use %.0f B/s (%v)", n.self, len(n.known), n.epoch, n.Rate(n.now), &n.holder)
	if n.coordinator.acting {
		fmt.Fprintf(&b, "; coordinating, %v", &n.coordinator)
	}
	return b.String()
}
