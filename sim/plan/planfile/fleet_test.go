// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"strings"
	"testing"
	"time"
)

// What is drafted of a fleet is a plan, and says what was not known.
func TestADraftIsAPlan(t *testing.T) {
	f := Fleet{Start: time.Date(2030, 2, 1, 20, 0, 0, 0, time.UTC), Regions: []string{"north"}, Places: []FleetPlace{
		{Name: "berlin", Region: "north", Hosts: 12, Down: 5e7, Up: 1e7}, {Name: "net-10.1.0.0-16", Seen: 4_321_987}, {Name: "van 7", Hosts: 1, Metered: true}}}
	text := f.Draft()
	got, err := Parse(text, files)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c := got.Scenario.Classes
	if len(c) != 3 || c[0].Link.Down.A != 5e7 || c[0].Hosts.Count.A != 12 || got.Scenario.Regions[c[0].Region].Name != "north" || c[1].Link.Down.A != 4_321_000 || !c[2].Metered || len(got.Notes) != 0 {
		t.Errorf("%+v %v", c, got.Notes)
	}
	for _, want := range []string{"rtt      40ms stands for every location", "# down: the greatest rate seen lately; up: not known; hosts: none reports, 1 stands for them\n", "# down: not known; up: not known\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not said in\n%s", want, text)
		}
	}
}

// What the hub remembers of a link makes its profile: known hours as they were, the others as in an office.
func TestADraftRemembers(t *testing.T) {
	hours := make([]float64, 168)
	for h := range hours {
		hours[h] = -1
		if h < 30 {
			hours[h] = 0.25
		}
	}
	f := Fleet{Start: time.Date(2030, 2, 1, 20, 0, 0, 0, time.UTC), Places: []FleetPlace{
		{Name: "berlin", Hosts: 1, Carries: 48_765_432, Seen: 1e6, Load: hours}, {Name: "oslo", Hosts: 1, Load: hours[10:]}}}
	text := f.Draft()
	got, err := Parse(text, files)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	office, _ := Profile("office")
	berlin, oslo := got.Scenario.Classes[0], got.Scenario.Classes[1]
	if berlin.Link.Down.A != 48_765_000 || berlin.Profile.Load[29] != 0.25 || berlin.Profile.Load[40] != office.Load[40] || oslo.Profile.Name != "office" {
		t.Errorf("%+v, %s\n%s", berlin, oslo.Profile.Name, text)
	}
	if !strings.Contains(string(text), "# 30 of 168 hours are remembered") || !strings.Contains(string(text), "# down: the best hour that is remembered; up: not known\n") {
		t.Errorf("%s", text)
	}
}
