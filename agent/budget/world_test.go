// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/transfer"
	"pgregory.net/rapid"
)

const ms = time.Millisecond

var dawn = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// failer is a test, by itself or of rapid.
type failer interface{ Fatalf(string, ...any) }

// location is hosts in one place that hear one another, as bytes, a millisecond later.
type location struct {
	now    time.Time
	config Config
	names  []string
	hosts  map[string]*Share
	use    map[string]map[transfer.Direction]float64 // what each was told that it may use
	want   map[string]map[transfer.Direction]float64 // bytes a second that each would send or receive
	air    []letter
	lost   func() bool // the next message is
}

type letter struct {
	at       time.Time
	from, to string
	wire     []byte
}

func settle(t failer, n int, c Config) *location {
	l := &location{now: dawn, config: c, hosts: map[string]*Share{}, use: map[string]map[transfer.Direction]float64{},
		want: map[string]map[transfer.Direction]float64{}, lost: func() bool { return false }}
	for i := range n {
		l.start(t, fmt.Sprintf("till-%d", i+1))
	}
	return l
}

// start begins a host, or begins it anew; all hear of it.
func (l *location) start(t failer, name string) {
	s, err := New(l.now, name, l.config)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if l.use[name] == nil {
		l.names = append(l.names, name)
	}
	l.hosts[name], l.use[name] = s, map[transfer.Direction]float64{}
	if l.want[name] == nil {
		l.want[name] = map[transfer.Direction]float64{}
	}
	for _, other := range l.names {
		if o := l.hosts[other]; o != nil && other != name {
			o.Joined(l.now, name)
			s.Joined(l.now, other)
		}
	}
}

// kill ends a host: its conversations end at once.
func (l *location) kill(name string) {
	l.hosts[name], l.use[name] = nil, map[transfer.Direction]float64{}
	for _, other := range l.names {
		if o := l.hosts[other]; o != nil {
			o.Left(l.now, name)
		}
	}
}

// run lets time pass: everybody uses what it may and wants.
func (l *location) run(t failer, d time.Duration) {
	for end := l.now.Add(d); l.now.Before(end); l.now = l.now.Add(ms) {
		for len(l.air) > 0 && !l.now.Before(l.air[0].at) {
			x := l.air[0]
			l.air = l.air[1:]
			m, err := transfer.Parse(x.wire)
			if err != nil {
				t.Fatalf("%v", err)
			}
			if s := l.hosts[x.to]; s != nil {
				s.Deliver(l.now, x.from, m.(transfer.Budget))
			}
		}
		for _, name := range l.names {
			l.live(name)
		}
		l.check(t)
	}
}

// live is a millisecond of one host.
func (l *location) live(name string) {
	s := l.hosts[name]
	if s == nil {
		return
	}
	for d, want := range l.want[name] {
		s.Used(l.now, d, int64(min(want, l.use[name][d])/1000))
		if want > l.use[name][d] {
			s.HeldBack(l.now, d)
		}
	}
	if !l.now.Before(s.Deadline()) {
		s.Advance(l.now)
	}
	for a, ok := s.Take(); ok; a, ok = s.Take() {
		switch a := a.(type) {
		case Use:
			l.use[name][a.Direction] = a.Rate
		case Tell:
			if !l.lost() {
				l.air = append(l.air, letter{at: l.now.Add(ms), from: name, to: a.Peer, wire: a.Message.Append(nil)})
			}
		}
	}
}

// sum is what all hosts may use together.
func (l *location) sum(d transfer.Direction) (sum float64) {
	for _, name := range l.names {
		sum += l.use[name][d]
	}
	return sum
}

func (l *location) check(t failer) {
	for _, d := range []transfer.Direction{transfer.Upwards, transfer.Downwards} {
		if sum := l.sum(d); sum > l.config.of(d)*1.000001 {
			t.Fatalf("%v after %v: the hosts may use %.0f of %.0f together\n%v", d, l.now.Sub(dawn), sum, l.config.of(d), l)
		}
	}
}

func (l *location) coordinator() string {
	for _, name := range l.names {
		if s := l.hosts[name]; s != nil && s.halves[0].node.Coordinates() {
			return name
		}
	}
	return ""
}

func (l *location) String() string {
	var b strings.Builder
	for _, name := range l.names {
		if s := l.hosts[name]; s != nil {
			for _, x := range s.States(l.now) {
				fmt.Fprintf(&b, "%v %s\n", x.Direction, x.Line)
			}
		}
	}
	return b.String()
}

// Four hosts of a shop: who wants something gets it, the others' part included; when the coordinator is killed the next one takes over, and
// when a host comes back it has its part again.
func TestFourHostsShareTheirUplink(t *testing.T) {
	const up, down = 1_000_000, 4_000_000
	l := settle(t, 4, Config{Up: up, Down: down})
	busy := func(name string, u, d float64) {
		l.want[name] = map[transfer.Direction]float64{transfer.Upwards: u, transfer.Downwards: d}
	}
	has := func(name string, d transfer.Direction, low, high float64, why string) {
		t.Helper()
		if got := l.use[name][d]; got < low || got > high {
			t.Errorf("%s: %s may use %.0f %v, want %.0f to %.0f\n%v", why, name, got, d, low, high, l)
		}
	}
	l.run(t, 3*time.Second)
	busy("till-1", 5e6, 0)
	l.run(t, 2*time.Second)
	has("till-1", transfer.Upwards, 0.9*up, up, "alone with something to send")
	busy("till-2", 5e6, 5e6)
	busy("till-3", 0.1*up, 0)
	l.run(t, 3*time.Second)
	has("till-1", transfer.Upwards, 0.3*up, 0.45*up, "two want all and one a little")
	has("till-2", transfer.Upwards, 0.3*up, 0.45*up, "two want all and one a little")
	has("till-3", transfer.Upwards, 0.1*up, 0.3*up, "two want all and one a little")
	has("till-2", transfer.Downwards, 0.9*down, down, "the other direction is by itself")

	first := l.coordinator()
	l.kill(first)
	for _, name := range l.names {
		busy(name, 5e6, 5e6)
	}
	l.run(t, 2500*ms)
	if second := l.coordinator(); second == first || second == "" {
		t.Errorf("after %s was killed, %q coordinates", first, second)
	}
	for _, name := range l.names {
		if name != first {
			has(name, transfer.Upwards, 0.3*up, 0.34*up, "three are left")
		}
	}
	l.start(t, first)
	l.run(t, 5*time.Second)
	for _, name := range l.names {
		has(name, transfer.Upwards, 0.24*up, 0.26*up, "it is back")
		has(name, transfer.Downwards, 0.24*down, 0.26*down, "it is back")
	}
}

// A host that hears nobody any more halves what it uses until it has its floor, and is not brought back by a lease from the past, nor by one
// that somebody makes who is not its coordinator.
func TestALeaseFromThePastIsRefused(t *testing.T) {
	l := settle(t, 4, Config{Up: 1_000_000})
	l.want["till-1"] = map[transfer.Direction]float64{transfer.Upwards: 5e6}
	l.want["till-2"] = map[transfer.Direction]float64{transfer.Upwards: 5e6}
	var grants []letter
	for range 4000 {
		l.run(t, ms)
		for _, x := range l.air {
			if m, _ := transfer.Parse(x.wire); m.(transfer.Budget).Kind == transfer.BudgetGrant {
				grants = append(grants, x)
			}
		}
	}
	victim := grants[len(grants)-1].to
	s := l.hosts[victim]
	if l.use[victim][transfer.Upwards] == 0 {
		t.Fatalf("nothing was granted\n%v", l)
	}
	l.lost = func() bool { return true }
	l.air = nil
	l.run(t, 3*time.Second)
	before := l.use[victim][transfer.Upwards]
	if before > 250_001 {
		t.Errorf("unheard, %s may use %.0f, above its floor", victim, before)
	}
	for _, x := range grants {
		if m, _ := transfer.Parse(x.wire); x.to == victim {
			s.Deliver(l.now, x.from, m.(transfer.Budget))
			forged := m.(transfer.Budget)
			forged.Number, forged.Rate = 1<<40, 1_000_000
			s.Deliver(l.now, "till-9", forged) // a stranger
			for _, name := range l.names {
				if name != forged.Coordinator {
					s.Deliver(l.now, name, forged) // a neighbour in the coordinator's name
				}
			}
		}
	}
	l.run(t, ms)
	if got := l.use[victim][transfer.Upwards]; got > before {
		t.Errorf("a lease from the past was taken: %.0f, before %.0f\n%v", got, before, l)
	}
}

// Whatever is lost and whoever dies and comes back while all agree on who is there, the leases never exceed the budget together.
func TestLeasesNeverExceedTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := settle(t, rapid.IntRange(2, 6).Draw(t, "hosts"), Config{Up: 1e6, Down: 3e6})
		loss, seed := 0, rapid.Uint64().Draw(t, "seed")
		l.lost = func() bool {
			seed = seed*6364136223846793005 + 1442695040888963407
			return int(seed>>33%100) < loss
		}
		for range rapid.IntRange(1, 8).Draw(t, "events") {
			name := rapid.SampledFrom(l.names).Draw(t, "who")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				loss = rapid.SampledFrom([]int{0, 10, 60, 100}).Draw(t, "loss %")
			default:
				l.want[name] = map[transfer.Direction]float64{transfer.Upwards: float64(rapid.IntRange(0, 2_000_000).Draw(t, "up")),
					transfer.Downwards: float64(rapid.IntRange(0, 6_000_000).Draw(t, "down"))}
			}
			l.run(t, time.Duration(rapid.IntRange(1, 1500).Draw(t, "ms"))*ms)
		}
	})
}

func TestWithoutABudgetThereIsNothingToDo(t *testing.T) {
	s, err := New(dawn, "till-1", Config{})
	if err != nil || (Config{}).Any() {
		t.Fatal(err)
	}
	s.Joined(dawn, "till-2")
	s.Used(dawn, transfer.Upwards, 1e9)
	s.HeldBack(dawn, transfer.Downwards)
	s.Deliver(dawn, "till-2", transfer.Budget{Epoch: 1, Coordinator: "till-2", Seq: 1})
	s.Advance(dawn)
	if a, ok := s.Take(); ok || !s.Deadline().IsZero() || len(s.States(dawn)) > 0 {
		t.Errorf("without a budget: %v", a)
	}
	if _, err := New(dawn, "till-1", Config{Up: -1}); err == nil {
		t.Error("a budget below 0 is taken")
	}
}
