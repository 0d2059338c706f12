// SPDX-License-Identifier: Apache-2.0

package lane

import (
	"errors"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

const minute = time.Minute

// served is how much of a usual link is ours after five minutes, and how much has arrived of what the load of the foreground asks for.
func served(t *testing.T, c Config, load float64) (ours, others float64) {
	t.Helper()
	c.Down, c.Up, c.RTT, c.Buffer, c.Seed = 8e6, 2e6, 40*time.Millisecond, 100*time.Millisecond, 7
	l, err := New(c, Steady(c.Down, 7, load, 5*minute), 0)
	if err != nil {
		t.Fatal(err)
	}
	before := l.Others()
	l.Run(5 * minute)
	all := c.Down / 8 * (5 * minute).Seconds()
	return float64(l.Ours()) / all, float64(l.Others()-before) / all / load
}

// A fair queue gives each connection of the foreground its part, not all of them together the half of the link.
func TestAFairQueueTellsTransfersApart(t *testing.T) {
	_, alone := served(t, Config{AQM: "fq-codel"}, .8)
	ours, beside := served(t, Config{AQM: "fq-codel", Controller: "rfc6817"}, .8)
	t.Logf("alone %.3f of the load arrives, beside us %.3f, and %.3f of the link is ours", alone, beside, ours)
	if alone < .9 || beside < .98*alone {
		t.Errorf("alone %.3f of the load arrives, beside us %.3f", alone, beside)
	}
}

// What both bring adds up to the link and no more, whatever queue there is.
func TestBothFillTheLink(t *testing.T) {
	for _, aqm := range []string{"", "codel", "fq-codel", "pie"} {
		ours, others := served(t, Config{AQM: aqm, Controller: "rfc6817"}, .3)
		if sum := ours + .3*others; sum < .8 || sum > 1.001 {
			t.Errorf("%q: ours %.3f and %.3f of the load are %.3f of the link", aqm, ours, others, sum)
		}
	}
}

func TestALimitHolds(t *testing.T) {
	l, err := New(Config{Down: 8e6, Up: 2e6, RTT: 40 * time.Millisecond, Buffer: 100 * time.Millisecond, Controller: "rfc6817"}, Foreground{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.Limit(125_000)
	l.Run(minute)
	if got := float64(l.Arrived()*Datagram) / 60; got < 115_000 || got > 126_000 {
		t.Errorf("%.0f bytes a second of 125,000", got)
	}
}

// daily is a foreground whose load is .2 in the first minute, .6 in the second, and then nothing.
func daily() Foreground {
	return Foreground{Rate: 8e6, Seed: 3, Until: 10 * minute, Load: func(at time.Duration) float64 {
		switch {
		case at < minute:
			return .2
		case at < 2*minute:
			return .6
		}
		return 0
	}}
}

// A load changes, and a download begins and ends when it is told to.
func TestTheForegroundChanges(t *testing.T) {
	l, err := New(Config{Down: 8e6, Up: 2e6, RTT: 40 * time.Millisecond, Buffer: 100 * time.Millisecond}, daily(), 0)
	if err != nil {
		t.Fatal(err)
	}
	mbit := func(until time.Duration) float64 {
		before, at := l.Others(), l.now
		l.Run(until)
		return float64(l.Others()-before) * 8 / 1e6 / (until - at).Seconds()
	}
	if got := mbit(minute); got < 1.2 || got > 2 {
		t.Errorf("a load of .2 is %.2f Mbit/s", got)
	}
	if got := mbit(2 * minute); got < 4 || got > 5.6 {
		t.Errorf("a load of .6 is %.2f Mbit/s", got)
	}
	l.Bulk(2*minute+10*time.Second, 2*minute+20*time.Second)
	if got := mbit(2*minute + 9*time.Second); got > .5 {
		t.Errorf("without a load there are %.2f Mbit/s", got)
	}
	if got := mbit(2*minute + 20*time.Second); got < 6 {
		t.Errorf("a download has %.2f Mbit/s", got)
	}
	mbit(2*minute + 22*time.Second)
	if got := mbit(2*minute + 30*time.Second); got > .5 {
		t.Errorf("after it there are %.2f Mbit/s", got)
	}
	if l.Queue(.5) != 0 || l.Queue(1) < 50*time.Millisecond {
		t.Errorf("the queue was %v at the median and %v at most", l.Queue(.5), l.Queue(1))
	}
}

// What the demand asks for is what a lane brings, to the byte, from whichever moment on, and it does not matter who asked before.
func TestDemandIsWhatCrosses(t *testing.T) {
	f := daily()
	for _, began := range []time.Duration{0, 20 * time.Second, 90 * time.Second, 5 * minute} {
		l, err := New(Config{Down: 8e6, Up: 2e6, RTT: 40 * time.Millisecond, Buffer: 100 * time.Millisecond}, f, began)
		if err != nil {
			t.Fatal(err)
		}
		l.Run(4 * minute)
		d := f.From(began - WarmUp)
		asked := d.Asked(began)
		for at := began; at < 11*minute; at += 7 * time.Second {
			asked += d.Asked(at)
		}
		if got := l.Others(); max(got-asked, asked-got) > 100 {
			t.Errorf("from %v on: %d bytes were asked for and %d came", began, asked, got)
		}
		if debt := l.Debt(); debt > 100 {
			t.Errorf("from %v on: in the end %d bytes are missing", began, debt)
		}
	}
	all, part := f.From(0).Asked(11*minute), f.From(0).Asked(70*time.Second)+f.From(70*time.Second).Asked(11*minute)
	if max(all-part, part-all) > 1 {
		t.Errorf("%d bytes in one and %d in two", all, part)
	}
}

// What has been asked for has come or is missing.
func TestDebt(t *testing.T) {
	f := daily()
	l, err := New(Config{Down: 8e6, Up: 2e6, RTT: 40 * time.Millisecond, Buffer: 100 * time.Millisecond, Controller: "rfc6817"}, f, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	d := f.From(30*time.Second - WarmUp)
	asked, most := int64(0), int64(0)
	for at := time.Second; at < 80*time.Second; at += time.Second {
		l.Run(at)
		asked += d.Asked(30*time.Second + at)
		debt := l.Debt()
		if sum := l.Others() + debt; max(sum-asked, asked-sum) > 200 {
			t.Fatalf("after %v: %d bytes of %d came, and %d are missing", at, l.Others(), asked, debt)
		}
		most = max(most, debt)
	}
	if most == 0 {
		t.Error("nobody ever waits")
	}
}

func TestWhoIsNotKnown(t *testing.T) {
	if _, err := New(Config{Down: 1e6, Up: 1e6, Controller: "vegas"}, Foreground{}, 0); !errors.Is(err, ledbat.ErrUnknownController) {
		t.Errorf("%v", err)
	}
}
