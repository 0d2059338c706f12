// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

// folder are the sources of files in a folder.
func folder(dir string) Sources {
	return Sources{Open: func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, name)) }, Zone: time.LoadLocation}
}

// files are what the files of these tests may name.
var files = Sources{Zone: time.LoadLocation, Open: func(name string) (io.ReadCloser, error) {
	text, ok := map[string]string{"trace": "1\n2\n3\n2000\n", "empty": "", "rates": "rate,who\n10Mbit,a\n20Mbit\n", "bad": "10Mbit\nfast\n", "week": strings.Repeat("10%,20%\n", 84), "short": "1%\n2%\n"}[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}}

const minimal = `
start: 2030-02-01T20:00:00+01:00
locations: {shops: {count: 3, link: {down: 10Mbit, rtt: 40ms}, hosts: {count: 5}, profile: shop}}
contents: {image: {size: 1GB}}
orders: [{content: image, to: all}]
`

func TestAPlanSaysWhatIsMeant(t *testing.T) {
	f, err := Parse([]byte(minimal), files)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Scenario
	c := s.Classes[0]
	if c.Count != 3 || c.Link.Down.A != 1e7 || c.Link.Up.A != 1e7 || c.Link.RTT.A != .04 || c.Link.Buffer.A != .1 || c.Hosts.LAN != 1e9 ||
		c.Profile.Name != "shop" || c.Profile.Load[12] != .40 || s.Regions[c.Region].Name != "everywhere" || s.Horizon != 168*time.Hour || len(s.Seeds) != 10 ||
		s.Contents[0].Size != 1e9 || s.Orders[0].To[0] != 0 || len(f.Notes) != 0 || len(f.Hash) != 16 {
		t.Errorf("%+v", f)
	}
	text, err := os.ReadFile("../../../examples/plan/reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if f, err = Parse(text, folder("../../../examples/plan")); err != nil {
		t.Fatal(err)
	}
	s = f.Scenario
	shops, vans := s.Classes[0], s.Classes[2]
	if shops.Link.Down.Kind != plan.Lognormal || shops.Link.AQM != "codel" || shops.Hosts.Held != .9 || shops.Hosts.Online.String() != "06:00-24:00" || shops.Profile.Sway != .3 ||
		!vans.Direct || !vans.Metered || vans.Link.Trace == nil || len(vans.Link.Trace.Rates) != 20 || vans.Link.Trace.Step != time.Second || !(vans.Link.Up.A > 1e6) ||
		s.Classes[1].Link.Down.Values[5] != 2e8 || s.Regions[0].Zone.String() != "Europe/Oslo" ||
		s.Orders[0].By != 58*time.Hour || len(s.Orders[0].To) != 2 || s.Events[2].Content != 0 || s.Events[0].Content != -1 || s.Events[3].Down != 4*time.Minute {
		t.Errorf("%+v", s)
	}
	points := Points(s.Sweep)
	if len(points) != 6 || points[1][1] != (Setting{"orders.0.window", "20:00-08:00"}) {
		t.Fatalf("%q", points)
	}
	if s, err = f.With(points[5]...); err != nil || s.Classes[0].Link.Down.A != 32e6 || s.Orders[0].Window.String() != "20:00-08:00" {
		t.Errorf("%v, %+v", err, s.Classes)
	}
	if s, err = f.With(Setting{"locations.depots.link.loss", "1%"}); err != nil || s.Classes[1].Link.Loss.A != .01 {
		t.Errorf("a key that is not there is not added: %v", err)
	}
}

// Everything that is wrong is told at once, with its line and what was expected.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := Parse([]byte(`horizn: 4h
start: tomorrow
zone: Europe/Berlyn
seeds: [1, 1]
regions: {north: {zone: Nowhere}}
profiles:
  shop: {hours: [1%]}
  mine: {csv: short, like: office}
  yours: {csv: week}
locations:
  shops:
    region: nroth
    count: 0
    link: {down: 10, rtt: {uniform: [80ms, 20ms]}, loss: 90%, aqm: red}
    hosts: {count: {lognormal: {median: 0, p95: 5}}, held: 2}
    profile: tills
  vans: {link: {trace: empty}, hosts: {}}
  depots: {link: {down: {csv: bad}, rtt: 1ms, trace: missing}, hosts: {count: {csv: empty}}, profile: yours}
contents: {image: {size: 6}}
orders:
  - {content: imgae, to: [shosp]}
  - {to: []}
  - {content: image, to: all, at: 5h, by: 4h}
  - {content: image, to: all, at: 900h}
events:
  - {kind: fire, at: 1h, for: 1h}
  - {kind: reboot, at: 1h}
  - {kind: hub-down, at: 1h, for: 1h, to: [shops]}
`), files)
	var bad strict.Problems
	if !errors.As(err, &bad) {
		t.Fatal(err)
	}
	for _, want := range []string{
		`line 1: unknown key "horizn"`, `line 2: start is "tomorrow"; give a moment with its offset`, `line 3: zone is "Europe/Berlyn"`, "line 4: the seed 1 is there twice",
		`line 5: zone is "Nowhere"`, "line 7: the profile shop is built in", "line 7: there are 1 hours; give the 168", "line 8: there are 2 hours", "line 8: want one of csv, hours, like; there are 2",
		`line 12: there is no region "nroth"`, `line 13: count is "0"`, `line 14: the value is "10"; give 1kbit to 1000Gbit`, "line 14: uniform wants two values, the smaller one first",
		`line 14: the value is "90%"; give 0% to 50%`, `line 14: aqm is "red"; give one of pie, codel, fq-codel`, `line 15: the value is "0"; give at least 1`, `line 15: held is "2"`,
		`line 16: there is no profile "tills"`, "line 17: empty: not a trace: it is empty", "line 17: the link has no rtt", "line 17: hosts have no count", "line 17: vans: profile is missing",
		`line 18: bad: line 2 is "fast"; give 1kbit`, "line 18: missing: file does not exist", "line 18: empty: it is empty", `line 19: size is "6"`,
		`line 21: there is no content "imgae"`, `line 21: there is no location or region "shosp"`, "line 22: the order has no content", "line 22: the list is empty",
		"line 23: the deadline is 4h0m0s after the start, which is not after the order", "line 24: the order is given 900h0m0s after the start, which is not before the horizon",
		"line 24: image is ordered for shops twice, here and in line 23", `line 26: kind is "fire"; give one of link-down`, "line 27: the event needs at", "line 28: the hub is down for all",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestWhatContradictsItselfIsRefused(t *testing.T) {
	for change, want := range map[string]string{
		"count: 3|count: 200000000":                                                                    "these are 1000000000 hosts in 200000000 locations; at most 20000000 in 1000000 are played. They would take about 50m0s of CPU and 110 GB",
		"to: all}]|to: all}, {content: image, to: [shops], priority: 5}]":                              "line 5: image is ordered for shops twice, here with the priority 5 and in line 5 with 0",
		"to: all}]|to: all, window: 20:00-22:00}, {content: image, to: [shops], window: 03:00-05:00}]": "here in the hours 03:00-05:00 and in line 5 in 20:00-22:00",
		"to: all}|to: all, window: 03:00-05:00, by: 5h}":                                               "the window 03:00-05:00 is never open between the order and its deadline",
		"to: all}|to: all, by: 200h}":                                                                  "beyond the horizon of 168h0m0s",
		"to: all}|to: all, at: 2030-01-01T00:00:00Z}":                                                  "is before the start",
		"down: 10Mbit|down: {lognormal: {median: 1Gbit, p95: 900Gbit}}":                                "its largest draws are beyond what is possible",
		"orders: |sweep: {locations.shop.link.down: [1Mbit]}\norders: ":                                `sweep of locations.shop.link.down, 1Mbit: there is nothing at "shop.link.down" of it`,
		"contents: |sweep: {locations.shops.link.dwon: [1Mbit]}\ncontents: ":                           `there is no such key "dwon"`,
		"contents:|sweep: {locations.shops.link.down: []}\ncontents:":                                  "the list is empty",
		"{shops: {count|{}\nlocatons: {shops: {count":                                                  "locations is empty",
	} {
		from, to, _ := strings.Cut(change, "|")
		_, err := Parse([]byte(strings.Replace(minimal, from, to, 1)), files)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
	f, err := Parse([]byte(strings.Replace(strings.Replace(minimal, "count: 5", "count: 5, cache: 100MB", 1), "profile: shop", "profile: shop, metered: true", 1)), files)
	if err != nil || len(f.Notes) != 2 {
		t.Errorf("%v: notes %v", err, f)
	}
	f, err = Parse([]byte(strings.Replace(strings.Replace(minimal, "count: 5", "count: 5, online: 07:00-20:00", 1), "to: all", "to: all, window: 22:00-06:00", 1)), files)
	if err != nil || len(f.Notes) != 1 || !strings.Contains(f.Notes[0].Text, "hosts of shops are on 07:00-20:00, never within the window 22:00-06:00") {
		t.Errorf("%v: notes %v", err, f)
	}
}

// Whatever a file says, it is refused with lines, or every draw of it is possible.
func FuzzParse(f *testing.F) {
	f.Add(minimal)
	text, err := os.ReadFile("../../../examples/plan/reference.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(strings.Replace(minimal, "down: 10Mbit", "trace: trace, loss: {samples: [1%, 2%]}", 1))
	f.Add(strings.Replace(minimal, "10Mbit", "{csv: rates}", 1) + "sweep: {orders.0.priority: [1, 2], locations.shops.count: [4]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse([]byte(text), files)
		var bad strict.Problems
		if err != nil {
			if !errors.As(err, &bad) || len(bad) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for _, c := range got.Scenario.Classes {
			for _, q := range []float64{0, .5, 1} {
				if v := c.Link.Loss.Quantile(q); !(v >= 0 && v <= .5) {
					t.Fatalf("loss %g", v)
				}
				if v := c.Hosts.Count.Quantile(q); !(v >= 1) || c.Profile == nil || c.Region < 0 {
					t.Fatalf("%g hosts", v)
				}
			}
		}
		for i, p := range Points(got.Scenario.Sweep) {
			if _, err := got.With(p[0]); err != nil || i > 3 {
				break
			}
		}
	})
}
