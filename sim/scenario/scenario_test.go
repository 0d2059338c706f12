// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim/matrix"
	"github.com/ebbproject/ebb/units/strict"
)

// traces are the files that scenarios of these tests may name.
func traces(name string) (io.ReadCloser, error) {
	text, ok := map[string]string{"good": "1\n2\n3\n", "empty": "", "back": "5\n4\n", "zero": "0\n"}[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

const minimal = "link: {rate: 20Mbit, rtt: 40ms, buffer: 2 BDP}\nours: [{}]\n"

func TestScenarioSaysWhatIsMeant(t *testing.T) {
	f, err := Parse([]byte(minimal), traces)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Setup
	if f.Duration != time.Minute || f.Seed != 1 || s.Forward.Rate != 20e6 || s.Forward.Delay != 20*time.Millisecond ||
		s.Reverse.Delay != 20*time.Millisecond || s.Forward.BufferBytes != 200_000 || s.Also[0].Controller != "ebb" {
		t.Errorf("%+v", f)
	}
	f, err = Parse([]byte(`
duration: 90s
seed: 7
link:
  rate: 8Mbit
  rtt: 60ms
  buffer: 100 packets
  loss: 1 %
  aqm: codel
  ecn: true
  policer: {rate: 5Mbit, burst: 64KiB}
  changes: [{at: 10s, rate: 4Mbit}, {at: 20s, delay: 50ms}]
  repeat: 40s
  blackouts: [{from: 3s, for: 1s}]
reverse: {rate: 1Mbit, delay: 5ms, buffer: 100ms}
ours:
  - {controller: ledbatpp, flows: 3, grouped: true, start: 2s, stop: 80s, target: 40ms, ecn: false, skew_ppm: -20}
traffic:
  - {kind: short, load: 30%, size: 50kB, control: bbr, flows: 2}
  - {kind: pages, start: 1s, back: true}
`), traces)
	if err != nil {
		t.Fatal(err)
	}
	s = f.Setup
	steps := s.Forward.Schedule.Steps
	if s.Forward.AQM != (link.CoDel{ECN: true}) || s.Forward.Policer != (link.Policer{Rate: 5e6, Burst: 65536}) || s.Forward.Loss != 0.01 ||
		s.Forward.BufferBytes != 150_000 || steps[0].Delay != 30*time.Millisecond || steps[1].Rate != 4e6 || len(s.Forward.Blackouts) != 1 {
		t.Errorf("forward: %+v", s.Forward)
	}
	if s.Reverse.Rate != 1e6 || s.Reverse.Delay != 5*time.Millisecond || s.Reverse.BufferTime != 100*time.Millisecond {
		t.Errorf("reverse: %+v", s.Reverse)
	}
	if o := s.Also[0]; len(o.Starts) != 3 || !o.Grouped || !o.NotECT || o.Clock.Skew != -20 || o.Target != 40*time.Millisecond {
		t.Errorf("ours: %+v", o)
	}
	if a, b := s.Others[0], s.Others[1]; a.Kind != matrix.Short || a.Load != 0.3 || a.Size != 50_000 || a.Flows != 2 || b.Kind != matrix.Pages || !b.Back {
		t.Errorf("traffic: %+v", s.Others)
	}
}

func TestScenarioRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "it is empty"},
		{"link: [", "line 1"},
		{minimal + "---\n" + minimal, "more than one document"},
		{"- 1", "line 1: want keys and values here, of duration, link"},
		{"ours: [{}]", "link is missing"},
		{"link: {rate: 1Mbit}", "nobody sends"},
		{minimal + "sed: 1\n", `line 3: unknown key "sed"; known here: duration, link`},
		{minimal + "seed: 1\nseed: 2\n", "line 4: seed is given twice"},
		{minimal + "seed: -1\n", `seed is "-1"; give 0 to`},
		{minimal + "duration: [1]\n", "duration: want a single value"},
		{minimal + "duration:\n", "duration: want a single value"},
		{minimal + "duration: 25h\n", `duration is "25h"`},
		{"link: {rate: -1Mbit}\nours: [{}]", `rate is "-1Mbit"`},
		{"link: {rate: 1e30Gbit}\nours: [{}]", `rate is "1e30Gbit"`},
		{"link: {rate: NaNMbit}\nours: [{}]", `rate is "NaNMbit"`},
		{"link: {rate: 20}\nours: [{}]", `rate is "20"; give 1kbit to 1000Gbit, as 20Mbit`},
		{"link: {rtt: -1ms}\nours: [{}]", `rtt is "-1ms"`},
		{"link: {rtt: 2h}\nours: [{}]", `rtt is "2h"`},
		{"link: {buffer: lots}\nours: [{}]", `buffer is "lots"; give bytes, time, packets or BDP`},
		{"link: {buffer: -1 BDP}\nours: [{}]", `buffer is "-1 BDP"`},
		{"link: {buffer: 1 BDP}\nours: [{}]", "without a rate and an rtt there is none"},
		{"link: {loss: 150%}\nours: [{}]", `loss is "150%"; give a share`},
		{"link: {loss: NaN}\nours: [{}]", `loss is "NaN"`},
		{"link: {aqm: red}\nours: [{}]", `aqm is "red"; give one of pie, codel, fq-codel`},
		{"link: {ecn: true}\nours: [{}]", "ecn is for a link with an aqm"},
		{"link: {ecn: perhaps}\nours: [{}]", `ecn is "perhaps"; give true or false`},
		{"link: {aqm: pie}\nours: [{}]", "AQM is set on a link that is infinitely fast"},
		{"link: {trace: empty}\nours: [{}]", "trace: not a trace: it is empty"},
		{"link: {trace: []}\nours: [{}]", "trace: not a trace: it is empty"},
		{"link: {trace: back}\nours: [{}]", "trace: line 2 of the trace is 4 ms, before the 5 ms"},
		{"link: {trace: [3, x]}\nours: [{}]", `trace: line 2 of the trace is "x"`},
		{"link: {trace: zero}\nours: [{}]", "it lasts 0 ms"},
		{"link: {trace: missing}\nours: [{}]", "trace: file does not exist"},
		{"link: {trace: good, rate: 1Mbit}\nours: [{}]", "Rate is set, and so is a Trace"},
		{"link: {policer: {rate: 1Mbit}}\nours: [{}]", "Policer.Burst is 0 bytes"},
		{"link: {changes: [{at: 2s}, {at: 1s}]}\nours: [{}]", "Schedule.Steps number 2 is at 1s"},
		{"link: {changes: 3}\nours: [{}]", "changes: want a list"},
		{"link: {blackouts: [{from: 1s}]}\nours: [{}]", "Blackouts number 1 lasts 0s"},
		{"link: {rate: 1Mbit}\nours: [{controller: eb}]", `controller is "eb"; give one of rfc6817, ledbatpp, ebb`},
		{"link: {rate: 1Mbit}\nours: [{target: -1ms}]", `target is "-1ms"`},
		{"link: {rate: 1Mbit}\nours: [{target: 1s}]", "Target is 1s, must be above 0 and at most 100ms"},
		{"link: {rate: 1Mbit}\nours: [{flows: 0}]", `flows is "0"; give 1 to 1000`},
		{"link: {rate: 1Mbit}\nours: [{skew_ppm: 1e9}]", `skew_ppm is "1e9"; give -10000 to 10000`},
		{"link: {rate: 1Mbit}\nours: [{start: 5s, stop: 5s}]", "stop is 5s and start 5s; stop later"},
		{"link: {rate: 1Mbit}\ntraffic: [{control: vegas}]", `control is "vegas"; give one of reno, cubic, bbr, copa`},
		{"link: {rate: 1Mbit}\ntraffic: [{kind: video}]", `kind is "video"; give one of bulk, calls, pages, short`},
		{"link: {rate: 1Mbit}\ntraffic: [{load: 10%}]", "load is for traffic of kind short"},
		{"link: {rate: 1Mbit}\ntraffic: [{kind: short}]", "needs a load"},
		{"link: {rtt: 10ms}\ntraffic: [{kind: short, load: 10%}]", "and the link has none"},
	} {
		_, err := Parse([]byte(c.text), traces)
		var bad strict.Problems
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// Whatever a file says, it is refused with lines or can be run.
func FuzzParse(f *testing.F) {
	f.Add(minimal)
	f.Add("link: {rate: 8Mbit, rtt: 60ms, aqm: pie, changes: [{at: 1s, rate: 4Mbit}], repeat: 4s}\ntraffic: [{kind: short, load: 30%}, {kind: calls}]")
	f.Add("link: {trace: [1, 2, 3], wifi: 4ms, loss: 1 %, policer: {rate: 1Mbit, burst: 10kB}}\nours: [{controller: rfc6817, target: 10ms}]")
	f.Add("link: &a {rate: 1Mbit}\nreverse: *a\nours: [{}]")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse([]byte(text), traces)
		if err != nil {
			return
		}
		// A little of it, if it is not a matter of minutes.
		c := got.Setup
		flows := len(c.Others)
		for _, o := range c.Also {
			flows += len(o.Starts)
		}
		for _, o := range c.Others {
			flows += o.Flows
		}
		if flows < 20 && c.Forward.Rate > 0 && c.Forward.Rate < 1e8 {
			c.Play(got.Seed, min(got.Duration, 50*time.Millisecond))
		}
	})
}
