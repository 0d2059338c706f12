// SPDX-License-Identifier: Apache-2.0

package week

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"
)

// lived fills hours: from a time on, so long, at that rate.
func lived(m *Memory, from time.Time, lasts time.Duration, rate float64) {
	for at := from; at.Before(from.Add(lasts)); at = at.Add(Every) {
		m.Saw(at, rate)
	}
}

// By night a link carries 20 Mbit/s; on Tuesday mornings others use three quarters of it.
func TestWhatOthersUse(t *testing.T) {
	var m Memory
	monday := time.Date(2030, 1, 7, 0, 0, 0, 0, time.FixedZone("", 3600))
	if _, known := m.Load(); known != 0 || m.Capacity() != 0 {
		t.Error("something is known of nothing")
	}
	lived(&m, monday.Add(2*time.Hour), 3*time.Hour, 20e6)
	lived(&m, monday.Add(33*time.Hour), time.Hour, 5e6)
	lived(&m, monday.Add(50*time.Hour), 30*time.Second, 90e6) // too short to be believed
	load, known := m.Load()
	if known != 4 || m.Capacity() != 20e6 || load[2] != 0 || load[4] != 0 || load[33] != 0.75 || load[34] >= 0 || load[50] >= 0 {
		t.Errorf("%d hours, %.0f bit/s: %v", known, m.Capacity(), load)
	}
	// The line is renewed: after two such nights the old rate is all but forgotten.
	for week := range 3 {
		lived(&m, monday.AddDate(0, 0, 7*(week+1)).Add(2*time.Hour), 2*time.Hour, 100e6)
	}
	if c := m.Capacity(); c < 75e6 {
		t.Errorf("%.0f bit/s after three weeks of 100 Mbit/s", c)
	}
}

func FuzzDecode(f *testing.F) {
	var m Memory
	m.Saw(time.Date(2030, 1, 7, 12, 0, 0, 0, time.UTC), 1e6)
	f.Add(m.Encode())
	bad := m.Encode()
	bad[4] = 0xff // a negative rate, or none
	f.Add(bad)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return
		}
		if !bytes.Equal(got.Encode(), b) {
			t.Error("it says something else now")
		}
		load, _ := got.Load()
		for _, x := range load {
			if x > 1 || math.IsNaN(x) {
				t.Errorf("a load of %g", x)
			}
		}
	})
}
