// SPDX-License-Identifier: Apache-2.0

// Package budget keeps this host to its part of what all hosts of its location together may send to other locations, and receive from them.
//
// # Words
//
// The budget is what the location may use, in each direction; it is configured, and the same on all its hosts. A lease is this host's part for
// a second (ledbat/group, which says how leases are granted, fenced and lost). Hosts take part that have said so in their hello.
//
// # Algorithm
//
// A host asks for all when its lease has held it back within the last second, or when it has made use of most of it; otherwise for twice what
// it used, and for a 64th at least, so that what it says can leave.
//
// # What is not promised
//
// The hosts must hear one another: a host keeps conversations with up to 16 neighbours, so the budget of a larger location may be exceeded. So
// may it while a host is known to some and not to others, by their floors (budget / hosts); and on the way down for as long as a lowered
// rate needs to reach the senders.
package budget

import (
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/transfer"
)

// Config is the location's budget in bytes a second; 0: none in that direction.
type Config struct{ Up, Down float64 }

// Any says whether there is a budget at all.
func (c Config) Any() bool { return c.Up > 0 || c.Down > 0 }

func (c Config) of(d transfer.Direction) float64 {
	if d == transfer.Upwards {
		return c.Up
	}
	return c.Down
}

// An Action is a Tell or a Use.
type Action interface{ action() }

// Tell says something to a neighbour.
type Tell struct {
	Peer    string
	Message transfer.Budget
}

// Use says what this host may use from now on, in bytes a second.
type Use struct {
	Direction transfer.Direction
	Rate      float64
}

func (Tell) action() {}
func (Use) action()  {}

// Share is one host's part of its location's budget. Its protocol: Joined, Left, Used and HeldBack when something happened, Deliver for each
// message, Advance when Deadline has come, and Take after each until it has no more.
type Share struct {
	self  string
	peers []group.Host // that take part, sorted
	halves
	out []Action
}

type halves []*half

// New is the part of a host that knows of no other yet. The error wraps group.ErrBudget.
func New(now time.Time, self string, c Config) (*Share, error) {
	s := &Share{self: self}
	for _, d := range []transfer.Direction{transfer.Upwards, transfer.Downwards} {
		if c.of(d) == 0 {
			continue
		}
		n, err := group.NewNode(now, group.Host(self), c.of(d))
		if err != nil {
			return nil, fmt.Errorf("the location's budget %v: %w", d, err)
		}
		s.halves = append(s.halves, &half{direction: d, node: n, budget: c.of(d), told: -1, slotAt: now})
	}
	s.settle(now)
	return s, nil
}

// Joined: a neighbour takes part.
func (s *Share) Joined(now time.Time, peer string) {
	if i, found := slices.BinarySearch(s.peers, group.Host(peer)); !found {
		s.peers = slices.Insert(s.peers, i, group.Host(peer))
		s.known(now)
	}
}

// Left: a neighbour is gone.
func (s *Share) Left(now time.Time, peer string) {
	if i, found := slices.BinarySearch(s.peers, group.Host(peer)); found {
		s.peers = slices.Delete(s.peers, i, i+1)
		s.known(now)
	}
}

func (s *Share) known(now time.Time) {
	for _, h := range s.halves {
		h.node.Known(now, s.peers)
	}
	s.settle(now)
}

// Used: so many bytes went in that direction since it was last said.
func (s *Share) Used(now time.Time, d transfer.Direction, bytes int64) {
	if h := s.half(d); h != nil {
		h.used(now, bytes)
	}
}

// HeldBack: more would have gone in that direction but for the lease.
func (s *Share) HeldBack(now time.Time, d transfer.Direction) {
	if h := s.half(d); h != nil {
		h.hungry = now
	}
}

func (s *Share) half(d transfer.Direction) *half {
	for _, h := range s.halves {
		if h.direction == d {
			return h
		}
	}
	return nil
}

// Deliver takes what a neighbour said. What it may not say is nothing.
func (s *Share) Deliver(now time.Time, from string, m transfer.Budget) {
	if h := s.half(m.Direction); h != nil {
		h.wants(now)
		h.node.Deliver(now, group.Message{Kind: group.Kind(m.Kind), From: group.Host(from), To: group.Host(s.self),
			Epoch: group.Epoch{Number: m.Epoch, Host: group.Host(m.Coordinator)}, Seq: m.Seq, Number: m.Number, Rate: float64(m.Rate),
			Weight: int(m.Weight), For: m.Life})
		s.settle(now)
	}
}

// Advance lets time pass.
func (s *Share) Advance(now time.Time) {
	for _, h := range s.halves {
		h.wants(now)
		h.node.Advance(now)
	}
	s.settle(now)
}

// Deadline is when Advance wants to be called; zero: never, there is no budget.
func (s *Share) Deadline() (next time.Time) {
	for _, h := range s.halves {
		if d := h.node.Deadline(); next.IsZero() || d.Before(next) {
			next = d
		}
	}
	return next
}

// settle collects what follows.
func (s *Share) settle(now time.Time) {
	for _, h := range s.halves {
		for m, ok := h.node.Take(); ok; m, ok = h.node.Take() {
			s.out = append(s.out, Tell{Peer: string(m.To), Message: transfer.Budget{Direction: h.direction, Kind: transfer.BudgetKind(m.Kind),
				Epoch: m.Epoch.Number, Coordinator: string(m.Epoch.Host), Seq: m.Seq, Number: m.Number, Rate: uint64(m.Rate),
				Weight: uint8(m.Weight), Life: m.For}})
		}
		if rate := h.node.Rate(now); rate != h.told {
			h.told = rate
			s.out = append(s.out, Use{h.direction, rate})
		}
	}
}

// Take returns the next thing to do.
func (s *Share) Take() (Action, bool) {
	if len(s.out) == 0 {
		return nil, false
	}
	a := s.out[0]
	s.out = s.out[1:]
	return a, true
}

// State is one direction of a Share, for people.
type State struct {
	Direction transfer.Direction
	Budget    float64 // bytes a second
	Rate      float64 // of it this host may use now
	Tight     bool    // it would use more
	Line      string  // all of it
}

// States is both directions that have a budget.
func (s *Share) States(now time.Time) []State {
	list := make([]State, 0, len(s.halves))
	for _, h := range s.halves {
		list = append(list, State{Direction: h.direction, Budget: h.budget, Rate: h.node.Rate(now), Tight: h.tight(now), Line: h.node.String()})
	}
	return list
}
