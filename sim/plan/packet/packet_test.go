// SPDX-License-Identifier: Apache-2.0

package packet_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/packet"
)

// branches are two small locations that are to have 20 MB.
func branches() *plan.Scenario {
	p := &plan.Profile{}
	for h := range p.Load {
		p.Load[h] = .1
	}
	return &plan.Scenario{Start: friday, Horizon: 3 * time.Hour, Controller: "rfc6817", Regions: []plan.Region{{Name: "all", Link: 1e9}}, Origin: 1e9,
		Classes: []plan.Class{{Name: "branches", Count: 2, Profile: p, Hosts: plan.Hosts{Count: plan.Exactly(5), LAN: 1e9},
			Link: plan.Link{Down: plan.Exactly(8e6), Up: plan.Exactly(2e6), RTT: plan.Exactly(.03), Buffer: plan.Exactly(.1)}}},
		Contents: []plan.Content{{Name: "fix", Size: 20e6}}, Orders: []plan.Order{{To: []int{0}}},
		Events: []plan.Event{{Kind: plan.LinkDown, Share: 1, At: 10 * time.Second, For: time.Minute}}}
}

// 20 MB over 90 % of 8 Mbit/s take 24 s, and the link is down for a minute.
func TestTwoBranches(t *testing.T) {
	s := branches()
	o, err := packet.Play(s, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.Places {
		if p.Done[0] < 82*time.Second || p.Done[0] > 90*time.Second || p.WAN != 20e6 || p.Reason != plan.Cut {
			t.Errorf("%+v", p)
		}
	}
	if x := o.Orders[0]; x.Complete != 10 || x.WAN != 40e6 || o.Events == 0 {
		t.Errorf("%+v, %d events", x, o.Events)
	}

	r, err := packet.New(s, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for again := true; again; again = r.Meet() {
		var all sync.WaitGroup
		for i := range 2 {
			all.Go(func() { r.Advance(i) })
		}
		all.Wait()
	}
	if two := r.Outcome(); !reflect.DeepEqual(two, o) || r.Progress() != 1 {
		t.Errorf("with two workers it is %+v, with one %+v", two, o)
	}
	s.Controller = "vegas"
	if _, err := packet.New(s, 1, 1); !errors.Is(err, ledbat.ErrUnknownController) {
		t.Errorf("%v", err)
	}
}

// A link whose rate changes brings what its mean is.
func TestATrace(t *testing.T) {
	s := branches()
	s.Events = nil
	s.Classes[0].Profile = &plan.Profile{}
	s.Classes[0].Link.Down = plan.Dist{}
	s.Classes[0].Link.Trace = &plan.Trace{Step: 2 * time.Second, Rates: []plan.Rate{12e6, 4e6}}
	o, err := packet.Play(s, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p := o.Places[0]; p.Done[0] < 21*time.Second || p.Done[0] > 30*time.Second || p.Down != 8e6 {
		t.Errorf("%+v", p)
	}
}

func TestASampleOfAll(t *testing.T) {
	var o plan.Outcome
	for i := range 100 {
		o.Places = append(o.Places, plan.Place{Class: i % 2, Index: i / 2, Done: []time.Duration{time.Duration(100-i) * time.Minute, -1}, WAN: 1e9})
	}
	o.Places[3].Done[1] = plan.Never
	picks := packet.Stratify(o, 5)
	if len(picks) != 5 || picks[0].Done[0] != time.Minute || picks[4].Done[1] != plan.Never {
		t.Errorf("%+v", picks)
	}
	if all := packet.Stratify(o, 1000); len(all) != 100 {
		t.Errorf("%d of 100", len(all))
	}
	s := branches()
	s.Classes[0].Count = 50
	s.Classes = append(s.Classes, s.Classes[0])
	s.Contents = append(s.Contents, plan.Content{Size: 1000}, plan.Content{Size: 1e10})
	c := packet.Cut(s, picks, 100_000)
	if c.Origin != 0 || c.Regions[0].Link != 0 || len(c.Classes[0].Only)+len(c.Classes[1].Only) != 5 {
		t.Errorf("%+v", c)
	}
	if got := []int64{c.Contents[0].Size, c.Contents[1].Size, c.Contents[2].Size}; !reflect.DeepEqual(got, []int64{4e6, 1000, 275200000}) {
		t.Errorf("the contents were cut to %d", got)
	}
	if s.Origin == 0 || s.Regions[0].Link == 0 || s.Classes[0].Only != nil || s.Contents[0].Size != 20e6 {
		t.Errorf("what was cut was not a copy: %+v", s)
	}
}

func TestErrors(t *testing.T) {
	place := func(wan int64, done ...time.Duration) plan.Place { return plan.Place{WAN: wan, Done: done} }
	e := packet.Compare(
		plan.Outcome{Places: []plan.Place{place(100, 90, -1), place(100, 100, plan.Never), place(100, 120, plan.Never)}},
		plan.Outcome{Places: []plan.Place{place(110, 100, -1), place(100, 100, plan.Never), place(90, 100, 50)}})
	if e.Places != 3 || e.Differ != 1 || e.Median != .1 || e.Worst != .2 || e.P95 != .2 || e.WAN != 0 || e.WorstAt.WAN != 90 {
		t.Errorf("%+v", e)
	}
}
