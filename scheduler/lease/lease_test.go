// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/golden"
)

// Hosts that start together fetch every chunk once, two of them at a time, though not everybody talks to everybody and
// their clocks are hours apart.
func TestEveryChunkCrossesOnce(t *testing.T) {
	v := newVillage(t, 12, 200)
	v.ring()
	v.run(time.Second)
	for i := 0; !v.complete(); i++ {
		v.run(time.Second)
		v.once()
		if n := len(v.fetchers()); n > 2 {
			t.Fatalf("%s: %d fetchers", v.now.Sub(dawn), n)
		}
		if i > 200 {
			t.Fatalf("not complete after 200 s")
		}
	}
	if v.crossed != 200 {
		t.Errorf("%d chunks crossed, of 200", v.crossed)
	}
}

// The course of a small content, of which a fetcher dies, is in testdata/handover.txt.
func TestHandover(t *testing.T) {
	v := newVillage(t, 3, 96)
	v.ring()
	v.run(12 * time.Second)
	dead := v.fetchers()[0]
	v.kill(dead)
	v.log = append(v.log, fmt.Sprintf("%6.2fs %s dies", v.now.Sub(dawn).Seconds(), dead.name))
	v.until(2*time.Minute, v.complete)
	v.run(beat)
	text := strings.Join(v.log, "\n") + fmt.Sprintf("\n%d chunks crossed, of 96\n", v.crossed)
	const file = "testdata/handover.txt"
	golden.Check(t, file, text)
}

// A host alone waits for nobody.
func TestAloneIsAtOnce(t *testing.T) {
	v := newVillage(t, 1, 3)
	v.hosts[0].t.Expected(false)
	v.run(beat)
	if len(v.fetchers()) != 1 {
		t.Fatal("it waits")
	}
	if !v.until(4*time.Second, v.complete) {
		t.Fatal("it does not complete")
	}
}

// When a fetcher dies another goes on, at most a term later, with what is not in the village yet.
func TestTheNextGoesOn(t *testing.T) {
	v := newVillage(t, 8, 300)
	v.ring()
	killed := 0
	for !v.complete() {
		v.run(30 * time.Second)
		if f := v.fetchers(); len(f) > 0 && killed < 4 {
			v.kill(f[0])
			killed++
			if !v.until(20*time.Second, func() bool { return len(v.fetchers()) == 2 || v.complete() }) {
				t.Fatalf("nobody takes the seat: %v", v.hosts[7].t)
			}
		}
		v.once()
		if v.now.Sub(dawn) > 10*time.Minute {
			t.Fatal("not complete after ten minutes")
		}
	}
	if killed < 4 || v.crossed > 300+killed {
		t.Errorf("%d killed, %d chunks crossed of 300", killed, v.crossed)
	}
}

// Of a process that has ended nobody waits for word through others: whoever is next takes the seat, and the range is free.
func TestTheDeadHoldNothing(t *testing.T) {
	v := newVillage(t, 4, 96)
	for i, h := range v.hosts {
		for _, o := range v.hosts[:i] {
			v.meet(h, o)
		}
	}
	v.run(12 * time.Second)
	dead := v.fetchers()[0]
	v.end(dead, (*Table).Died)
	if !v.until(time.Second, func() bool { return len(v.fetchers()) == 2 }) {
		t.Fatalf("nobody has taken the seat of %s after a second: %v", dead.name, v.fetchers()[0].t)
	}
	for _, h := range v.hosts {
		for r := range dead.t.mine {
			if !h.gone && !h.t.Vacant(r) && !h.t.Mine(r) && h.t.entries[r].Holder == dead.name {
				t.Errorf("%s still waits for range %d", h.name, r)
			}
		}
	}
	v.once()
	if !v.until(2*time.Minute, v.complete) || v.crossed > 96+1 {
		t.Errorf("%d chunks crossed, of 96", v.crossed)
	}
}

// A host that was only believed dead holds its lease as soon as it renews it, unless another has taken it over.
func TestWhoIsBelievedDeadRenews(t *testing.T) {
	a := table("a", 1)
	a.Joined(dawn, "b")
	a.Joined(dawn, "c")
	c := Claim{Range: 3, Token: 7, Holder: "c", Life: 9, Weight: 4, Beat: 1, State: Held, Left: 15 * time.Second}
	a.Heard(dawn, "c", c)
	a.Died(dawn, "c")
	a.Heard(dawn, "b", c)
	if !a.Vacant(3) {
		t.Error("a late word brought a lease back")
	}
	c.Beat++
	a.Heard(dawn, "b", c)
	if a.Vacant(3) {
		t.Error("it lives, and is not believed")
	}
}

// A divided village is two: both sides go on. When it is one again, one side's claims yield to the other's.
func TestADivideIsTwoVillages(t *testing.T) {
	v := newVillage(t, 10, 400)
	v.ring()
	v.run(20 * time.Second)
	for i, h := range v.hosts {
		h.away = i / 5
	}
	v.run(60 * time.Second)
	sides := map[int]int{}
	for _, h := range v.fetchers() {
		sides[h.away]++
	}
	if sides[0] == 0 || sides[1] == 0 {
		t.Fatalf("one side stands still: %v", sides)
	}
	for _, h := range v.hosts {
		h.away = 0
	}
	v.run(time.Second)
	v.once()
	if !v.until(2*time.Minute, func() bool { return len(v.fetchers()) <= 2 }) {
		t.Errorf("%d fetchers", len(v.fetchers()))
	}
	if !v.until(5*time.Minute, v.complete) {
		t.Fatal("not complete")
	}
	if v.crossed > 400+50 {
		t.Errorf("%d chunks crossed, of 400", v.crossed)
	}
}

// A peer that promises and never sends is waited for as long as patience says, and not believed for longer each time.
func TestAPromiseIsNotEnough(t *testing.T) {
	v := newVillage(t, 2, 32)
	v.ring()
	liar := v.hosts[1]
	liar.idle = true
	seized := func() {
		for r := range uint32(liar.t.Ranges()) {
			if liar.t.Vacant(r) {
				liar.t.Claim(v.at(liar), r)
			}
		}
	}
	seized()
	v.run(58 * time.Second)
	if v.crossed > 0 {
		t.Fatal("it was not waited for")
	}
	v.run(5 * time.Second)
	if len(v.fetchers()) < 2 {
		t.Fatalf("the honest host still waits: %s", v.hosts[0].t)
	}
	for range 100 {
		seized() // it claims whatever it can, again and again
		v.run(time.Second)
	}
	if !v.until(time.Second, func() bool { return v.hosts[0].t.open[0] == 0 && v.crossed == 32 }) {
		t.Fatalf("%d chunks crossed: %s", v.crossed, v.hosts[0].t)
	}
}

// Who waits less from some moment on does not wait for what is over.
func TestPatienceMayEnd(t *testing.T) {
	v := newVillage(t, 2, 32)
	v.ring()
	honest, liar := v.hosts[0], v.hosts[1]
	liar.idle = true
	for r := range uint32(liar.t.Ranges()) {
		if liar.t.Vacant(r) {
			liar.t.Claim(v.at(liar), r)
		}
	}
	v.run(40 * time.Second)
	if v.crossed > 0 {
		t.Fatal("it was not waited for")
	}
	honest.t.Wait(30 * time.Second)
	v.run(5 * time.Second)
	if len(v.fetchers()) < 2 {
		t.Fatalf("the honest host still waits: %s", honest.t)
	}
}

// Giving back and claiming again wins no patience.
func TestPatienceIsNotWonBack(t *testing.T) {
	v := newVillage(t, 2, 32)
	v.ring()
	honest, liar := v.hosts[0], v.hosts[1]
	liar.idle = true
	for i := range 70 {
		if i%10 == 0 {
			liar.t.GiveBack(v.at(liar))
			for r := range uint32(liar.t.Ranges()) {
				if liar.t.Vacant(r) {
					liar.t.Claim(v.at(liar), r)
				}
			}
		}
		v.run(time.Second)
	}
	if !honest.t.doubts(v.at(honest), liar.name) {
		t.Errorf("it is still believed: %s", honest.t)
	}
}

func table(name string, life uint32) *Table {
	c := Default(name)
	c.Life = life
	t := New(dawn, c, content.Sum([]byte("image")), 64)
	t.Willing(dawn, true)
	return t
}

func says(t *Table) (list []Claim) {
	for a, ok := t.Take(); ok; a, ok = t.Take() {
		if s, is := a.(Say); is {
			list = append(list, s.Claim)
		}
	}
	return list
}

// A lease from the past changes nothing, and its sender hears what is in force.
func TestALeaseFromThePast(t *testing.T) {
	a := table("a", 1)
	a.Joined(dawn, "b")
	held := func(token uint64, holder string) Claim {
		return Claim{Range: 3, Token: token, Holder: holder, Life: 9, Weight: 4, Beat: 1, State: Held, Left: 15 * time.Second}
	}
	a.Heard(dawn, "b", held(7, "c"))
	says(a)
	a.Heard(dawn, "b", held(6, "b"))
	answer := says(a)
	if len(answer) != 1 || answer[0].Holder != "c" || answer[0].Token != 7 {
		t.Errorf("%v", answer)
	}
	now := dawn.Add(16 * time.Second)
	a.Advance(now)
	a.Heard(now, "b", held(7, "c")) // it ended here, and the same word comes late
	if !a.Vacant(3) {
		t.Error("a late word brought a lease back")
	}
	a.Claim(now, 3)
	if c := says(a); len(c) != 1 || c[0].Token != 8 {
		t.Errorf("%v", c)
	}
	a.Heard(now, "b", held(1<<40, "d")) // to use the tokens up
	if !a.Mine(3) {
		t.Error("an absurd token was believed")
	}
}

// A host that slept longer than its lease lasts does not think that it still has it.
func TestASleeperLosesItsLease(t *testing.T) {
	a := table("a", 1)
	a.Expected(false)
	a.Claim(dawn, 0)
	a.Advance(dawn.Add(5 * time.Second))
	if !a.Mine(0) {
		t.Fatal("it was not renewed")
	}
	a.Advance(dawn.Add(time.Hour))
	if a.Mine(0) {
		t.Error("it woke up and still holds the range")
	}
}

// Of two hosts with one identity one holds a range, and both know which.
func TestTwins(t *testing.T) {
	a, b := table("twin", 1), table("twin", 2)
	for _, x := range []*Table{a, b} {
		x.Joined(dawn, "c")
		x.Claim(dawn, 0)
	}
	fromA, fromB := says(a), says(b)
	a.Heard(dawn, "c", fromB[0])
	b.Heard(dawn, "c", fromA[0])
	if a.Mine(0) == b.Mine(0) {
		t.Errorf("held by the first: %t, by the second: %t", a.Mine(0), b.Mine(0))
	}
	if a.Mine(1) || !strings.Contains(a.String(), "1 leases of ours") {
		t.Error(a)
	}
}

// The share of the work follows the weight.
func TestWeights(t *testing.T) {
	first := map[int]int{}
	weights := []int{Never, WiFi, Laptop, Wired, Server}
	for i := range 3000 {
		tab := New(dawn, Default("x"), content.Sum([]byte{byte(i), byte(i >> 8)}), 1)
		best, who := ^uint64(0), 0
		for _, w := range weights {
			if s := tab.score("host of weight "+string(rune('0'+w)), w); s < best {
				best, who = s, w
			}
		}
		first[who]++
	}
	for _, w := range weights {
		if got, want := first[w], 3000*w/15; got < want*85/100 || got > want*115/100 {
			t.Errorf("weight %d is first %d times of 3000, want about %d", w, got, want)
		}
	}
}

// A host that weighs nothing fetches for nobody: it gives its leases back, and claims none while somebody else can.
// Where nobody else can, it goes on.
func TestWhoWeighsNothingComesLast(t *testing.T) {
	v := newVillage(t, 3, 200)
	v.ring()
	v.run(5 * time.Second)
	light := v.fetchers()[0]
	light.t.Weigh(v.at(light), Never)
	v.run(10 * time.Second) // what is on its way still comes
	for range 30 {
		v.run(time.Second)
		if slices.Contains(v.fetchers(), light) {
			t.Fatalf("%s: %s fetches: %v", v.now.Sub(dawn), light.name, light.t)
		}
	}
	before := v.crossed
	for _, h := range v.hosts {
		h.t.Weigh(v.at(h), Never)
	}
	if !v.until(5*time.Minute, v.complete) || before == 200 {
		t.Errorf("all weigh nothing, and %d of 200 chunks came, %d before", v.crossed, before)
	}
}

// Whatever happens in a village, once it is quiet for a while no range has two holders; and everything completes.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(rt, what) }
		v := newVillage(rt, 2+draw(7, "hosts"), 1+draw(150, "chunks"))
		v.ring()
		life := uint32(100)
		for range draw(25, "events") {
			h := v.hosts[draw(len(v.hosts), "host")]
			switch draw(7, "event") {
			case 0:
				if !h.gone && len(v.hosts) > 2 {
					v.kill(h)
				}
			case 1:
				if h.gone {
					life++
					v.start(h, life)
					for _, o := range v.hosts {
						if o != h && !o.gone {
							v.meet(h, o)
						}
					}
				}
			case 2:
				h.away = draw(2, "side")
			case 3:
				h.idle = !h.idle
			case 4:
				h.t.Willing(v.at(h), draw(2, "willing") == 0)
			case 5:
				h.t.Weigh(v.at(h), draw(MaxWeight+1, "weight"))
			case 6:
				h.pace = time.Duration(1+draw(100, "pace")) * 100 * time.Millisecond
			}
			v.run(time.Duration(draw(30, "seconds")) * time.Second)
		}
		for _, h := range v.hosts {
			h.away, h.idle, h.pace = 0, false, time.Second
			if h.gone {
				life++
				v.start(h, life)
			}
			h.t.Willing(v.at(h), true)
		}
		v.ring()
		v.run(2 * time.Second)
		if !v.until(10*time.Minute, v.complete) {
			for _, h := range v.hosts {
				rt.Logf("%s: %s", h.name, h.t)
			}
			rt.Fatal("not complete after ten minutes")
		}
		v.run(time.Second)
		v.once()
	})
}
