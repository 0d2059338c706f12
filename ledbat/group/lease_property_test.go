// SPDX-License-Identifier: Apache-2.0

package group

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The hosts together never may use more than the budget, whatever the network does to their messages: lost, late by seconds, twice, in
// any order, cut off for one direction or both, with hosts that die and begin anew, demands that change, and clocks that differ and
// run differently.
func TestBudgetIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := settle(t, rapid.IntRange(2, 9).Draw(t, "hosts"), 1000)
		l.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for _, h := range l.names {
			l.drift[h] = float64(rapid.IntRange(-8, 8).Draw(t, "drift per mille")) / 1000
		}
		for range 25 {
			l.upset(t)
			l.run(t, time.Duration(rapid.IntRange(1, 1500).Draw(t, "ms"))*ms)
		}
		// When all is well again, it is used again, too.
		l.loss, l.twice, l.least, l.most = 0, 0, ms/2, ms
		l.cut = func(Host, Host) bool { return false }
		for _, h := range l.names {
			l.dead[h] = false
			l.want(h, 1000)
		}
		l.run(t, 12*sec)
		if used := l.used(); used < 990 {
			t.Fatalf("with all well the hosts may use %.0f of 1000\n%s", used, l)
		}
	})
}

// upset changes one thing.
func (l *location) upset(t *rapid.T) {
	h := rapid.SampledFrom(l.names).Draw(t, "who")
	switch rapid.IntRange(0, 7).Draw(t, "what") {
	case 0, 1:
		l.want(h, float64(rapid.SampledFrom([]int{0, 10, 300, 5000}).Draw(t, "wants")))
	case 2:
		l.loss = float64(rapid.SampledFrom([]int{0, 0, 10, 50, 90}).Draw(t, "loss %")) / 100
	case 3:
		l.least = time.Duration(rapid.SampledFrom([]int{0, 1, 50}).Draw(t, "least ms")) * ms
		l.most = l.least + time.Duration(rapid.SampledFrom([]int{1, 20, 150, 3000}).Draw(t, "more ms"))*ms
	case 4:
		l.twice = float64(rapid.SampledFrom([]int{0, 20, 80}).Draw(t, "twice %")) / 100
	case 5:
		side := map[Host]bool{}
		for _, h := range l.names {
			side[h] = rapid.Bool().Draw(t, "side")
		}
		oneWay := rapid.Bool().Draw(t, "one way")
		l.cut = func(a, b Host) bool { return side[a] && !side[b] || !oneWay && side[b] && !side[a] }
	case 6:
		l.cut = func(Host, Host) bool { return false }
	case 7: // it stops for a while, as in sleep, and goes on with what it knew; or it begins anew
		l.dead[h] = !l.dead[h]
		if !l.dead[h] && rapid.Bool().Draw(t, "anew") {
			l.start(t, h)
		}
	}
}

// Requests that lie or make no sense are taken for what they can mean at most.
func TestLiesAreClamped(t *testing.T) {
	l := settle(t, 4, 1000)
	for _, h := range l.names {
		l.want(h, 1e9)
	}
	l.run(t, 5*sec)
	c := l.coordinator()
	n, liar := l.nodes[c], l.names[0]
	if liar == c {
		liar = l.names[1]
	}
	lies := []Message{
		{Kind: Asking, Rate: math.NaN(), Weight: -5}, {Kind: Asking, Rate: math.Inf(1), Weight: math.MaxInt}, {Kind: Asking, Rate: -1},
		{Kind: Took, Number: math.MaxUint64}, {Kind: Asking, Number: math.MaxUint64, Seq: math.MaxUint64},
		{Kind: Beating, Epoch: Epoch{math.MaxUint64, liar}}, {Kind: Granting, Rate: 1e12, For: time.Hour, Number: math.MaxUint64},
		{Kind: Asking, From: "nobody"}, {Kind: 99},
	}
	for _, m := range lies {
		if m.From == "" {
			m.From = liar
		}
		m.To = c
		if m.Epoch == (Epoch{}) {
			m.Epoch = n.epoch
		}
		if m.Seq == 0 {
			m.Seq = n.coordinator.seq
		}
		n.Deliver(l.clock(c), m)
		l.post(c)
		l.run(t, 100*ms)
		if got := n.epoch.Number; got > 100 {
			t.Fatalf("a lie made the epoch %d", got)
		}
	}
	l.run(t, 3*sec)
	if used := l.used(); used < 990 {
		t.Errorf("after the lies the hosts may use %.0f of 1000\n%s", used, l)
	}
	for _, budget := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := NewNode(epoch, "a", budget); err == nil {
			t.Errorf("a budget of %v is taken", budget)
		}
	}
	if _, err := NewNode(epoch, "", 1); err == nil {
		t.Error("a host without a name is taken")
	}
}
