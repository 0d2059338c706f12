// SPDX-License-Identifier: Apache-2.0

package relay

import (
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
	last     map[string]time.Time // when the hub heard of each
	gap      time.Duration        // the longest in which it heard nothing of one
	calm     bool                 // hosts have nothing urgent to say, and report every ten seconds or when they are asked to
}

type till struct {
	name     string
	up       bool
	deaf     bool // hears nobody, and nobody sees that
	count    uint64
	hosts    []string // that are there and can relay
	report   []byte   // under way
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
	s := &shop{now: noon, rnd: rand.New(rand.NewPCG(seed, 1)), heard: map[string]uint64{}, last: map[string]time.Time{}}
	for i := range n {
		name := fmt.Sprintf("%016x", i)
		s.hosts = append(s.hosts, &till{name: name, up: true, sender: &Sender{}, gatherer: NewGatherer(uint64(i)),
			next: noon.Add(time.Duration(s.rnd.IntN(2000)) * time.Millisecond)})
	}
	s.known()
	return s
}

func (s *shop) known() {
	for _, h := range s.hosts {
		h.hosts = nil
		for _, o := range s.hosts {
			if o.up {
				h.hosts = append(h.hosts, o.name)
			} else {
				h.sender.Gone(s.now, o.name)
			}
		}
	}
}

// by is through whom a host reports now.
func (s *shop) by(h *till) string { return h.sender.Through(s.now, Elect("berlin", h.name, h.hosts)) }

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
		if last, ok := s.last[name]; ok {
			s.gap = max(s.gap, s.now.Sub(last))
		}
		s.last[name] = s.now
		replies = append(replies, []byte(fmt.Sprint(s.heard[name])))
	}
	return replies
}

func (s *shop) obey(h *till) {
	for a, ok := h.sender.Take(); ok; a, ok = h.sender.Take() {
		switch a := a.(type) {
		case ToHub:
			report := h.report
			s.after(50*time.Millisecond, func() {
				if !s.hubDown {
					s.hub([][]byte{report})
				}
				h.waits = false
			})
		case ToPeer:
			report := h.report
			s.after(time.Millisecond, func() {
				if super := s.host(a.Peer); super.up && !super.deaf {
					super.gatherer.Said(s.now, h.name, a.Number, report)
				}
			})
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
			s.after(time.Millisecond, func() {
				to := s.host(a.Peer)
				if !to.sender.Answered(h.name, a.Number) {
					return
				}
				if to.waits = false; s.calm {
					to.next = s.now.Add(a.Next)
				}
			})
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
				if s.calm {
					h.next = s.now.Add(8*time.Second + time.Duration(s.rnd.IntN(4000))*time.Millisecond)
				}
				h.report = append(binary.BigEndian.AppendUint64(nil, h.count), h.name...)
				h.sender.Said(s.now, Elect("berlin", h.name, h.hosts))
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
	if s.messages < 3*9 || s.by(s.hosts[0]) != "" {
		t.Errorf("%d messages by way of %q", s.messages, s.by(s.hosts[0]))
	}
}

// The super-peer dies: whoever sees that takes the next one; one that is deaf unseen costs each host one patience now and then.
func TestTheSuperPeerIsGone(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		s := newShop(20, 2)
		s.run(10*time.Second, true)
		super := s.host(s.by(s.hosts[0]))
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
		if next := s.by(s.hosts[0]); next == super.name || deaf && next != "" && s.hosts[0] != super {
			t.Errorf("deaf is %v: still by way of %q", deaf, next)
		}
		if super.deaf = false; deaf {
			s.run(10*time.Minute, true)
			if s.by(s.hosts[0]) != super.name {
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
				h.waits, h.sender, h.gatherer = false, &Sender{}, NewGatherer(0)
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
		g, now := NewGatherer(0), noon
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
		super := Elect("berlin", hosts[0], hosts)
		if got := Elect("berlin", hosts[1], rapid.Permutation(hosts).Draw(t, "order")); got != super || super == "" {
			t.Fatalf("%q and %q", got, super)
		}
		gone := rapid.SampledFrom(hosts).Draw(t, "gone")
		rest := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return h == gone })
		if got := Elect("berlin", hosts[0], rest); gone != super && got != super || got == gone {
			t.Fatalf("%q after %q, when %q went", got, super, gone)
		}
	})
}

// A location of a thousand hosts has several super-peers, none for many more than Most.
func TestALargeLocationHasSeveral(t *testing.T) {
	var hosts []string
	for i := range 1000 {
		hosts = append(hosts, fmt.Sprintf("%016x", i))
	}
	reports := map[string]int{}
	for _, h := range hosts {
		reports[Elect("berlin", h, hosts)]++
	}
	if len(reports) != 8 {
		t.Errorf("%d super-peers", len(reports))
	}
	for super, n := range reports {
		if n > 3*Most/2 {
			t.Errorf("%d hosts report by way of %s", n, super)
		}
	}
}

// Hosts that have nothing urgent to say find into one beat: the hub hears 50 of them in a message every nine seconds.
func TestALocationFindsIntoOneBeat(t *testing.T) {
	s := newShop(50, 4)
	s.calm = true
	s.run(time.Minute, true)
	before := s.messages
	s.run(15*time.Minute, true)
	if n := s.messages - before; n > 15*60/8+1 || n < 15*60/10 {
		t.Errorf("%d messages in a quarter of an hour", n)
	}
}

// An order that is not pushed is heard with the next report: within 15 s, whenever the super-peer falls silent and whether anybody sees it.
func TestNobodyIsSilentForLong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShop(rapid.IntRange(Least, 12).Draw(t, "hosts"), rapid.Uint64().Draw(t, "seed"))
		s.calm = true
		s.run(time.Duration(rapid.IntRange(0, 40_000).Draw(t, "ms"))*time.Millisecond, true)
		super := s.host(s.by(s.hosts[0]))
		if rapid.Bool().Draw(t, "seen") {
			super.up = false
			s.known()
		}
		super.deaf = true
		s.run(time.Minute, true)
		if s.gap >= 15*time.Second {
			t.Fatalf("the hub heard nothing of a host for %v", s.gap)
		}
	})
}

func TestOnlyWhatIsWaitedForCounts(t *testing.T) {
	s := &Sender{}
	s.Said(noon, "p")
	if a, _ := s.Take(); a != (ToPeer{"p", 1}) || !s.Deadline().Equal(noon.Add(patience)) {
		t.Errorf("%+v", a)
	}
	s.Refused(noon, "p", 2)
	s.Gone(noon, "q")
	s.Directly(2)
	if s.Answered("q", 1) || s.Answered("p", 2) || s.Deadline().IsZero() {
		t.Error("somebody else answered")
	}
	if s.Directly(1); s.Answered("p", 1) || s.Through(noon, "p") != "p" {
		t.Error("what went directly is waited for, or the super-peer blamed")
	}
	if a, _ := s.Take(); a != (ToHub{}) {
		t.Errorf("%+v", a)
	}
}
