// SPDX-License-Identifier: Apache-2.0

package link

import (
	"slices"
	"testing"
	"time"
)

func TestAScheduleChangesRateAndDelay(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, Delay: 30 * ms, Schedule: Schedule{Steps: []Step{
		{At: 15 * ms, Rate: 2e6, Delay: 30 * ms}, // in the middle of packet 1
		{At: 25 * ms, Rate: 2e6, Delay: 10 * ms}, // packet 3 overtakes
	}}})
	for i := range 5 { // of 10 ms each at first
		l.Send(epoch, datagram(1250, i))
	}
	half := ms / 2
	want := []arrival{{3, 37*ms + half}, {0, 40 * ms}, {4, 42*ms + half}, {1, 47*ms + half}, {2, 52*ms + half}}
	if got := drain(t, l); !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

// A schedule does what SetRate and SetDelay at the same times do.
func TestAScheduleIsSetRateAndSetDelay(t *testing.T) {
	steps := []Step{{At: 20 * ms, Rate: 3e6, Delay: 5 * ms}, {At: 70 * ms, Rate: 0.5e6, Delay: 40 * ms}, {At: 400 * ms, Rate: 20e6, Delay: 40 * ms}}
	scheduled := New[int](epoch, Config{Rate: 1e6, Delay: 20 * ms, BufferTime: 100 * ms, Schedule: Schedule{Steps: steps}})
	told := New[int](epoch, Config{Rate: 1e6, Delay: 20 * ms, BufferTime: 100 * ms, Schedule: Schedule{Steps: []Step{{At: time.Hour}}}})
	var a, b []arrival
	take := func(l *Link[int], got []arrival, now time.Duration) []arrival {
		for d, ok := l.Take(at(now)); ok; d, ok = l.Take(at(now)) {
			got = append(got, arrival{d.Payload, now})
		}
		return got
	}
	for now, n := time.Duration(0), 0; now < 2*time.Second; now += ms {
		for _, s := range steps {
			if s.At == now {
				told.SetRate(at(now), s.Rate)
				told.SetDelay(at(now), s.Delay)
			}
		}
		if now%(5*ms) == 0 && now < time.Second {
			if va, vb := scheduled.Send(at(now), datagram(1000, n)), told.Send(at(now), datagram(1000, n)); va != vb {
				t.Fatalf("at %v: %v and %v", now, va, vb)
			}
			n++
		}
		a, b = take(scheduled, a, now), take(told, b, now)
	}
	if !slices.Equal(a, b) || len(a) < 100 {
		t.Fatalf("%v\n%v", a, b)
	}
}

// The rate of each phase, again in each period.
func TestAScheduleRepeats(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, BufferTime: 100 * ms, Schedule: Schedule{
		Steps:  []Step{{At: 100 * ms, Rate: 4e6}, {At: 300 * ms, Rate: 2e6}},
		Period: 500 * ms,
	}})
	bits := map[time.Duration]int{}
	for now := time.Duration(0); now < 10*time.Second; now += ms / 4 {
		l.Send(at(now), datagram(1250, 0)) // 40 Mbit/s
		for _, ok := l.Take(at(now)); ok; _, ok = l.Take(at(now)) {
			bits[now/(100*ms)] += 10_000
		}
	}
	for phase, got := range bits {
		want := map[time.Duration]int{0: 200_000, 1: 400_000, 2: 400_000, 3: 200_000, 4: 200_000}[phase%5]
		if phase == 0 {
			want = 100_000 // before the first step the Config holds; later the last step of the period before does
		}
		if got < want-10_000 || got > want+10_000 {
			t.Errorf("from %d ms on: %d bits in 100 ms, want %d", phase*100, got, want)
		}
	}
}

// Nothing is sent and nothing is asked, and a faster step still delivers in time: it moves the deadline.
func TestAStepMovesTheDeadline(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1000, Schedule: Schedule{Steps: []Step{{At: time.Second, Rate: 1e6}}}})
	l.Send(epoch, datagram(1250, 0)) // ten seconds at first
	got := drain(t, l)
	if want := time.Second + 9*ms; len(got) != 1 || got[0].at != want {
		t.Fatalf("%v, want %v", got, want)
	}
}
