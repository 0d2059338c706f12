// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/golden"
	"github.com/ebbproject/ebb/sim/plan"
)

// asked is a plan of 40 shops in two regions and three depots, and what a rule of thumb says of it with a seed.
func asked(seeds int) (plan.Scenario, []plan.Outcome) {
	zone := time.FixedZone("CET", 3600)
	nights, _ := window.Parse("22:00-06:00")
	s := plan.Scenario{Name: "Forty shops", Start: time.Date(2030, 2, 1, 20, 0, 0, 0, zone), Horizon: 72 * time.Hour, Controller: "rfc6817",
		Regions:  []plan.Region{{Name: "north"}, {Name: "south"}},
		Classes:  []plan.Class{{Name: "shops", Count: 40}, {Name: "depot", Region: 1, Count: 3}, {Name: "museum", Region: 1, Count: 1}},
		Contents: []plan.Content{{Name: "image", Size: 6e9, Overlap: .5}, {Name: "prices", Size: 2e7}},
		Orders: []plan.Order{{Content: 0, To: []int{0, 1}, By: 10 * time.Hour, Window: nights}, {Content: 1, To: []int{0}, At: 12 * time.Hour, Priority: 5,
			By: 13 * time.Hour}}}
	s.Classes[0].Hosts.Held = 1
	var out []plan.Outcome
	for seed := range uint64(seeds) {
		s.Seeds = append(s.Seeds, seed+1)
		out = append(out, thumb(&s, seed+1))
	}
	return s, out
}

// thumb is the outcome of a rule of thumb: size over rate, with some chance; depot 2 is cut off for good.
func thumb(s *plan.Scenario, seed uint64) plan.Outcome {
	o := plan.Outcome{Seed: seed, Orders: make([]plan.OrderOutcome, 2)}
	for i := range o.Orders {
		o.Orders[i].Regions = make([][]time.Duration, 2)
	}
	for class, c := range s.Classes {
		for index := range c.Count {
			rate := 2e6 * math.Pow(1.08, float64((index*7)%40)) * (1 + .03*float64(seed%3))
			p := plan.Place{Class: class, Index: index, Hosts: 10, Down: plan.Rate(rate), RTT: 40 * time.Millisecond, Busiest: .9 - .01*float64(index),
				Delay: time.Duration(2+index%5) * time.Millisecond, Reason: plan.Thin, Done: []time.Duration{-1, -1}, WAN: 3e9}
			for i, order := range s.Orders {
				if class == 2 || i == 1 && class != 0 {
					continue
				}
				d := time.Duration(float64(s.Contents[order.Content].Size) * 8 / rate * float64(time.Second))
				if class == 1 && index == 1 {
					d, p.Reason = plan.Never, plan.Cut
				}
				p.Done[i] = d
				x := &o.Orders[i]
				x.Hosts += 10
				x.WAN += s.Contents[order.Content].Size
				for h := range 10 {
					if d != plan.Never {
						x.Regions[c.Region] = append(x.Regions[c.Region], d-time.Duration(9-h)*time.Second)
					}
				}
			}
			o.Places = append(o.Places, p)
		}
	}
	for i := range o.Orders {
		for _, list := range o.Orders[i].Regions {
			o.Orders[i].Done = append(o.Orders[i].Done, list...)
		}
		slices.Sort(o.Orders[i].Done)
		for _, list := range o.Orders[i].Regions {
			slices.Sort(list)
		}
		o.Orders[i].Complete = len(o.Orders[i].Done)
		o.Origin += o.Orders[i].WAN
	}
	for h := range 24 {
		o.Hours = append(o.Hours, plan.HourUse{Ebb: int64(1e9 * (24 - h)), Foreground: int64(5e9 * (1 + h%12)), Capacity: 1e11, Peak: .9 - .02*float64(h)})
	}
	return o
}

func folded(t *testing.T, seeds int) (*Folder, *Report) {
	t.Helper()
	s, out := asked(seeds)
	f := NewFolder(&s)
	for i := range out { // in any order
		f.Add(out[(i*2+1)%len(out)])
	}
	return f, f.Report(Provenance{Version: "v1", Scenario: "0123456789abcdef", Fidelity: "flow", Calibration: "fedcba98", Check: &Check{20, .021, .06, .09, .004, 0}})
}

func TestTextIsAsItWas(t *testing.T) {
	f, r := folded(t, 5)
	for _, x := range f.Remedies(r) {
		var out []plan.Outcome
		for _, seed := range x.Scenario.Seeds {
			o := thumb(&x.Scenario, seed)
			if strings.Contains(x.What, "fast") {
				halve(&o)
			}
			out = append(out, o)
		}
		r.Played(x, out)
	}
	r.Sweep = &Sweep{Axes: []SweepAxis{{"locations.shops.link.down", []string{"2Mbit", "4Mbit"}}}, Order: "image", Points: []SweepPoint{f.Swept([]string{"2Mbit"}), f.Swept([]string{"4Mbit"})}}
	golden.Check(t, "testdata/summary.txt", told(t, r))

	_, r = folded(t, 1)
	r.Made.Wanted, r.Made.Check, r.Made.Stale = 3, nil, true
	golden.Check(t, "testdata/interrupted.txt", told(t, r))

	r.Made.Part = true
	if text := told(t, r); !strings.Contains(text, "INTERRUPTED: from a part of one of 3 seeds") || strings.Contains(text, "Deadline") {
		t.Errorf("of a part it says\n%s", text)
	}
}

func told(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func halve(o *plan.Outcome) {
	for i := range o.Places {
		for k, d := range o.Places[i].Done {
			if d > 0 && d != plan.Never {
				o.Places[i].Done[k] = d / 2
			}
		}
	}
}

// Figures are means with Student's interval; what was never reached is null and is counted.
func TestFiguresAreWhatTheyAre(t *testing.T) {
	f := figure([]float64{10, 12, 14})
	if *f.Value != 12 || math.Abs(f.half()-4.303*2/math.Sqrt(3)) > 1e-9 {
		t.Errorf("%v ± %v", *f.Value, f.half())
	}
	if f := figure([]float64{3}); f.Low != nil || *f.Value != 3 {
		t.Error("one replica has no interval")
	}
	if q := quantile([]float64{5, math.Inf(1), 7}); q.Reached != 2 || *q.Seconds.Value != 6 {
		t.Errorf("%+v", q)
	}
	_, r := folded(t, 5)
	if o := r.Orders[0]; o.Verdict != Mostly || o.All.Reached != 0 || o.Locations != 43 || *o.Hosts.Value != 430 || *o.Complete.Value != 420 || len(o.Regions) != 2 ||
		o.Regions[1].Points[99].Reached != 0 || o.Regions[1].Points[0].Reached != 5 {
		t.Errorf("%s %v %d %v %v", o.Verdict, o.All, o.Locations, *o.Hosts.Value, *o.Complete.Value)
	}
	if r.Orders[1].Verdict != Met || r.Worst[0].Name != "depot-2" || r.Worst[0].Done[0] != nil || r.Places[43].For[0] {
		t.Errorf("%+v", r.Worst[0])
	}
	if text, err := json.Marshal(r); err != nil || !bytes.Contains(text, []byte(`"locations_all":{"seconds":{"value":null`)) {
		t.Errorf("%v %s", err, text)
	}
	for _, table := range r.CSV() {
		if n := bytes.Count(table.Text, []byte("\n")); n < 8 {
			t.Errorf("%s has %d lines", table.Name, n)
		}
	}
}

// A remedy changes one thing, and leaves the plan as it was.
func TestRemediesChangeOneThing(t *testing.T) {
	f, r := folded(t, 5)
	before, _ := json.Marshal(f.s)
	list := f.Remedies(r)
	names := ""
	for _, x := range list {
		names += x.What + ", "
		if x.Order != 0 || len(x.Scenario.Seeds) != 5 {
			t.Errorf("%+v", x)
		}
		if x.What == "4 hours earlier" && (!x.Scenario.Start.Equal(f.s.Start.Add(-4*time.Hour)) || x.Scenario.Orders[0].At != 0 || x.Scenario.Orders[0].By != 14*time.Hour ||
			x.Scenario.Orders[1].At != 16*time.Hour) {
			t.Errorf("%+v", x.Scenario)
		}
	}
	if names != "their lines twice as fast, at all hours, an hour earlier, 4 hours earlier, 12 hours earlier, before all other orders, " {
		t.Error(names)
	}
	if after, _ := json.Marshal(f.s); !bytes.Equal(before, after) {
		t.Error("the plan was changed")
	}
}

// What happened is compared location by location; what is open or unknown is no error.
func TestAPlanIsHeldAgainstWhatHappened(t *testing.T) {
	_, r := folded(t, 5)
	at := func(seconds float64) *time.Time {
		x := r.Orders[0].At.Add(time.Hour + time.Duration(seconds*1e9))
		return &x
	}
	first, second := *r.Places[0].Done[0], *r.Places[1].Done[0]
	v := Verify(r, []api.LedgerRow{{Location: "shops-01", Name: "image", Whole: 10, Last: at(first / 1.1), Origin: 3e9},
		{Location: "shops-02", Name: "image", Whole: 12, Last: at(second / .8), WAN: 3e9}, {Location: "shops-03", Name: "image", Whole: 2, Last: at(5)}}, time.Hour, time.Now())
	if v.Compared != 2 || v.Open != 1 || v.Unknown != 43+40-3 || math.Abs(*v.Median-.1) > 1e-9 || math.Abs(*v.Worst-.2) > 1e-9 || *v.WAN > 0 || v.Rows[0].Location != "shops-02" {
		t.Errorf("%+v %v %v %v", v.Rows[:2], *v.Median, *v.Worst, *v.WAN)
	}
	var b bytes.Buffer
	if err := v.Text(&b, []Verified{*v}); err != nil || !strings.Contains(b.String(), "shops-02  image    3h47m      4h43m     -20.0 %  12 of 10  complete") {
		t.Errorf("%v\n%s", err, b.String()[:600])
	}
	if (&Report{Orders: r.Orders}).Whole() || !r.Whole() {
		t.Error("a report is whole that is none")
	}
}
