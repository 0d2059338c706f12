// SPDX-License-Identifier: Apache-2.0

package discovery

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// story drives a finder: it takes what is to be done until the deadline, and lets time pass.
type story struct {
	t   *testing.T
	now time.Time
	f   *Finder
}

func tell(t *testing.T, c Config) *story { return &story{t: t, now: epoch, f: New(c)} }

// within lets d pass and returns what was to be done in it, at most once every millisecond.
func (s *story) within(d time.Duration) (asks int, dials []Dial) {
	end := s.now.Add(d)
	for {
		for a, ok := s.f.Take(s.now); ok; a, ok = s.f.Take(s.now) {
			switch a := a.(type) {
			case Ask:
				asks++
			case Dial:
				dials = append(dials, a)
			}
		}
		at := s.f.Deadline()
		if at.IsZero() || at.After(end) {
			s.now = end
			return asks, dials
		}
		s.now = later(at, s.now.Add(time.Millisecond))
	}
}

func hint(n int) Hint {
	return Hint{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 8733), TLS: 8733}
}

// Nobody is looked for while the hub tells of enough neighbours.
func TestNothingIsDoneUnlessSomebodyIsWanted(t *testing.T) {
	s := tell(t, Config{Static: []string{"shop:8733"}, Multicast: true})
	s.f.Heard(s.now, hint(1))
	if asks, dials := s.within(time.Hour); asks+len(dials) > 0 || !s.f.Deadline().IsZero() {
		t.Errorf("%d questions, %v dialled, %v", asks, dials, s.f)
	}
	// The hub is there, but its hosts are not: what the operator wrote down is tried, and the network is left in peace.
	s.f.Wanted(s.now, Want{Anybody: true})
	asks, dials := s.within(time.Second)
	if asks > 0 || len(dials) != 1 || dials[0] != (Dial{Where: "shop:8733"}) {
		t.Errorf("%d questions, %v dialled", asks, dials)
	}
}

// A location that has lost its hub finds itself.
func TestALocationFindsItself(t *testing.T) {
	s := tell(t, Config{Multicast: true, Seed: 3})
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	if asks, _ := s.within(time.Second); asks != 1 {
		t.Fatalf("%d questions in the first second", asks)
	}
	s.f.Heard(s.now, hint(1))
	s.f.Heard(s.now, hint(1)) // over another interface, too
	s.f.Heard(s.now, hint(2))
	s.f.Asked(s.now, "")
	_, dials := s.within(time.Second)
	if len(dials) != 2 || dials[0].TLS != 8733 {
		t.Fatalf("dialled %v", dials)
	}
	s.f.Answered(s.now, dials[0].Where, "b", true)
	s.f.Present(s.now, "b", true)
	s.f.Missed(s.now, dials[1].Where)
	// Who is there is not looked for again, however often it is heard. Who is not is tried again, and then forgotten.
	_, again := s.within(10 * time.Second)
	for _, d := range again {
		if d.Where != dials[1].Where {
			t.Errorf("dialled %v, who is there", d)
		}
		s.f.Missed(s.now, d.Where)
	}
	s.within(10 * time.Second)
	s.f.Missed(s.now, dials[1].Where)
	if got := s.f.Status(); got.Heard != 1 {
		t.Errorf("%v", s.f)
	}
	// It goes, and the address book does not find it either.
	s.f.Present(s.now, "b", false)
	if _, dials = s.within(2 * rest); len(dials) != 1 {
		t.Errorf("dialled %v after it went", dials)
	}
}

// The question is put ever more seldom, and at once when the hub goes again.
func TestQuestionsGetRare(t *testing.T) {
	s := tell(t, Config{Multicast: true})
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	total := 0
	for range 3600 {
		asks, _ := s.within(time.Second)
		if asks > 0 {
			s.f.Asked(s.now, "")
		}
		total += asks
	}
	if total < 50 || total > 100 {
		t.Errorf("%d questions in an hour, expected about one a minute", total)
	}
	s.f.Wanted(s.now, Want{Anybody: true})
	if asks, _ := s.within(time.Hour); asks != 0 {
		t.Errorf("%d questions while the hub is there", asks)
	}
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	if asks, _ := s.within(time.Second); asks != 1 {
		t.Errorf("%d questions in the second after the hub went", asks)
	}
}

// Multicast is off, or there is none: the problem is known, and what the operator wrote down is tried for ever.
func TestWithoutMulticast(t *testing.T) {
	s := tell(t, Config{Static: []string{"a:1", "b:2", "a:1"}})
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	count := map[string]int{}
	for range 3600 {
		asks, dials := s.within(time.Second)
		if asks > 0 {
			t.Fatal("asked")
		}
		for _, d := range dials {
			count[d.Where]++
			s.f.Missed(s.now, d.Where)
		}
	}
	if len(count) != 2 || count["a:1"] < 40 || count["a:1"] > 120 {
		t.Errorf("in an hour dialled %v", count)
	}
	s = tell(t, Config{Multicast: true})
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	s.within(time.Second)
	s.f.Asked(s.now, "no interface takes multicast")
	if got := s.f.Status(); got.Problem == "" || !got.Multicast {
		t.Errorf("%+v", got)
	}
}

// A host that was only heard and belongs to another location, or that is this host itself, is not dialled again and again.
func TestWhoIsOfNoUseRests(t *testing.T) {
	s := tell(t, Config{Multicast: true})
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	s.f.Heard(s.now, hint(1))
	_, dials := s.within(time.Second)
	s.f.Answered(s.now, dials[0].Where, "stranger", false)
	if _, again := s.within(staleAfter / 2); len(again) > 0 {
		t.Errorf("dialled %v again", again)
	}
}

// Ten thousand forged answers cost little: so much memory, so many dials; and who has answered once is not pushed out by them.
func TestAFloodIsBounded(t *testing.T) {
	s := tell(t, Config{Multicast: true, Static: []string{"known:1"}})
	s.f.Wanted(s.now, Want{Anybody: true, HubAway: true})
	s.f.Heard(s.now, hint(1))
	var first string
	for _, d := range second(s.within(time.Second)) {
		s.f.Answered(s.now, d.Where, "true-"+d.Where, true)
		s.f.Present(s.now, "true-"+d.Where, true)
		first = d.Where
	}
	dialled := 0
	for n := range 10_000 {
		s.f.Heard(s.now, hint(1000+n))
		if n%10 == 0 {
			_, dials := s.within(time.Millisecond)
			dialled += len(dials) // of which none is ever answered
		}
	}
	if got := s.f.Status(); got.Heard > MaxPlaces || got.Static != 1 {
		t.Errorf("%d places are kept", got.Heard)
	}
	if s.f.find(first) == nil {
		t.Error("who had answered was pushed out")
	}
	if dialled > maxDialing {
		t.Errorf("%d dials under way", dialled)
	}
	for range 60 {
		for _, d := range second(s.within(time.Second)) {
			dialled++
			s.f.Missed(s.now, d.Where)
		}
		for _, p := range s.f.places {
			if p.dialing && !p.static {
				s.f.Missed(s.now, p.where)
				break
			}
		}
	}
	if dialled > 60*8 {
		t.Errorf("%d dials in a minute", dialled)
	}
	// One address cannot have more than a few places.
	s = tell(t, Config{Multicast: true})
	for port := range uint16(1000) {
		s.f.Heard(s.now, Hint{Addr: netip.AddrPortFrom(hint(1).Addr.Addr(), 1000+port)})
	}
	if got := s.f.Status(); got.Heard != maxSame {
		t.Errorf("%d places at one address", got.Heard)
	}
}

func second(_ int, dials []Dial) []Dial { return dials }

// Whatever happens in whatever order: no more places, no more dials at once, none faster than the pause, and never one to who is there.
func TestBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := New(Config{Static: []string{"s:1"}, Multicast: true, Seed: rapid.Uint64().Draw(t, "seed")})
		now := epoch
		under := map[string]bool{}
		var last time.Time
		present := map[string]bool{}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0:
				f.Wanted(now, Want{Anybody: rapid.Bool().Draw(t, "anybody"), HubAway: rapid.Bool().Draw(t, "away")})
			case 1, 2, 3:
				for range rapid.IntRange(1, 50).Draw(t, "heard") {
					f.Heard(now, hint(rapid.IntRange(1, 1000).Draw(t, "at")))
				}
			case 4:
				f.Asked(now, "")
			case 5:
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "passes")))
			case 6:
				peer := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "peer"))
				present[peer] = rapid.Bool().Draw(t, "present")
				f.Present(now, peer, present[peer])
			case 7:
				for where := range under {
					delete(under, where)
					if rapid.Bool().Draw(t, "answers") {
						f.Answered(now, where, fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "peer")), rapid.Bool().Draw(t, "again"))
					} else {
						f.Missed(now, where)
					}
					break
				}
			}
			for a, ok := f.Take(now); ok; a, ok = f.Take(now) {
				d, is := a.(Dial)
				if !is {
					continue
				}
				if under[d.Where] || present[f.find(d.Where).peer] {
					t.Fatalf("%s is dialled, twice or though it is there", d.Where)
				}
				under[d.Where] = true
				if !last.IsZero() && now.Sub(last) < dialPause/2 {
					t.Fatalf("two dials within %s", now.Sub(last))
				}
				last = now
			}
			if got := f.Status(); got.Heard > MaxPlaces || got.Static != 1 || len(under) > maxDialing+1 {
				t.Fatalf("%d places, %d dials under way", got.Heard, len(under))
			}
		}
	})
}

// The tag tells a fleet's hosts from others', and not one of them from the other.
func TestTag(t *testing.T) {
	key, other := []byte("a CA's public key"), []byte("another's")
	a, b := Tag(key, "a"), Tag(key, "b")
	if !OfFleet(key, "a", a) || OfFleet(key, "b", a) || OfFleet(other, "a", a) || a == b || len(a) != 16 || OfFleet(key, "a", "") {
		t.Errorf("%q, %q", a, b)
	}
}
