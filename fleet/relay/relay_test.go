// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// shop is a location in virtual time: hosts count bytes, and report the count every two seconds. The hub keeps the greatest of each.
type shop struct {
	now      time.Time
	rnd      *rand.Rand
	hosts    []*till
	messages int // at the hub
	hubDown  bool
	heard    map[string]uint64
	mail     []letter
}

type till struct {
	name     string
	up       bool
	deaf     bool // hears nobody, and nobody sees that
	count    uint64
	sender   *Sender
	gatherer *Gatherer
	next     time.Time
	waits    bool
}

type letter struct {
	at time.Time
	do func()
}

func newShop(n int, seed uint64) *shop {
	s := &shop{now: noon, rnd: rand.New(rand.NewPCG(seed, 1)), heard: map[string]uint64{}}
	for i := range n {
		name := fmt.Sprintf("%016x", i)
		s.hosts = append(s.hosts, &till{name: name, up: true, sender: NewSender("berlin", name), gatherer: NewGatherer(),
			next: noon.Add(time.Duration(s.rnd.IntN(2000)) * time.Millisecond)})
	}
	s.known()
	return s
}

func (s *shop) known() {
	for _, h := range s.hosts {
		var others []string
		for _, o := range s.hosts {
			if o != h && o.up {
				others = append(others, o.name)
			}
		}
		h.sender.Known(s.now, others)
	}
}

func (s *shop) host(name string) *till {
	return s.hosts[slices.IndexFunc(s.hosts, func(h *till) bool { return h.name == name })]
}

func (s *shop) after(d time.Duration, do func()) { s.mail = append(s.mail, letter{s.now.Add(d), do}) }

// hub takes reports, and answers each with what it has heard.
func (s *shop) hub(reports [][]byte) [][]byte {
	s.messages++
	var replies [][]byte
	for _, r := range reports {
		name, count := string(r[8:]), binary.BigEndian.Uint64(r)
		s.heard[name] = max(s.heard[name], count)
		replies = append(replies, []byte(fmt.Sprint(s.heard[name])))
	}
	return replies
}

func (s *shop) obey(h *till) {
	for a, ok := h.sender.Take(); ok; a, ok = h.sender.Take() {
		switch a := a.(type) {
		case ToHub:
			s.after(50*time.Millisecond, func() {
				if !s.hubDown {
					s.hub([][]byte{a.Report})
				}
				h.waits = false
			})
		case ToPeer:
			s.after(time.Millisecond, func() {
				if super := s.host(a.Peer); super.up && !super.deaf {
					super.gatherer.Said(s.now, h.name, a.Number, a.Report)
				}
			})
		case Answer:
			h.waits = false
		}
	}
	for a, ok := h.gatherer.Take(); ok; a, ok = h.gatherer.Take() {
		switch a := a.(type) {
		case Batch:
			s.after(50*time.Millisecond, func() {
				if s.hubDown {
					h.gatherer.Failed(a.Number)
					return
				}
				h.gatherer.Answered(s.now, a.Number, s.hub(a.Reports))
			})
		case Answer:
			s.after(time.Millisecond, func() { s.host(a.Peer).sender.Answered(h.name, a.Number, a.Reply) })
		case Refuse:
			s.after(time.Millisecond, func() { s.host(a.Peer).sender.Refused(s.now, h.name, a.Number) })
		}
	}
}

// run lets time pass in steps of ten milliseconds; hosts count while it is before the end.
func (s *shop) run(d time.Duration, counting bool) {
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(10 * time.Millisecond) {
		due := s.mail
		s.mail = nil
		for _, l := range due {
			if s.now.Before(l.at) {
				s.mail = append(s.mail, l)
			} else {
				l.do()
			}
		}
		for _, h := range s.hosts {
			if !h.up {
				continue
			}
			if counting {
				h.count += uint64(s.rnd.IntN(5000))
			}
			if !s.now.Before(h.next) && !h.waits {
				h.next, h.waits = s.now.Add(2*time.Second), true
				h.sender.Said(s.now, append(binary.BigEndian.AppendUint64(nil, h.count), h.name...))
			}
			h.sender.Advance(s.now)
			h.gatherer.Advance(s.now)
			s.obey(h)
		}
	}
}

func (s *shop) sums() (counted, heard uint64) {
	for _, h := range s.hosts {
		if h.up {
			counted, heard = counted+h.count, heard+s.heard[h.name]
		}
	}
	return counted, heard
}

// The hub hears 50 hosts in a minute with less than a tenth of the messages, and their sums agree to the byte.
func TestTheHubHearsLocations(t *testing.T) {
	s := newShop(50, 1)
	s.run(time.Minute, true)
	s.run(5*time.Second, false)
	if counted, heard := s.sums(); counted != heard || counted == 0 {
		t.Errorf("%d bytes were counted, the hub heard of %d", counted, heard)
	}
	if direct := 50 * 32; s.messages > direct/10 {
		t.Errorf("%d messages, directly there are %d", s.messages, direct)
	}
}

// Three hosts have no super-peer.
func TestFewReportDirectly(t *testing.T) {
	s := newShop(Least-1, 1)
	s.run(20*time.Second, true)
	if s.messages < 3*9 || s.hosts[0].sender.Super(s.now) != "" {
		t.Errorf("%d messages by way of %q", s.messages, s.hosts[0].sender.Super(s.now))
	}
}

// The super-peer dies: whoever sees that takes the next one; one that is deaf unseen costs each host one patience now and then.
func TestTheSuperPeerIsGone(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		s := newShop(20, 2)
		s.run(10*time.Second, true)
		super := s.host(s.hosts[0].sender.Super(s.now))
		if deaf {
			super.deaf = true
		} else {
			super.up = false
			s.known()
		}
		s.run(7*time.Second, true)
		s.run(8*time.Second, false)
		if counted, heard := s.sums(); counted != heard {
			t.Errorf("deaf is %v: %d bytes were counted, the hub heard of %d", deaf, counted, heard)
		}
		if next := s.hosts[0].sender.Super(s.now); next == super.name || deaf && next != "" && s.hosts[0] != super {
			t.Errorf("deaf is %v: still by way of %q", deaf, next)
		}
		if super.deaf = false; deaf {
			s.run(10*time.Minute, true)
			if s.hosts[0].sender.Super(s.now) != super.name {
				t.Error("it is never tried again")
			}
		}
	}
}

// The hub is away for a while: all hear so soon, and afterwards nothing is missing.
func TestTheHubIsAway(t *testing.T) {
	s := newShop(30, 3)
	s.run(10*time.Second, true)
	s.hubDown = true
	s.run(30*time.Second, true)
	s.hubDown = false
	s.run(10*time.Second, false)
	if counted, heard := s.sums(); counted != heard {
		t.Errorf("%d bytes were counted, the hub heard of %d", counted, heard)
	}
}

// Whatever dies and comes back, the sums agree in the end, and no gatherer ever holds more than its bounds.
func TestSumsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShop(rapid.IntRange(1, 12).Draw(t, "hosts"), rapid.Uint64().Draw(t, "seed"))
		for range rapid.IntRange(0, 6).Draw(t, "events") {
			s.run(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms"))*time.Millisecond, true)
			h := s.hosts[rapid.IntRange(0, len(s.hosts)-1).Draw(t, "host")]
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				h.up = !h.up
				h.waits, h.sender, h.gatherer = false, NewSender("berlin", h.name), NewGatherer()
				s.known()
			case 1:
				h.deaf = !h.deaf
			case 2:
				s.hubDown = !s.hubDown
			}
		}
		s.hubDown = false
		s.run(12*time.Second, false)
		if counted, heard := s.sums(); counted != heard {
			t.Fatalf("%d bytes were counted, the hub heard of %d", counted, heard)
		}
	})
}

func TestAGathererIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, now := NewGatherer(), noon
		open := map[string]uint64{}
		for i := range rapid.IntRange(0, 200).Draw(t, "reports") {
			peer := fmt.Sprint(rapid.IntRange(0, 400).Draw(t, "peer"))
			n := rapid.SampledFrom([]int{1, 5000, MaxReport, MaxReport + 1}).Draw(t, "bytes")
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "ms")) * time.Millisecond)
			open[peer] = uint64(i)
			g.Said(now, peer, uint64(i), make([]byte, n))
			if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
				g.Failed(g.number)
			}
			sum := 0
			for _, a := range g.waiting {
				sum += len(a.report)
			}
			if sum != g.bytes || sum > MaxBatch || len(g.waiting) > MaxReports {
				t.Fatal(g)
			}
		}
		for range 3 {
			g.Advance(now.Add(time.Hour))
			g.Answered(now, g.number, nil)
		}
		for a, ok := g.Take(); ok; a, ok = g.Take() {
			if r, is := a.(Refuse); is && open[r.Peer] == r.Number {
				delete(open, r.Peer)
			}
		}
		if len(open) > 0 {
			t.Fatalf("%d hosts never hear what came of their last report", len(open))
		}
	})
}

// All elect the same host, whatever the order; when one goes, only those who had elected it elect another.
func TestElect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := rapid.SliceOfNDistinct(rapid.StringMatching("[0-9a-f]{16}"), Least+1, 20, rapid.ID).Draw(t, "hosts")
		super := Elect("berlin", hosts)
		if got := Elect("berlin", rapid.Permutation(hosts).Draw(t, "order")); got != super || super == "" {
			t.Fatalf("%q and %q", got, super)
		}
		gone := rapid.SampledFrom(hosts).Draw(t, "gone")
		rest := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return h == gone })
		if got := Elect("berlin", rest); gone != super && got != super || got == gone {
			t.Fatalf("%q after %q, when %q went", got, super, gone)
		}
	})
}

func TestAReportThatIsTooLongGoesDirectly(t *testing.T) {
	s := newShop(10, 4)
	h := s.hosts[0]
	h.sender.Said(s.now, make([]byte, MaxReport+1))
	if a, _ := h.sender.Take(); len(a.(ToHub).Report) != MaxReport+1 || !h.sender.Deadline().IsZero() {
		t.Errorf("%T", a)
	}
	h.sender.Said(s.now, []byte("x"))
	a, _ := h.sender.Take()
	if x := a.(ToPeer); !bytes.Equal(x.Report, []byte("x")) || !h.sender.Deadline().Equal(s.now.Add(patience)) {
		t.Errorf("%+v", x)
	}
	if h.sender.Answered("somebody", 1, nil); h.sender.Deadline().IsZero() {
		t.Error("somebody else answered")
	}
}
