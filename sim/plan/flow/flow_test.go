// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/sim/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shop is a foreground that is busy by day.
func shop() *plan.Profile {
	p := &plan.Profile{Name: "shop", Sway: .2}
	for h := range p.Load {
		p.Load[h] = .05
		if hour := h % 24; hour >= 8 && hour < 20 && h < 6*24 {
			p.Load[h] = .5
		}
	}
	return p
}

// shops are n locations of so many hosts behind some 20 Mbit/s, which are to have 6 GB.
func shops(n, hosts int) *plan.Scenario {
	return &plan.Scenario{
		Start: friday, Horizon: 72 * time.Hour, Seeds: []uint64{1}, Controller: "ebb", Regions: []plan.Region{{Name: "all"}},
		Classes: []plan.Class{{Name: "shops", Count: n, Profile: shop(),
			Link: plan.Link{Down: plan.Dist{Kind: plan.Uniform, A: 5e6, B: 45e6}, Up: plan.Exactly(5e6), RTT: plan.Dist{Kind: plan.Uniform, A: .01, B: .06},
				Buffer: plan.Exactly(.1), Loss: plan.Dist{Kind: plan.Uniform, B: .002}},
			Hosts: plan.Hosts{Count: plan.Exactly(float64(hosts)), LAN: 1e9}}},
		Contents: []plan.Content{{Name: "image", Size: 6e9}},
		Orders:   []plan.Order{{To: []int{0}, By: 12 * time.Hour}},
	}
}

// busy is a scenario in which everything happens that can.
func busy(t *testing.T) *plan.Scenario {
	s := shops(150, 12)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s.Regions = []plan.Region{{Name: "north", Link: 900e6, Zone: berlin}, {Name: "south"}}
	c := s.Classes[0]
	c.Name, c.Region, c.Count, c.Hosts.Online, c.Hosts.Held = "offices", 1, 40, hours(t, "07:00-19:00"), .3
	c.Hosts.Cache = plan.Dist{Kind: plan.Uniform, A: 5e9, B: 20e9}
	d := s.Classes[0]
	d.Name, d.Direct, d.Count, d.Hosts.Count = "homes", true, 30, plan.Exactly(1)
	d.Link.Trace = &plan.Trace{Step: 7 * time.Second, Rates: []plan.Rate{5e6, 20e6, 0, 40e6}}
	s.Classes = append(s.Classes, c, d)
	s.Contents[0].Overlap = .4
	s.Contents = append(s.Contents, plan.Content{Name: "fix", Size: 3e8})
	s.Orders = []plan.Order{{To: []int{0, 1, 2}, Window: hours(t, "20:00-06:00")}, {Content: 1, To: []int{1, 0}, At: time.Hour, Priority: 1}}
	s.Events = []plan.Event{
		{Kind: plan.LinkDown, Share: .2, At: 90 * time.Minute, For: time.Hour}, {Kind: plan.HubDown, Share: 1, At: 50 * time.Minute, For: 20 * time.Minute},
		{Kind: plan.Reboot, Share: .5, At: 30 * time.Minute, For: time.Hour, Down: 5 * time.Minute}, {Kind: plan.PowerCut, To: []int{1}, Share: .3, At: 3 * time.Hour, For: time.Hour},
		{Kind: plan.Pause, Share: 1, At: 2 * time.Hour, For: 10 * time.Minute}}
	s.Origin = 1.5e9
	return s
}

// hash is that of all that an outcome says, but for what the engine counts of itself.
func hash(o plan.Outcome) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v", o)
	return fmt.Sprintf("%016x", h.Sum64())
}

// parallel plays with so many workers.
func parallel(s *plan.Scenario, seed uint64, workers int) plan.Outcome {
	r := New(s, seed, blank, workers)
	for again := true; again; again = r.Meet() {
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() { r.Advance(i) })
		}
		all.Wait()
	}
	return r.Outcome()
}

// The same scenario and seed give the same outcome, bit for bit, whoever plays it on whatever machine.
func TestGoldenHashes(t *testing.T) {
	alone := busy(t)
	alone.Origin, alone.Regions[0].Link = 0, 0
	var b strings.Builder
	for i, s := range []*plan.Scenario{shops(40, 50), busy(t), alone} {
		want := parallel(s, 7, 1)
		for _, workers := range []int{2, 8} {
			if got := parallel(s, 7, workers); !reflect.DeepEqual(got, want) {
				t.Errorf("scenario %d: %d workers: %s, one: %s", i, workers, hash(got), hash(want))
			}
		}
		fmt.Fprintf(&b, "%d %s %d events\n", i, hash(want), want.Events)
	}
	const file = "testdata/hashes.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s differs (rewrite with -update, and say why):\n%s", file, b.String())
	}
}

// A location that is added changes nothing for the others.
func TestOthersDoNotMatter(t *testing.T) {
	few, many := Play(shops(20, 50), 3, blank), Play(shops(50, 50), 3, blank)
	if !reflect.DeepEqual(few.Places, many.Places[:20]) {
		t.Error("20 locations fare otherwise when there are 30 more")
	}
	s := shops(50, 50)
	s.Classes[0].Only = []int{4, 7, 31}
	if some := Play(s, 3, blank); len(some.Places) != 3 || !reflect.DeepEqual(some.Places[2], many.Places[31]) || some.Orders[0].Hosts != 150 {
		t.Errorf("%+v of %d hosts", some.Places, some.Orders[0].Hosts)
	}
}

// Whoever stops early has what there is.
func TestStoppedEarly(t *testing.T) {
	r := New(busy(t), 1, blank, 1)
	for range 200 {
		r.Advance(0)
		if !r.Meet() {
			t.Fatal("it ended before it was stopped")
		}
	}
	if p := r.Progress(); p <= 0 || p >= 1 {
		t.Errorf("progress is %v", p)
	}
	o := r.Outcome()
	if len(o.Places) != 220 || o.Orders[0].Complete == o.Orders[0].Hosts || o.Origin == 0 {
		t.Errorf("%d places, %d of %d hosts, %d bytes", len(o.Places), o.Orders[0].Complete, o.Orders[0].Hosts, o.Origin)
	}
	r = New(shops(500, 5), 1, blank, 2)
	r.Advance(0)
	r.Advance(1)
	r.Meet()
	if o := r.Outcome(); len(o.Places) != 2*batchSize || o.Orders[0].Hosts != 5*2*batchSize || r.Progress() != 2*batchSize/500. {
		t.Errorf("%d places, %d hosts, %v", len(o.Places), o.Orders[0].Hosts, r.Progress())
	}
}

// drawn is a small scenario that rapid makes.
func drawn(t *rapid.T) *plan.Scenario {
	f := func(name string, from, to float64) float64 { return rapid.Float64Range(from, to).Draw(t, name) }
	s := one()
	c := &s.Classes[0]
	c.Count, c.Profile = rapid.IntRange(1, 6).Draw(t, "count"), flat(f("load", 0, .95))
	c.Profile.Sway = f("sway", 0, 1)
	c.Link.Down, c.Link.RTT = plan.Dist{Kind: plan.Uniform, A: f("low", 1e6, 1e7), B: f("high", 1e7, 1e8)}, plan.Exactly(f("rtt", 0, .6))
	c.Hosts.Count, c.Hosts.LAN = plan.Exactly(float64(rapid.IntRange(1, 80).Draw(t, "hosts"))), plan.Rate(f("lan", 1e6, 1e9))
	c.Hosts.Held, s.Contents[0].Overlap = f("held", 0, 1), f("overlap", 0, 1)
	s.Contents[0].Size = rapid.Int64Range(1, 5e9).Draw(t, "size")
	s.Contents = append(s.Contents, plan.Content{Size: rapid.Int64Range(1, 5e9).Draw(t, "other")})
	s.Orders = append(s.Orders, plan.Order{Content: 1, To: []int{0}, At: time.Duration(rapid.IntRange(0, 3600).Draw(t, "at")) * time.Second,
		Priority: rapid.IntRange(-1, 1).Draw(t, "priority")})
	kinds := []plan.EventKind{plan.LinkDown, plan.HubDown, plan.Pause, plan.Reboot, plan.PowerCut}
	for range rapid.IntRange(0, 4).Draw(t, "events") {
		minutes := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(0, 90).Draw(t, name)) * time.Minute
		}
		s.Events = append(s.Events, plan.Event{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Share: 1, At: minutes("at"), For: minutes("for"), Down: minutes("down")})
	}
	if rapid.Bool().Draw(t, "region") {
		s.Regions[0].Link = plan.Rate(f("link", 1e6, 3e8))
	}
	if rapid.Bool().Draw(t, "origin") {
		s.Origin = plan.Rate(f("origin", 1e6, 3e8))
	}
	return s
}

// No link carries more than it can, no byte that a complete location lacked has not crossed, and none twice.
func TestBytesAreConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		o := Play(s, 1, blank)
		for i, h := range o.Hours {
			if h.Ebb+h.Foreground > h.Capacity+int64(s.Classes[0].Count) || h.Peak > 1 {
				t.Fatalf("hour %d: %+v", i, h)
			}
			if s.Origin > 0 && float64(h.Ebb) > float64(s.Origin)/8*3600+1000 {
				t.Fatalf("hour %d: %d bytes from an origin of %.0f", i, h.Ebb, float64(s.Origin)/8*3600)
			}
		}
		var sum int64
		for _, p := range o.Places {
			var most, least float64
			for k, at := range p.Done {
				size := float64(s.Contents[s.Orders[k].Content].Size)
				most += size
				if at != plan.Never {
					least += size * (1 - s.Contents[s.Orders[k].Content].Overlap)
				}
			}
			if float64(p.WAN) > most+2 || float64(p.WAN) < least-2 {
				t.Fatalf("%+v: between %.0f and %.0f bytes should have crossed", p, least, most)
			}
			sum += p.WAN
		}
		if sum != o.Origin || sum > o.Orders[0].WAN+o.Orders[1].WAN+int64(len(o.Places)) {
			t.Fatalf("%d bytes, and the origin says %d", sum, o.Origin)
		}
		for _, x := range o.Orders {
			if x.Complete != len(x.Done) || x.Complete > x.Hosts {
				t.Fatalf("%+v", x)
			}
		}
	})
}

// Faster links, a faster origin, or a smaller content never make it late, but by the distance of meetings.
func TestMoreIsNeverLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		s.Events = nil // a location that is ahead may lose more to one of them
		s.Classes[0].Profile.Sway = 0
		before := Play(s, 1, blank)
		switch rapid.IntRange(0, 2).Draw(t, "what") {
		case 0:
			by := rapid.Float64Range(1, 3).Draw(t, "by")
			s.Classes[0].Link.Down.A, s.Classes[0].Link.Down.B = s.Classes[0].Link.Down.A*by, s.Classes[0].Link.Down.B*by
			for h := range s.Classes[0].Profile.Load { // the foreground stays what it is
				s.Classes[0].Profile.Load[h] /= by
			}
		case 1:
			s.Origin *= 2
		case 2:
			s.Contents[0].Size = s.Contents[0].Size/2 + 1
		}
		after := Play(s, 1, blank)
		for i, p := range after.Places {
			last, was := max(p.Done[0], p.Done[1]), max(before.Places[i].Done[0], before.Places[i].Done[1])
			if s.Origin > 0 || s.Regions[0].Link > 0 {
				continue // what one location gains another may lose for a while
			}
			if was != plan.Never && last > was+rarest {
				t.Fatalf("location %d was complete after %v, and now after %v", i, was, last)
			}
		}
		if a, b := lastOf(after), lastOf(before); a > b+3*rarest {
			t.Fatalf("all were complete after %v, and now after %v", b, a)
		}
	})
}

func lastOf(o plan.Outcome) (last time.Duration) {
	for _, x := range o.Orders {
		if x.Complete < x.Hosts {
			return plan.Never - 10*rarest
		}
		last = max(last, x.Done[len(x.Done)-1])
	}
	return last
}

// The bars: 2,000 locations of 50 hosts in 15 CPU-s and 100 MB; a million hosts in 60 and 1 GB.
func BenchmarkThousands(b *testing.B) {
	for _, x := range []struct {
		name     string
		n, hosts int
		origin   plan.Rate
	}{{"2000x50", 2000, 50, 0}, {"2000x50/origin", 2000, 50, 10e9}, {"10000x100", 10000, 100, 0}, {"10000x100/origin", 10000, 100, 40e9}} {
		b.Run(x.name, func(b *testing.B) {
			s := shops(x.n, x.hosts)
			s.Origin = x.origin
			var m runtime.MemStats
			runs, begin := 0, cpu()
			for b.Loop() {
				runs++
				o := Play(s, 1, blank)
				if o.Orders[0].Complete != x.n*x.hosts {
					b.Errorf("%d of %d hosts complete", o.Orders[0].Complete, x.n*x.hosts)
				}
				runtime.ReadMemStats(&m)
			}
			b.ReportMetric(float64(m.Sys)/1e6, "MB")
			if used := cpu() - begin; used > 0 {
				b.ReportMetric(used/float64(runs), "cpu-s/op")
			}
		})
	}
}

// cpu is how many seconds this process has computed, on Linux; elsewhere 0.
func cpu() float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseFloat(f[11], 64) // of proc(5): utime and stime, in hundredths of a second
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}
