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
		{"", Config{Rate: 1e6, AQM: CoDel{}}},
		{"", Config{Rate: 1e6, AQM: PIE{Target: 20 * ms, ECN: true}}},
		{"", Config{Trace: trace(1), AQM: RED{Min: 1, Max: 2}}},
		{"", Config{Rate: 1e6, AQM: FQCoDel{}, WiFi: WiFi{Interval: 4 * ms, Access: 4 * ms}, BurstLoss: GilbertElliott{ToBad: 0.1, ToGood: 0.1, LossBad: 1}}},
		{"", Config{LTE: LTE{Interval: ms, Retransmit: 1}, Policer: Policer{Rate: 1e6, Burst: 1500}}},
		{"", Config{Schedule: Schedule{Steps: []Step{{At: 0}, {At: ms, Rate: 1e6, Delay: ms}}, Period: 2 * ms}}},
		{"", Config{Trace: trace(1), Schedule: Schedule{Steps: []Step{{At: ms, Delay: ms}}}}},
		{"AQM", Config{AQM: CoDel{}}},
		{"AQM", Config{Rate: 1e6, AQM: (*CoDel)(nil)}},
		{"CoDel.Target", Config{Rate: 1e6, AQM: CoDel{Target: -1}}},
		{"CoDel.Interval", Config{Rate: 1e6, AQM: CoDel{Interval: 5 * ms}}},
		{"CoDel.Interval", Config{Rate: 1e6, AQM: CoDel{Interval: 2 * time.Hour}}},
		{"FQCoDel.Target", Config{Rate: 1e6, AQM: FQCoDel{Target: 2 * time.Hour}}},
		{"FQCoDel.Quantum", Config{Rate: 1e6, AQM: FQCoDel{Quantum: -1}}},
		{"PIE.Target", Config{Rate: 1e6, AQM: PIE{Target: -1}}},
		{"PIE.Update", Config{Rate: 1e6, AQM: PIE{Update: 1}}},
		{"PIE.MaxBurst", Config{Rate: 1e6, AQM: PIE{MaxBurst: -1}}},
		{"RED.Min", Config{Rate: 1e6, AQM: RED{}}},
		{"RED.Max", Config{Rate: 1e6, AQM: RED{Min: 2, Max: 2}}},
		{"RED.MaxP", Config{Rate: 1e6, AQM: RED{Min: 1, Max: 2, MaxP: math.NaN()}}},
		{"RED.Weight", Config{Rate: 1e6, AQM: RED{Min: 1, Max: 2, Weight: 2}}},
		{"Policer.Rate", Config{Policer: Policer{Rate: math.NaN(), Burst: 1500}}},
		{"Policer.Burst", Config{Policer: Policer{Rate: 1e6}}},
		{"Policer.Burst", Config{Policer: Policer{Burst: 1500}}},
		{"Trace", Config{Trace: &Trace{}}},
		{"Rate", Config{Trace: trace(1), Rate: 1e6}},
		{"Schedule.Steps", Config{Schedule: Schedule{Steps: []Step{{At: ms}, {At: ms}}}}},
		{"Schedule.Steps", Config{Schedule: Schedule{Steps: []Step{{At: -1}}}}},
		{"Schedule.Steps", Config{Schedule: Schedule{Steps: []Step{{Rate: 1}}}}},
		{"Schedule.Steps", Config{Schedule: Schedule{Steps: []Step{{Delay: -1}}}}},
		{"Schedule.Steps", Config{Trace: trace(1), Schedule: Schedule{Steps: []Step{{Rate: 1e6}}}}},
		{"Schedule.Period", Config{Schedule: Schedule{Period: ms}}},
		{"Schedule.Period", Config{Schedule: Schedule{Steps: []Step{{At: ms}}, Period: ms}}},
		{"BurstLoss.ToBad", Config{BurstLoss: GilbertElliott{LossBad: 1}}},
		{"BurstLoss.ToBad", Config{BurstLoss: GilbertElliott{ToBad: 1.5}}},
		{"BurstLoss.ToGood", Config{BurstLoss: GilbertElliott{ToBad: 0.1, LossBad: 1}}},
		{"BurstLoss.LossBad", Config{BurstLoss: GilbertElliott{ToBad: 0.1, ToGood: 0.1}}},
		{"WiFi.Interval", Config{WiFi: WiFi{Interval: -1}}},
		{"WiFi.Access", Config{WiFi: WiFi{Access: ms}}},
		{"LTE", Config{WiFi: WiFi{Interval: ms}, LTE: LTE{Interval: ms}}},
		{"LTE.Interval", Config{LTE: LTE{Retransmit: 0.1}}},
		{"LTE.Retransmit", Config{LTE: LTE{Interval: ms, Retransmit: -0.1}}},
		{"JitterReorders", Config{LTE: LTE{Interval: ms}, Jitter: ms, JitterReorders: true}},
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
	l, traced := New[int](epoch, Config{}), New[int](epoch, Config{Trace: trace(1)})
	for name, call := range map[string]func(){
		"New":      func() { New[int](epoch, Config{Loss: 2}) },
		"SetRate":  func() { l.SetRate(epoch, -1) },
		"a trace":  func() { traced.SetRate(epoch, 1e6) },
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
