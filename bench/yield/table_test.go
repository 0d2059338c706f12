// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/bench"
	"github.com/ebbproject/ebb/golden"
)

func sample() *Report {
	f := func(kept, way float64) *figures {
		x := newFigures()
		for i, control := range bulks {
			x.rates[control] = []float64{19e6, 18e6, 18.5e6 + float64(i)*1e5}
			x.kept[control] = []float64{kept - 10, kept, kept + 1}
			x.way[control] = []float64{way}
			x.back[control] = []float64{1.25, 0.5, 3}
		}
		x.call50, x.call95, x.callLost = []float64{20.1}, []float64{20.4}, []float64{0}
		x.fetch50, x.fetch95 = []float64{187.4}, []float64{190}
		x.used, x.queue95 = []float64{96.5}, []float64{4.2}
		return x
	}
	worse := f(38, 15)
	worse.call95, worse.fetch50 = []float64{119}, []float64{454}
	dsl := ScenarioReport{Scenario: scenarios[0], Title: scenarios[0].String(), Goals: scenarios[0].goals(), Late: 0.031, Rows: []Row{
		f(97.5, 0.2).row("ebb"), worse.row("tcp:cubic"), newFigures().row("tcp:bbr"),
		{Background: "aria2", Missing: "not installed: no aria2c"}}}
	dsl.Solo = f(100, 0).row("nothing")
	dsl.Rows[2].Problem = "no route"
	alone, ours := f(100, 0).row("nothing"), f(99, 0.1).row("ebb")
	ours.Fetch50, ours.Rates["reno"] = &Value{Median: 195, N: 1}, &Value{Median: 12e6, N: 1}
	dsl.Simulated.Solo, dsl.Simulated.Rows = &alone, []Row{ours}
	fq := ScenarioReport{Scenario: scenarios[3], Title: scenarios[3].String(), Goals: scenarios[3].goals(), Missing: "somebody removed the device"}
	return &Report{Command: "go run ./bench/yield/cmd -rounds 3", Started: time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC), Seconds: 1041.6,
		Commit: "0123456789ab", Rounds: 3, Times: Full().Times, Scenarios: []ScenarioReport{dsl, fq},
		Machine: bench.Machine{CPU: "A CPU", Cores: 2, Memory: 24 << 30, Kernel: "6.1", Go: "go1.26", System: "linux/amd64", FileSystem: "ext4", Load: "0.10 0.20 0.30"}}
}

func TestTable(t *testing.T) {
	b := &strings.Builder{}
	if err := sample().Table(b); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.txt", b.String())
}

func TestDocument(t *testing.T) {
	b, err := json.MarshalIndent(sample(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.json", string(b)+"\n")
}
