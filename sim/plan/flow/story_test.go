// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/lane"
	"github.com/ebbproject/ebb/sim/plan/site"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// friday is a Friday at 20:00.
var friday = time.Date(2026, 6, 5, 20, 0, 0, 0, time.UTC)

// quiet is a foreground that is not there.
func quiet() *plan.Profile { return &plan.Profile{Name: "quiet"} }

// flat is a foreground that is always equally busy.
func flat(load float64) *plan.Profile {
	p := &plan.Profile{Name: "flat"}
	for h := range p.Load {
		p.Load[h] = load
	}
	return p
}

func hours(t *testing.T, text string) window.Window {
	t.Helper()
	w, err := window.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// one is a location of 10 hosts behind 10 Mbit/s that is to have 1 GB.
func one() *plan.Scenario {
	return &plan.Scenario{
		Start: friday, Horizon: 48 * time.Hour, Seeds: []uint64{1}, Controller: "ebb", Regions: []plan.Region{{Name: "all"}},
		Classes: []plan.Class{{Name: "shops", Count: 1, Profile: quiet(), Hosts: plan.Hosts{Count: plan.Exactly(10), LAN: 1e9},
			Link: plan.Link{Down: plan.Exactly(10e6), Up: plan.Exactly(10e6), RTT: plan.Exactly(.04), Buffer: plan.Exactly(.1)}}},
		Contents: []plan.Content{{Name: "image", Size: 1e9}},
		Orders:   []plan.Order{{To: []int{0}}},
	}
}

// alone is how long that takes without anything else, with the table that knows nothing.
var alone = site.Hearing(40*time.Millisecond) + time.Second + 4*40*time.Millisecond + time.Duration(math.Round(1e9/(10e6/8*.95*site.Efficiency)*1e9))

var blank = &yield.Table{}

func TestStories(t *testing.T) {
	full := 1e9
	for _, x := range []struct {
		story  string
		change func(s *plan.Scenario)
		after  time.Duration // beside alone; plan.Never
		wan    float64
		why    plan.Straggle
	}{
		{"nothing else is there", func(*plan.Scenario) {}, 0, full, plan.Thin},
		{"it is fetched at night", func(s *plan.Scenario) { s.Orders[0].Window = hours(t, "22:00-06:00") }, 2*time.Hour - site.Hearing(40*time.Millisecond), full, plan.Shut},
		{"hosts are on by day", func(s *plan.Scenario) { s.Classes[0].Hosts.Online = hours(t, "08:00-18:00") }, 12*time.Hour - site.Hearing(40*time.Millisecond), full, plan.Asleep},
		{"the link fails for an hour", func(s *plan.Scenario) {
			s.Events = []plan.Event{{Kind: plan.LinkDown, Share: 1, At: 5 * time.Minute, For: time.Hour}}
		}, time.Hour + 1160*time.Millisecond, full, plan.Cut},
		{"it is paused for an hour", func(s *plan.Scenario) {
			s.Events = []plan.Event{{Kind: plan.Pause, Share: 1, At: 5 * time.Minute, For: time.Hour}}
		}, time.Hour + 1160*time.Millisecond, full, plan.Paused},
		{"another content is paused", func(s *plan.Scenario) {
			s.Contents = append(s.Contents, plan.Content{Size: 1})
			s.Events = []plan.Event{{Kind: plan.Pause, Share: 1, At: 5 * time.Minute, For: time.Hour, Content: 1}}
		}, 0, full, plan.Thin},
		{"the order is given while the hub is down", func(s *plan.Scenario) {
			s.Events = []plan.Event{{Kind: plan.HubDown, Share: 1, For: time.Hour}}
		}, time.Hour - site.Hearing(40*time.Millisecond), full, plan.Cut},
		{"the power fails for an hour", func(s *plan.Scenario) {
			s.Events = []plan.Event{{Kind: plan.PowerCut, Share: 1, At: 5 * time.Minute, For: time.Hour}}
		}, time.Hour + 1160*time.Millisecond, full, plan.Asleep},
		{"half of it is there already", func(s *plan.Scenario) {
			s.Contents[0].Overlap, s.Classes[0].Hosts.Held = .5, 1
		}, -449 * time.Second, full / 2, plan.Thin},
		{"hosts share nothing", func(s *plan.Scenario) { s.Classes[0].Direct = true }, 9 * 898500 * time.Millisecond, full * 10, plan.Thin},
		{"an order before it", func(s *plan.Scenario) {
			s.Contents = append(s.Contents, plan.Content{Size: 2e9})
			s.Orders = append(s.Orders, plan.Order{Content: 1, To: []int{0}, Priority: 1})
		}, 2 * 898500 * time.Millisecond, full * 3, plan.Ahead},
		{"no host has room for it", func(s *plan.Scenario) { s.Classes[0].Hosts.Cache = plan.Exactly(5e8) }, plan.Never, 0, plan.NoRoom},
		{"the link is metered", func(s *plan.Scenario) { s.Classes[0].Metered = true }, plan.Never, 0, plan.NoMetered},
		{"the link is metered, and the order says that it does not matter", func(s *plan.Scenario) {
			s.Classes[0].Metered, s.Orders[0].Metered = true, true
		}, 0, full, plan.Thin},
		{"the origin has half of that", func(s *plan.Scenario) { s.Origin = 2e6 }, 3369500 * time.Millisecond, full, plan.Upstream},
		{"hosts are never on at the right hour", func(s *plan.Scenario) {
			s.Classes[0].Hosts.Online, s.Orders[0].Window = hours(t, "08:00-18:00"), hours(t, "20:00-06:00")
		}, plan.Never, 0, plan.Shut},
		{"a link of 1 kbit/s never brings it", func(s *plan.Scenario) { s.Classes[0].Link.Down = plan.Exactly(1e3) }, plan.Never, 19233790, plan.Thin},
	} {
		s := one()
		x.change(s)
		o := Play(s, 1, blank)
		p := o.Places[0]
		want := x.after
		if want != plan.Never {
			want += alone
		}
		if off := p.Done[0] - want; off > 2*time.Second || off < -2*time.Second {
			t.Errorf("%s: complete after %v, want %v", x.story, p.Done[0], want)
		}
		if math.Abs(float64(p.WAN)-x.wan) > 10+1e-6*x.wan || p.Reason != x.why {
			t.Errorf("%s: %d bytes, %s; want %.0f, %s", x.story, p.WAN, p.Reason, x.wan, x.why)
		}
	}
}

// Three fifths of the link are the foreground's, on average: what it asks for while we fetch, transfer by transfer, is what we do not have.
func TestTheForegroundTakesWhatItAsksFor(t *testing.T) {
	s := one()
	s.Classes[0].Profile = flat(.6)
	p := Play(s, 1, blank).Places[0]
	if mean := alone + 1347600*time.Millisecond; p.Done[0] < mean*19/20 || p.Done[0] > mean*21/20 || p.WAN != 1e9 || p.Reason != plan.Busy {
		t.Errorf("%+v; on average it takes %v", p, mean)
	}
	f := site.New(s, 1)
	demand := f.Foreground(f.Location(0, 0)).From(0)
	start := site.Hearing(40*time.Millisecond) + blank.Curve(yield.Path{RTT: 40 * time.Millisecond})[0].Ramp
	demand.Asked(start)
	left := 10e6/8*(p.Done[0]-start).Seconds() - float64(demand.Asked(p.Done[0]))
	if got := .95 * left * site.Efficiency; math.Abs(got-1e9) > 2e6 {
		t.Errorf("after %v the foreground has left us %.0f bytes of 1e9", p.Done[0], got)
	}
}

// Others who are made to wait have later what they do not have now, and who ask for more than there is leave us what we keep.
func TestTheForegroundWaits(t *testing.T) {
	const rate, kept = 10e6, .1
	ask := func(load float64, curve *yield.Curve) (crossed float64, more bool) {
		f := newForeground(lane.Steady(rate, 1, load, time.Hour), 0)
		for now := time.Duration(0); now < 10*time.Minute; now = f.at(now, time.Hour, rate, load, curve) {
			if more = f.more; f.backlog < 0 {
				t.Fatalf("%+v", f)
			}
		}
		return f.asked/rate/600 - f.backlog/rate/600, more
	}
	var patient yield.Curve
	for i := range patient {
		patient[i] = yield.Cell{Kept: kept, Debt: time.Duration(i) * 10 * time.Second}
	}
	at := patient[4].Debt.Seconds() // of a load of .4
	if crossed, more := ask(.4, &patient); crossed > .42-at/600 || crossed < .38-at/600 || more {
		t.Errorf("of a load of .4 %.3f crosses, %v", crossed, more)
	}
	if crossed, more := ask(1.5, &patient); crossed > 1-kept || !more {
		t.Errorf("of a load of 1.5 %.3f crosses, %v", crossed, more)
	}
}

// Hosts that are off while the content comes take it from their neighbours afterwards.
func TestRebootsCostNothingOnTheWAN(t *testing.T) {
	s := one()
	s.Events = []plan.Event{{Kind: plan.Reboot, Share: 1, At: time.Minute, For: 20 * time.Minute, Down: 10 * time.Minute}}
	o := Play(s, 1, blank)
	if p := o.Places[0]; p.WAN != 1e9 || o.Orders[0].Complete != 10 || p.Done[0] < alone || p.Done[0] > alone+16*time.Minute {
		t.Errorf("%+v, %+v", p, o.Orders[0])
	}
	first := o.Orders[0].Done[0]
	if first < alone || first > alone+2*time.Second {
		t.Errorf("the first host after %v, want %v", first, alone)
	}
}

// What several have in common is divided: 10 locations that could take 10 Mbit/s each share a region's link of 40, of which
// their foregrounds take 10.
func TestARegionsLinkIsShared(t *testing.T) {
	s := one()
	s.Classes[0].Count = 10
	s.Classes[0].Profile = flat(.1)
	s.Regions[0].Link = 40e6
	o := Play(s, 1, blank)
	want := 1e9 / (3e6 / 8 * site.Efficiency)
	if p := o.Places[9]; math.Abs(p.Done[0].Seconds()-want) > .01*want || p.Reason != plan.Upstream {
		t.Errorf("%+v, want %.0f s", p, want)
	}
	if h := o.Hours[0]; float64(h.Ebb) > 30e6/8*3600 {
		t.Errorf("%d bytes in an hour over a link that has %.0f to give", h.Ebb, 30e6/8*3600.)
	}
}

// A location that joins when others are fetching waits for the next meeting only.
func TestOrdersAtOnce(t *testing.T) {
	s := one()
	s.Origin = 5e6
	s.Classes = append(s.Classes, s.Classes[0])
	s.Orders = append(s.Orders, plan.Order{To: []int{1}, At: 10 * time.Minute})
	o := Play(s, 1, blank)
	whole := 1e9 / (5e6 / 8 * site.Efficiency)
	if a, b := o.Places[0].Done[0].Seconds(), o.Places[1].Done[1].Seconds(); math.Abs(a-(2*whole-600)) > .01*whole || math.Abs(b+600-2*whole) > .01*whole {
		t.Errorf("%.0f and %.0f s; want %.0f and %.0f", a, b, 2*whole-600, 2*whole-600)
	}
}
