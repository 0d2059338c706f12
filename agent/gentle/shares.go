// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"maps"
	"math"
	"slices"
	"time"
)

const (
	shareEvery = time.Second // how often shares follow what the senders make of them; longer than nearly any round trip
	joinShare  = 1.0 / 64    // of the cap: what a sender begins with beside others
	leastShare = 1.0 / 16    // of the cap, or an equal part: what every sender may have
	idleTicks  = 3           // without a byte and without an open request: its share goes to the others
)

// Shares splits a download cap over those who send to us. Each is told a rate (transfer.Limit), and the rates add up to the cap: one
// is lowered at once, and raised from what was free a second ago, when those who had it have surely heard. Only a sender that joins
// others has its 64th at once.
//
// So the cap is exceeded by one burst a sender, by a 64th while a lowered rate is on its way, and by what the network bunches up. A
// sender that does not know limits is not held to anything.
type Shares struct {
	total float64
	peers map[string]*share
	tick  time.Time
	out   []Share
}

// Share is what to tell a sender: bytes a second, more than 0.
type Share struct {
	Peer string
	Rate float64
}

type share struct {
	rate float64 // as told
	got  int64   // bytes since the last tick
	open int     // requests
	idle int     // ticks
}

// NewShares splits that many bytes a second.
func NewShares(total float64) *Shares { return &Shares{total: total, peers: map[string]*share{}} }

// SetTotal changes the cap. What the senders may do together follows at once, in proportion; by how much it may grow is worth telling from a
// 20th on.
func (s *Shares) SetTotal(total float64) {
	s.total = max(total, 0)
	sum := s.sum()
	if sum <= s.total && sum > 0.95*s.total {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.peers)) {
		p := s.peers[name]
		if sum > 0 {
			s.tell(name, p, p.rate*s.total/sum)
		} else {
			s.tell(name, p, s.total/float64(len(s.peers)))
		}
	}
}

// Asked: a peer is about to be asked for something. What Take gives then must reach it first.
func (s *Shares) Asked(now time.Time, peer string) {
	p := s.peers[peer]
	if p == nil {
		p = &share{}
		s.peers[peer] = p
		s.join(now, peer, p)
	}
	p.open = max(p.open, 1)
}

// join makes room for one more.
func (s *Shares) join(now time.Time, peer string, p *share) {
	if len(s.peers) == 1 {
		s.tick = now.Add(shareEvery)
		s.tell(peer, p, s.total)
		return
	}
	free := s.total - s.sum()
	first := max(joinShare*s.total, free/2)
	if over := first - free; over > 0 {
		shrink := 1 - over/s.sum()
		for _, name := range slices.Sorted(maps.Keys(s.peers)) {
			if other := s.peers[name]; other != p {
				s.tell(name, other, other.rate*shrink)
			}
		}
	}
	s.tell(peer, p, first)
}

func (s *Shares) sum() (sum float64) {
	for _, p := range s.peers {
		sum += p.rate
	}
	return sum
}

func (s *Shares) tell(peer string, p *share, rate float64) {
	p.rate = rate
	s.out = append(s.out, Share{peer, rate})
}

// Received: so many bytes came from a peer since it was last said, and so many requests are open there.
func (s *Shares) Received(peer string, bytes int64, open int) {
	if p := s.peers[peer]; p != nil {
		p.got += max(bytes, 0)
		p.open = open
	}
}

// Lost: a peer is gone; it sends no more.
func (s *Shares) Lost(peer string) { delete(s.peers, peer) }

// Deadline is when to call Advance; zero: never.
func (s *Shares) Deadline() time.Time {
	if len(s.peers) == 0 {
		return time.Time{}
	}
	return s.tick
}

// Advance follows what the senders make of their shares.
func (s *Shares) Advance(now time.Time) {
	if len(s.peers) == 0 || now.Before(s.tick) {
		return
	}
	s.tick = now.Add(shareEvery)
	free := s.total - s.sum()
	for name, p := range s.peers {
		if p.idle++; p.got > 0 || p.open > 0 {
			p.idle = 0
		}
		if p.idle >= idleTicks {
			delete(s.peers, name)
		}
	}
	names := slices.Sorted(maps.Keys(s.peers))
	goal := s.goals(names)
	lacking := 0.0
	for i, name := range names {
		p := s.peers[name]
		p.got = 0
		lacking += max(0, goal[i]-p.rate)
	}
	for i, name := range names {
		switch p := s.peers[name]; {
		case goal[i] < p.rate*0.98:
			s.tell(name, p, goal[i])
		case goal[i] > p.rate*1.02 && free > 0:
			s.tell(name, p, p.rate+(goal[i]-p.rate)*min(1, free/lacking))
		}
	}
}

// goals fills the cap up like vessels with water: nobody gets more than a little above what it makes use of, and what is left over
// after that is split evenly.
func (s *Shares) goals(names []string) []float64 {
	goal, want := make([]float64, len(names)), make([]float64, len(names))
	least := s.total * min(leastShare, 1/float64(max(len(names), 1)))
	for i, name := range names {
		want[i] = max(least, 1.5*float64(s.peers[name].got)/shareEvery.Seconds())
	}
	left, thirsty := s.total, len(names)
	for thirsty > 0 {
		part := left / float64(thirsty)
		filled := false
		for i := range names {
			if goal[i] == 0 && want[i] <= part {
				goal[i] = want[i]
				left -= want[i]
				thirsty--
				filled = true
			}
		}
		if filled {
			continue
		}
		for i := range names {
			if goal[i] == 0 {
				goal[i] = part
			}
		}
		return goal
	}
	for i := range goal {
		goal[i] += max(0, left) / float64(len(goal))
	}
	return goal
}

// Take returns whom to tell what.
func (s *Shares) Take() (Share, bool) {
	if len(s.out) == 0 {
		return Share{}, false
	}
	x := s.out[0]
	s.out = s.out[1:]
	x.Rate = math.Floor(max(x.Rate, 1))
	return x, true
}
