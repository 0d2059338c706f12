// SPDX-License-Identifier: Apache-2.0

package link

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		field string
		c     Config
	}{
		{"", Config{}},
		{"", Config{Rate: 20e6, Delay: 20 * ms, BufferTime: 200 * ms, MTU: 1500, Overhead: 28, Loss: 0.01}},
		{"", Config{Rate: MaxRate, Delay: MaxDelay, BufferBytes: MaxBuffer, Loss: 1, Reorder: 1, ReorderDelay: 1}},
		{"", Config{Blackouts: []Window{{0, ms}, {ms, ms}, {5 * ms, 24 * time.Hour}}}},
		{"Rate", Config{Rate: -1}},
		{"Rate", Config{Rate: 20}},
		{"Rate", Config{Rate: math.NaN()}},
		{"Rate", Config{Rate: math.Inf(1)}},
		{"Delay", Config{Delay: -1}},
		{"Delay", Config{Delay: MaxDelay + 1}},
		{"BufferTime", Config{BufferTime: -1}},
		{"BufferBytes", Config{BufferBytes: -1}},
		{"BufferBytes", Config{BufferBytes: MaxBuffer + 1}},
		{"MTU", Config{MTU: -1}},
		{"Overhead", Config{Overhead: MaxSize + 1}},
		{"Overhead", Config{Overhead: 28, MTU: 28}},
		{"Loss", Config{Loss: 1.01}},
		{"Loss", Config{Loss: math.NaN()}},
		{"Jitter", Config{Jitter: -1}},
		{"JitterReorders", Config{JitterReorders: true}},
		{"Reorder", Config{Reorder: -0.1, ReorderDelay: ms}},
		{"Reorder", Config{Reorder: 0.1}},
		{"ReorderDelay", Config{ReorderDelay: -1}},
		{"Blackouts", Config{Blackouts: []Window{{0, 0}}}},
		{"Blackouts", Config{Blackouts: []Window{{-1, ms}}}},
		{"Blackouts", Config{Blackouts: []Window{{0, 2 * ms}, {ms, ms}}}},
		{"Blackouts", Config{Blackouts: []Window{{0, math.MaxInt64}}}},
	} {
		err := test.c.Validate()
		var bad *ConfigError
		switch {
		case test.field == "" && err != nil:
			t.Errorf("%+v: %v", test.c, err)
		case test.field != "" && (!errors.As(err, &bad) || bad.Field != test.field):
			t.Errorf("%+v: got %v, want a complaint about %s", test.c, err, test.field)
		}
	}
}

func TestAComplaintSaysWhatToDo(t *testing.T) {
	err := Config{Rate: 20}.Validate()
	if want := "link: Rate is 20 bit/s; give 0 (infinitely fast) or 1000 to 1000000000000"; err.Error() != want {
		t.Fatalf("%q, want %q", err, want)
	}
}

func TestNewPanicsOnWhatValidateRefuses(t *testing.T) {
	l := New[int](epoch, Config{})
	for name, call := range map[string]func(){
		"New":      func() { New[int](epoch, Config{Loss: 2}) },
		"SetRate":  func() { l.SetRate(epoch, -1) },
		"SetDelay": func() { l.SetDelay(epoch, -1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took it", name)
				}
			}()
			call()
		}()
	}
}

func TestSizesOutsideTheLimitsPanic(t *testing.T) {
	for _, size := range []int{-1, MaxSize + 1, MaxSize - 27} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bytes passed", size)
				}
			}()
			New[int](epoch, Config{Overhead: 28}).Send(epoch, datagram(size, 0))
		}()
	}
}
