// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"testing"
	"time"
)

// What is shown falls to nothing soon after the last byte, and not before: a slow path has gaps.
func TestARateFallsToNothing(t *testing.T) {
	var m meter
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	m.start(now)
	for range 40 {
		now = now.Add(250 * time.Millisecond)
		m.add(now, 250_000)
	}
	if r := m.lately(now); r < 0.9e6 || r > 1.1e6 {
		t.Errorf("%.0f bytes a second", r)
	}
	if r := m.lately(now.Add(4 * time.Second)); r <= 0 {
		t.Errorf("%.0f within a gap of a slow path", r)
	}
	if r := m.lately(now.Add(6 * time.Second)); r != 0 {
		t.Errorf("%.0f bytes a second six seconds after the last", r)
	}
	if m.at(now.Add(6*time.Second)) == 0 {
		t.Error("what is known of the path is forgotten")
	}
}
