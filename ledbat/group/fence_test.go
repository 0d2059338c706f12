// SPDX-License-Identifier: Apache-2.0

package group

import "testing"

// greedyWithItsCoordinator is a location in which one host has the whole budget and is cut off, together with its coordinator, from the
// others, who all want something at that moment.
func greedyWithItsCoordinator(t *testing.T, n int) (l *location, greedy, first Host) {
	l = settle(t, n, 1000)
	l.run(t, 3*sec)
	first = l.coordinator()
	if greedy = l.names[0]; greedy == first {
		greedy = l.names[1]
	}
	l.want(greedy, 1e9)
	l.run(t, 3*sec)
	if got := l.rate(greedy); got < 999 {
		t.Fatalf("%s may use %.0f of 1000 before\n%s", greedy, got, l)
	}
	for _, h := range l.names {
		if h != greedy {
			l.want(h, 1e9)
		}
	}
	return l, greedy, first
}

// A new coordinator lets the leases of the old one run out; the old one cannot renew them without a majority.
func TestNewCoordinatorWaitsForOldLeases(t *testing.T) {
	l, greedy, first := greedyWithItsCoordinator(t, 7)
	side := func(h Host) bool { return h == greedy || h == first }
	l.cut = func(a, b Host) bool { return side(a) != side(b) }
	l.run(t, 5*sec)
	if got := l.used(); got < 0.99*1000 {
		t.Errorf("the others do not use what is theirs: %.0f of 1000\n%s", got, l)
	}
}

// Two coordinators that cannot hear each other, and hosts that hear both: they answer the newer epoch only.
func TestHostsAnswerTheNewerEpochOnly(t *testing.T) {
	l, _, first := greedyWithItsCoordinator(t, 7)
	var second Host
	for _, h := range l.names {
		if h != first && (second == "" || score(h) > score(second)) {
			second = h
		}
	}
	l.cut = func(a, b Host) bool { return a == first && b == second || a == second && b == first }
	l.run(t, 5*sec)
	if !l.nodes[first].Coordinates() || !l.nodes[second].Coordinates() {
		t.Fatalf("there are no two coordinators\n%s", l)
	}
	if support := l.nodes[first].coordinator.supported(l.nodes[first], l.clock(first)); support {
		t.Errorf("the older coordinator has a majority\n%s", l)
	}
	if got := l.used(); got < 0.99*1000*6/7 {
		t.Errorf("the hosts may use %.0f of 1000\n%s", got, l)
	}
}

// A lease counts from the question, not from the grant: a grant that was long on its way is worth less.
func TestLeaseCountsFromTheQuestion(t *testing.T) {
	n, err := NewNode(epoch, "a", 1000)
	if err != nil {
		t.Fatal(err)
	}
	n.Known(epoch, []Host{"a", "b", "c", "d"})
	e := Epoch{Number: 1, Host: "b"}
	beat := func(at2 int, seq uint64) {
		n.Deliver(at(msec(at2)), Message{Kind: Beating, From: "b", To: "a", Epoch: e, Seq: seq})
	}
	grant := func(at2 int, seq, number uint64, rate float64) {
		n.Deliver(at(msec(at2)), Message{Kind: Granting, From: "b", To: "a", Epoch: e, Seq: seq, Number: number, Rate: rate, For: TTL})
	}
	rate := func(at2 int, want float64, why string) {
		t.Helper()
		if got := n.Rate(at(msec(at2))); got != want {
			t.Errorf("after %d ms the host may use %v, want %v: %s\n%v", at2, got, want, why, n)
		}
	}
	rate(400, 0, "no lease yet")
	beat(1000, 1)
	grant(1150, 1, 1, 800)
	rate(1200, 800, "leased")
	rate(1399, 800, "one renewal is on its way")
	rate(1450, 400, "one renewal was missed")
	rate(1650, 250, "two were: the floor")
	rate(1999, 250, "four were, but it does not shrink below the floor")
	grant(1999, 1, 1, 800)
	rate(1999, 250, "a copy of the grant is nothing")
	rate(2100, 250, "it has run out, and had the floor in it")
	beat(2200, 2)
	beat(2300, 3)
	grant(2450, 3, 3, 40)
	rate(2450, 40, "a smaller lease")
	grant(2460, 2, 2, 900)
	rate(2460, 40, "an older grant came late")
	rate(3350, 40, "it has run out, and no more than it was may be used")
	rate(3300+int(floorAfter/ms)+1, 250, "long after the lease, the floor")
}
