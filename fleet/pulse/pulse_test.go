// SPDX-License-Identifier: Apache-2.0

package pulse_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/pulse"
)

func TestTheStatesAreThoseOfFlows(t *testing.T) {
	want := []string{api.StateResolving, api.StateFetching, api.StateAssembling, api.StatePaused, api.StateDone, api.StateFailed, api.StateCancelled}
	if got := strings.Join(pulse.States, " "); got != strings.Join(want, " ") {
		t.Errorf("states %s, and flows have %s", got, want)
	}
}

// An idle host says nothing, and one that is as busy as can be told stays small.
func TestPulsesAreSmall(t *testing.T) {
	var p pulse.Pulse
	for range pulse.MaxFlows {
		p.Flows = append(p.Flows, pulse.Flow{ID: "f12345", Content: content.Sum([]byte("x")), State: "assembling", Reason: "higher-priority-first",
			Have: math.MaxInt64, Size: math.MaxInt64, Rate: 1e10, Priority: -100})
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		p    pulse.Pulse
		most int
	}{{pulse.Pulse{}, 2}, {p, 16 * 260}} {
		b, err := json.Marshal(x.p)
		if err != nil || len(b) > x.most {
			t.Errorf("%d bytes, more than %d: %v", len(b), x.most, err)
		}
	}
}

func TestBadPulsesAreRefused(t *testing.T) {
	good := pulse.Flow{ID: "f1", State: "fetching", Reason: "no-peers", Have: 1, Size: 2}
	for name, spoil := range map[string]func(*pulse.Pulse){
		"too many":       func(p *pulse.Pulse) { p.Flows = make([]pulse.Flow, pulse.MaxFlows+1) },
		"unknown state":  func(p *pulse.Pulse) { p.Flows[0].State = "dancing" },
		"script":         func(p *pulse.Pulse) { p.Flows[0].Reason = "<script>" },
		"long ref":       func(p *pulse.Pulse) { p.Flows[0].Ref = strings.Repeat("x", 129) },
		"more than all":  func(p *pulse.Pulse) { p.Flows[0].Have = 3 },
		"negative rate":  func(p *pulse.Pulse) { p.Flows[0].Rate = -1 },
		"negative more":  func(p *pulse.Pulse) { p.More = -1 },
		"shouted reason": func(p *pulse.Pulse) { p.Refuses = "CPU" },
	} {
		p := pulse.Pulse{Flows: []pulse.Flow{good}}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		if spoil(&p); p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, w := range map[string]pulse.Way{"no place": {To: "Not A Place"}, "not a number": {To: "oslo", Queue: math.NaN()},
		"negative": {To: "oslo", Queue: -1}, "endless harm": {To: "oslo", Harm: &pulse.Harm{Added: math.Inf(1)}}} {
		if pulse.ValidateWays([]pulse.Way{w}, fleet.ValidLocation) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := pulse.ValidateWays([]pulse.Way{{To: "oslo", Queue: 3}}, func(string) error { return errors.New("no") }); err == nil {
		t.Error("a way to nowhere is accepted")
	}
}
