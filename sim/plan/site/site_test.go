// SPDX-License-Identifier: Apache-2.0

package site

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/sim/plan"
)

// friday is a Friday at 20:15.
var friday = time.Date(2026, 6, 5, 20, 15, 0, 0, time.UTC)

// shop is a location of 10 hosts behind 8 Mbit/s that is to have 10 MB, and 5 MB before that.
func shop() *plan.Scenario {
	p := &plan.Profile{}
	for h := range p.Load {
		p.Load[h] = float64(h%24) / 100
	}
	return &plan.Scenario{Start: friday, Horizon: 48 * time.Hour, Regions: []plan.Region{{Name: "all"}},
		Classes: []plan.Class{{Name: "shops", Count: 3, Profile: p, Hosts: plan.Hosts{Count: plan.Exactly(10), LAN: 80e6},
			Link: plan.Link{Down: plan.Exactly(8e6), Up: plan.Exactly(1e6), RTT: plan.Exactly(.1), Buffer: plan.Exactly(.1)}}},
		Contents: []plan.Content{{Size: 10e6}, {Size: 5e6}},
		Orders:   []plan.Order{{To: []int{0}}, {Content: 1, To: []int{0}, At: 5 * time.Second, Priority: 1}}}
}

// play gives a location one rate of content, in bytes a second, to its end, and returns how much has crossed.
func play(l *Location, rate float64) (crossed float64) {
	for !l.Done() {
		crossed += l.Advance(l.end, Supply{Rate: rate})
	}
	return crossed
}

// 1 MB/s: the first content has 5 s before the second, which is more urgent, is heard of; that takes 5, and then what is left of the first 5.
func TestTheMoreUrgentFirst(t *testing.T) {
	f := New(shop(), 1)
	l := f.Location(0, 0)
	heard := Hearing(100 * time.Millisecond)
	if l.Wanting() || l.Next() != heard || heard != 1200*time.Millisecond {
		t.Errorf("it wants something at once, or not after %v but %v", heard, l.Next())
	}
	if crossed := play(l, 1e6); math.Abs(crossed-15e6) > 2 {
		t.Errorf("%.0f bytes crossed", crossed)
	}
	p := l.place(2)
	for i, want := range []time.Duration{heard + 15*time.Second, heard + 5*time.Second} {
		if off := p.Done[i] - want; off < -10*time.Millisecond || off > 10*time.Millisecond {
			t.Errorf("order %d was complete after %v, want %v", i, p.Done[i], want)
		}
	}
	if p.WAN != 15e6 {
		t.Errorf("%+v", p)
	}
}

// Two hosts of a location fetch for it, each at the rate of its own link; where hosts share nothing all do.
func TestHowMuchALocationTakes(t *testing.T) {
	s := shop()
	at := func() float64 {
		l := New(s, 1).Location(0, 0)
		l.Advance(2*time.Second, Supply{})
		return l.Most()
	}
	if got := at(); got != float64(seats)*10e6 {
		t.Errorf("it takes %.0f bytes a second", got)
	}
	s.Classes[0].Direct = true
	if got := at(); got != 10*10e6 {
		t.Errorf("hosts for themselves take %.0f bytes a second", got)
	}
	s.Classes[0].Metered = true
	if got := at(); got != 0 {
		t.Errorf("over a metered link it takes %.0f bytes a second", got)
	}
}

func TestHours(t *testing.T) {
	f := New(shop(), 1)
	for _, x := range []struct {
		at, end time.Duration
		week    int
	}{{-time.Minute, 45 * time.Minute, 4*24 + 20}, {0, 45 * time.Minute, 4*24 + 20}, {45*time.Minute - 1, 45 * time.Minute, 4*24 + 20},
		{45 * time.Minute, 105 * time.Minute, 4*24 + 21}, {47 * time.Hour, 47*time.Hour + 45*time.Minute, 6*24 + 19}, {48*time.Hour - 1, 48 * time.Hour, 6*24 + 20}} {
		if h, end := f.Hour(0, x.at); h.Week != x.week || end != x.end {
			t.Errorf("at %v it is hour %d until %v, want %d until %v", x.at, h.Week, end, x.week, x.end)
		}
	}
	l := f.Location(0, 1)
	if g := f.Foreground(l); g.Rate != 8e6 || g.Load(-time.Second) != .2 || g.Load(45*time.Minute) != .21 || g.Until != 48*time.Hour {
		t.Errorf("%+v", g)
	}
	if f.Foreground(l).Seed == f.Foreground(f.Location(0, 2)).Seed || f.Foreground(l).Seed != f.Foreground(f.Location(0, 1)).Seed || f.Traffic(l, 0) == f.Traffic(l, 1) {
		t.Error("the seeds of foregrounds are not one a location")
	}
}

// Whatever a link brings and whatever befalls a location: what crossed is what it lacked and no more, and no link has carried more than it can.
func TestAnySupply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shop()
		s.Classes[0].Direct = rapid.Bool().Draw(t, "direct")
		s.Classes[0].Hosts.Held, s.Contents[0].Overlap = rapid.Float64Range(0, 1).Draw(t, "held"), rapid.Float64Range(0, 1).Draw(t, "overlap")
		for range rapid.IntRange(0, 3).Draw(t, "events") {
			s.Events = append(s.Events, plan.Event{Kind: rapid.SampledFrom([]plan.EventKind{plan.LinkDown, plan.HubDown, plan.Pause, plan.Reboot, plan.PowerCut}).Draw(t, "kind"),
				Share: 1, Content: -1, At: time.Duration(rapid.IntRange(0, 60).Draw(t, "at")) * time.Second, For: time.Minute, Down: 10 * time.Second})
		}
		f := New(s, rapid.Uint64().Draw(t, "seed"))
		l := f.Location(0, 0)
		sum := 0.0
		for steps := 0; !l.Done(); steps++ {
			rate := rapid.Float64Range(0, 1e6).Draw(t, "rate")
			if steps > 200 {
				rate = 1e6
			}
			before := l.Now()
			crossed := l.Advance(before+time.Duration(rapid.IntRange(1, 20).Draw(t, "step"))*time.Second, Supply{Rate: rate})
			if most := rate*(l.Now()-before).Seconds() + 2; crossed < 0 || crossed > most {
				t.Fatalf("%.0f bytes crossed where %.0f can", crossed, most)
			}
			l.Tally.Crossed(before.Truncate(time.Hour), crossed)
			sum += crossed
		}
		p := l.place(2)
		hosts := 1.
		if s.Classes[0].Direct {
			hosts = 10
		}
		const rounded = 10 // bytes: one of each host
		if sum > hosts*15e6+rounded || sum < hosts*5e6-rounded || math.Abs(float64(p.WAN)-sum) > 2 || p.Done[0] == plan.Never || p.Done[1] == plan.Never {
			t.Fatalf("%.0f bytes crossed: %+v", sum, p)
		}
		hours := make([]plan.HourUse, 48)
		l.use(f.Hours(0), hours)
		for i, h := range hours {
			if h.Ebb+h.Foreground > h.Capacity {
				t.Fatalf("hour %d: %+v", i, h)
			}
		}
	})
}

// Every location has one number, and the first few of the spread ones are from everywhere.
func TestRoster(t *testing.T) {
	s := shop()
	s.Classes = append(s.Classes, s.Classes[0], s.Classes[0])
	s.Classes[1].Count, s.Classes[1].Only = 1000, []int{3, 500, 999}
	s.Classes[2].Count = 94
	r := NewRoster(s)
	if r.Len() != 100 {
		t.Fatalf("%d locations", r.Len())
	}
	seen, classes := map[[2]int]bool{}, map[bool]int{}
	for k := range r.Len() {
		class, index := r.At(r.Spread(k))
		seen[[2]int{class, index}] = true
		if k < 10 {
			classes[index < 47]++
		}
	}
	if len(seen) != 100 || !seen[[2]int{1, 500}] || !seen[[2]int{2, 93}] || classes[true] < 3 || classes[false] < 3 {
		t.Errorf("%d locations, of the first ten %v", len(seen), classes)
	}
}

// What is drawn for a location stays when a class, an event or a content is added.
func TestDrawsAreTheirOwn(t *testing.T) {
	draw := func(s *plan.Scenario) *Location {
		s.Classes[0].Link.Down = plan.Dist{Kind: plan.Uniform, A: 1e6, B: 9e6}
		s.Classes[0].Hosts.Count = plan.Dist{Kind: plan.Uniform, A: 1, B: 90}
		s.Classes[0].Profile.Sway = .3
		return New(s, 5).Location(0, 2)
	}
	a := draw(shop())
	s := shop()
	s.Classes = append(s.Classes, s.Classes[0])
	s.Contents = append(s.Contents, plan.Content{Size: 1})
	s.Events = []plan.Event{{Kind: plan.Reboot, Share: .5, At: time.Hour, For: time.Hour, Down: time.Minute}}
	b := draw(s)
	if a.Hosts != b.Hosts || !reflect.DeepEqual(a.Link, b.Link) || a.Loads != b.Loads {
		t.Errorf("%+v and %+v", a.Link, b.Link)
	}
}
