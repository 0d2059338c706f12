// SPDX-License-Identifier: Apache-2.0

package swarm

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
)

// small is a location that a test has time for: 30 hosts and 100 s of its link.
func small(seed uint64) Config { return Config{Seed: seed, Hosts: 30, Size: 120 << 20} }

// mostSent is how many contents' worth the busiest host may send: those that fetch for all others send three times what they fetch, and
// half as much again to those that hear of it late.
const mostSent = 4

// seeds runs a world with 20 seeds and holds what came of each against a bound.
func seeds(t *testing.T, c func(seed uint64) Config, bound float64) {
	t.Helper()
	worst, busiest := 0.0, 0.0
	for seed := range uint64(20) {
		r, err := Run(c(seed))
		if err != nil {
			t.Fatal(err)
		}
		if r.Complete != r.Hosts {
			t.Errorf("seed %d: %d of %d hosts complete", seed, r.Complete, r.Hosts)
		}
		if a := r.Amplification(); a > bound || a < 1 {
			t.Errorf("seed %d: the content crossed the WAN %.4f times, more than %.2f", seed, a, bound)
		}
		if r.MostSent > mostSent {
			t.Errorf("seed %d: one host sent %.2f contents, more than %d; the mean is %.2f", seed, r.MostSent, mostSent, r.MeanSent)
		}
		worst, busiest = max(worst, r.Amplification()), max(busiest, r.MostSent)
	}
	t.Logf("at most %.4f times; the busiest host sent %.2f contents", worst, busiest)
}

func TestAllStartTogether(t *testing.T) { seeds(t, small, 1.02) }

func TestFetcherKilledEveryHalfMinute(t *testing.T) {
	seeds(t, func(seed uint64) Config {
		c := small(seed)
		c.KillEvery = 30 * time.Second
		return c
	}, 1.05)
}

// A divided LAN is two locations, and then one again: what both sides fetched is shared.
func TestDividedForAMinute(t *testing.T) {
	seeds(t, func(seed uint64) Config {
		c := small(seed)
		c.PartitionAt, c.PartitionFor = 20*time.Second, time.Minute
		return c
	}, 1.5)
}

func TestHubAwayForAMinute(t *testing.T) {
	r, err := Run(Config{Hosts: 30, Size: 120 << 20, HubAwayAt: 30 * time.Second, HubAwayFor: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Amplification(); r.Complete != r.Hosts || a > 1.05 {
		t.Errorf("%d of %d hosts complete, and the content crossed the WAN %.4f times", r.Complete, r.Hosts, a)
	}
}

// A crowd takes little longer than one host.
func TestFlashCrowd(t *testing.T) {
	for _, rates := range []struct {
		lan, wan float64
		size     int64
	}{{1e9, 10e6, 64 << 20}, {1e9, 100e6, 256 << 20}} {
		var one time.Duration
		for _, n := range []int{1, 2, 4, 8, 16} {
			r, err := Run(Config{Hosts: n, Size: rates.size, LAN: rates.lan, WAN: rates.wan})
			if err != nil {
				t.Fatal(err)
			}
			if n == 1 {
				one = r.Last
			}
			t.Logf("LAN %3.0f, WAN %3.0f Mbit/s, %2d hosts: %s, %.4f times", rates.lan/1e6, rates.wan/1e6, n, r.Last, r.Amplification())
			if r.Complete != n || r.Last > one*5/4 {
				t.Errorf("%d of %d hosts complete, the last after %s; one alone takes %s", r.Complete, n, r.Last, one)
			}
		}
	}
}

// Presence, haves and claims of 300 hosts are less than a hundredth of what their LAN carries, and a host of them takes
// less than 30 MiB.
func TestThreeHundredHosts(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := Run(Config{Hosts: 300, Size: 32 << 20, Over: func() {
		runtime.GC()
		runtime.ReadMemStats(&after)
	}})
	if err != nil {
		t.Fatal(err)
	}
	each := float64(after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc)) / float64(r.Hosts) / (1 << 20)
	t.Logf("control messages are %.2f %% of the LAN, a host takes %.2f MiB, %.4f times", 100*r.ControlShare, each, r.Amplification())
	if r.Complete != r.Hosts || r.ControlShare > 0.01 || each > 30 {
		t.Errorf("%d of %d complete, control messages %.2f %%, %.1f MiB each", r.Complete, r.Hosts, 100*r.ControlShare, each)
	}
}

func TestSeveralLocations(t *testing.T) {
	r, err := Run(Config{Locations: 3, Hosts: 6, Size: 48 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Locations {
		if l.Amplification > 1.05 {
			t.Errorf("%s: %.4f times", l.Name, l.Amplification)
		}
	}
	if r.Complete != r.Hosts {
		t.Errorf("%d of %d hosts complete", r.Complete, r.Hosts)
	}
}

func TestTheSameSeedGivesTheSameResult(t *testing.T) {
	c := Config{Seed: 7, Hosts: 12, Size: 40 << 20, KillEvery: 10 * time.Second}
	a, err := Run(c)
	b, _ := Run(c)
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%v: two results:\n%+v\n%+v", err, a.Locations, b.Locations)
	}
}

func TestImpossibleWorlds(t *testing.T) {
	for _, c := range []Config{{}, {Size: 1 << 20, Chunk: 5}, {Size: 1 << 20, Hosts: -1}, {Size: 1 << 20, WAN: -1}, {Size: 1 << 20, Hosts: 1 << 20}} {
		if _, err := Run(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The course of three worlds, drawn.
func TestPlots(t *testing.T) {
	var b strings.Builder
	for _, x := range []struct {
		title string
		c     Config
	}{
		{"30 hosts start within a second", small(1)},
		{"and a fetcher is killed every 30 s", Config{Seed: 1, Hosts: 30, Size: 120 << 20, KillEvery: 30 * time.Second}},
		{"and the LAN is divided from 20 s to 80 s", Config{Seed: 1, Hosts: 30, Size: 120 << 20, PartitionAt: 20 * time.Second, PartitionFor: time.Minute}},
	} {
		r, err := Run(x.c)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: the content crossed the WAN link %.4f times, the last host had it after %s\n\n%s\n", x.title, r.Amplification(),
			r.Last.Round(100*time.Millisecond), r.Plot())
	}
	const file = "testdata/plots.txt"
	golden.Check(t, file, b.String())
}
