// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"
)

// The doctor names by how much the clocks differ, and which way; what is borne is not wrong.
func TestTheDoctorComparesClocks(t *testing.T) {
	now := time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
	for ahead, want := range map[time.Duration]string{
		20 * time.Second:  "agrees with the hub's",
		-23 * time.Hour:   "23h0m behind the hub's; 24h0m is borne",
		90 * time.Minute:  "1h30m ahead of the hub's; 24h0m is borne",
		-31 * time.Hour:   "BAD this machine's clock is 31h0m behind the hub's: here it is 2030-01-02T12:00:00Z, there 2030-01-03T19:00:00Z",
		1000 * time.Hour:  "BAD this machine's clock is 1000h0m ahead of the hub's",
		-25 * time.Second: "agrees with the hub's",
	} {
		check, text, err := examineClock(ahead.Seconds(), now)
		if err != nil {
			text = "BAD " + err.Error()
		}
		if check != "clock" || !strings.HasPrefix(text, want) {
			t.Errorf("%v: %s %q, want %q", ahead, check, text, want)
		}
	}
}
