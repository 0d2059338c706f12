// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/golden"
)

// What people read, for every verdict.
func TestHarmForPeople(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := api.Harm{
		Locations: []api.HarmTo{
			{Location: "berlin", Verdict: api.VerdictHarm, Added: ms(54.07), Low: ms(48.1), High: ms(60.04), Pairs: 120, Probes: 2390, Since: since},
			{Location: "lagos", Verdict: api.VerdictNoEvidence, Added: ms(4), Low: ms(-9), High: ms(17), Pairs: 11, Probes: 219, Since: since},
			{Location: "oslo", Verdict: api.VerdictNoneFound, Added: ms(0.1), Low: ms(-0.21), High: ms(0.41), Pairs: 512, Probes: 10240, Since: since},
			{Location: "quito", Verdict: api.VerdictNoEvidence, Pairs: 3, Probes: 60, Since: since},
		},
		Paths: []api.HarmTo{
			{Peer: "0123456789abcdef", Location: "berlin", Verdict: api.VerdictHarm, Added: ms(54), Low: ms(48), High: ms(60), Pairs: 120, Probes: 2390},
			{Peer: "fedcba9876543210", Location: "quito", Verdict: api.VerdictNoEvidence},
		},
	}
	var out strings.Builder
	if err := harmTable(&out, h); err != nil {
		t.Fatal(err)
	}
	out.WriteString("\n")
	if err := harmTable(&out, api.Harm{}); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/harm.txt", out.String())
}
