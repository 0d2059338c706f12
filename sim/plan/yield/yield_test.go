// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/ledbat"
)

func shipped(t testing.TB) *Table {
	t.Helper()
	table, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTheTableSaysWhatItReads(t *testing.T) {
	table := shipped(t)
	if table.String() != text {
		t.Error("the table is not written as it was read")
	}
	for _, name := range ledbat.Names() {
		if !table.Knows(name) {
			t.Errorf("%s was not measured", name)
		}
		if table.Stale(name) {
			t.Logf("%s does something else than when the table was made: run ebb sim calibrate -o sim/plan/yield/table.txt", name)
		}
	}
	if table.Knows("vegas") || !table.Stale("vegas") {
		t.Error("a controller that does not exist was measured")
	}
}

// What is measured now is what the table says, to its last digit, as long as the controllers are those that it was made with.
func TestSomeCellsMeasuredAnew(t *testing.T) {
	table := shipped(t)
	for i, s := range Grid() {
		usual := s.Path == Path{s.Controller, rates[0], rtts[1], usualBuffer, "", 0} && (s.Load == 0 || s.Load == .4)
		both := s == Spot{Path{s.Controller, rates[1], rtts[0], usualBuffer, "fq-codel", usualLoss}, .7}
		finest := s == Spot{Path{finest, finer[0], rtts[1], usualBuffer, "pie", 0}, .4}
		if !usual && !both && !finest {
			continue
		}
		c, err := Measure(s, Seed(i))
		if err != nil {
			t.Fatal(err)
		}
		now := &Table{}
		now.Add(s, c)
		name := spot(s)
		line := func(t *Table) string {
			for _, l := range strings.Split(t.String(), "\n") {
				if f := strings.Fields(l); len(f) > 10 && f[0] == s.Controller && strings.Join(f[1:7], " ") == name {
					return l
				}
			}
			return ""
		}
		if was, is := line(table), line(now); was != is && !table.Stale(s.Controller) {
			t.Errorf("the table says %q, and now it is %q", was, is)
		}
		if c.Use <= 0 || c.Use > 1 || usual && s.Load == 0 && c.Use < .9 {
			t.Errorf("%+v: %+v", s, c)
		}
	}
}

// spot is how a line of the table names it.
func spot(s Spot) string {
	t := &Table{}
	t.Add(s, Cell{Use: 1})
	for _, l := range strings.Split(t.String(), "\n") {
		if f := strings.Fields(l); len(f) > 10 && f[0] == s.Controller && f[7] == "1.000" {
			return strings.Join(f[1:7], " ")
		}
	}
	return ""
}

// Where something was measured, that is the answer.
func TestCellsAreMetExactly(t *testing.T) {
	table := shipped(t)
	for _, s := range Grid() {
		c := table.Curve(s.Path)
		got, want := c.At(s.Load), table.Cell(s)
		if off := math.Abs(got.Use - want.Use); off > 1e-9 {
			t.Errorf("%+v: %+v, measured %+v", s, got, want)
		}
	}
}

// Between two round trips that were measured the use lies between theirs.
func TestBetweenWhatWasMeasured(t *testing.T) {
	table := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		p := Path{Controller: rapid.SampledFrom(ledbat.Names()).Draw(t, "controller"), Rate: rapid.SampledFrom(rates[:]).Draw(t, "rate"), Buffer: usualBuffer}
		i := rapid.IntRange(0, len(rtts)-2).Draw(t, "rtt")
		p.RTT = rtts[i] + time.Duration(rapid.Float64Range(0, 1).Draw(t, "of the way")*float64(rtts[i+1]-rtts[i]))
		load := rapid.SampledFrom(loads[:]).Draw(t, "load")
		curve := table.Curve(p)
		got := curve.At(load).Use
		a, b := p, p
		a.RTT, b.RTT = rtts[i], rtts[i+1]
		x, y := table.Cell(Spot{a, load}).Use, table.Cell(Spot{b, load}).Use
		if got < min(x, y)-1e-9 || got > max(x, y)+1e-9 {
			t.Fatalf("%+v at %g: %g, and not between %g and %g", p, load, got, x, y)
		}
	})
}

// What loss does beside a queue is what usualLoss does there, more where there is more of it, and nothing where there is none.
func TestLossBesideAQueue(t *testing.T) {
	of := func(slow float64) *change { return &change{with: mix{slow: slow}, without: mix{slow: 1}} }
	for _, x := range []struct {
		there, loss, here *change
		times, want       float64
	}{
		{of(1.5), of(1.2), of(1.2), 1, .5},
		{of(1.5), of(1.09), of(1.2), .1, .5 * .092 / .22},
		{of(1.5), of(1.42), of(1.2), 10, 1},
		{of(1.5), of(9), of(1), 10, .5 * math.Sqrt(10)}, // no more than by the root
		{of(1.5), of(1), of(1), .1, .05},
		{of(.9), of(9), of(1), 10, -.1}, // chance
	} {
		if got := beside(x.there, x.loss, x.here, x.times); math.Abs(got-x.want) > 1e-9 {
			t.Errorf("%+v: %g", x, got)
		}
	}
}

// Whatever the path, the answer is possible.
func TestAnyPath(t *testing.T) {
	table := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		p := Path{Controller: rapid.SampledFrom(append(ledbat.Names(), "other")).Draw(t, "controller"), Rate: rapid.Float64Range(1, 1e12).Draw(t, "rate"),
			RTT: time.Duration(rapid.Int64Range(0, 1e10).Draw(t, "rtt")), Buffer: time.Duration(rapid.Int64Range(0, 1e10).Draw(t, "buffer")),
			AQM: rapid.SampledFrom(queues[:]).Draw(t, "aqm"), Loss: rapid.Float64Range(0, 1).Draw(t, "loss")}
		curve := table.Curve(p)
		c := curve.At(rapid.Float64Range(0, 1).Draw(t, "load"))
		if !(c.Use >= 0 && c.Use <= 1) || c.Ramp < 0 || c.Debt < 0 || c.Kept < 0 || c.Kept > 1 || c.Return < 0 || c.Delay < 0 || c.Ramp > 5*time.Minute {
			t.Fatalf("%+v: %+v", p, c)
		}
	})
}

func TestWhatIsNoTable(t *testing.T) {
	for _, bad := range []string{"", columns, text[:len(text)/2], strings.Replace(text, "\nebb 1 ", "\nebb x ", 1), strings.Replace(text, columns, "", 1),
		strings.Replace(text, "fingerprint ebb", "# fingerprint ebb", 1), text + "ebb 1 2\n", text + "ebb 1 10 100 - 0 0 1.5 0 0 0 0 0\n"} {
		if _, err := Parse(bad); !errors.Is(err, ErrTable) {
			t.Errorf("%.40q...: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(text)
	f.Add(columns + "\nebb 1 10 100 - 0 0 1.5 0 0 0 0 0\n")
	f.Fuzz(func(t *testing.T, s string) {
		table, err := Parse(s)
		if err != nil {
			if !errors.Is(err, ErrTable) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := Parse(table.String())
		if err != nil || again.String() != table.String() {
			t.Errorf("what it writes it does not read: %v", err)
		}
	})
}

// What crosses in the long run is what is asked for, as long as others do not ask for more than we leave.
func TestWhatCrossesBesideUs(t *testing.T) {
	c := Curve{}
	for i, load := range loads {
		c[i].Kept, c[i].Debt = .03, time.Duration(load*float64(20*time.Second))
	}
	for i, load := range loads {
		if got, more := c.Crosses(c[i].Debt.Seconds()+float64(load*7), 7); math.Abs(got-load) > 1e-9 || more {
			t.Errorf("with the debt of a load of %g %g crosses", load, got)
		}
	}
	for _, x := range []struct {
		there, seconds, want float64
		more                 bool
	}{
		{0, 5, 0, false},
		{5, 1e-3, .2875, false},         // the logarithm of 5 s is about half way from that of 3 s to that of 8 s
		{15, 10, .5144, false},          // at the end there are 9.9 s
		{18 + .95*2 + 1, 2, .95, false}, // a little beyond the last load
		{1e6, 5, .97, true},             // the rest we keep
		{.001, 1e6, .001 / 1e6, false},  // no more than there is
	} {
		if got, more := c.Crosses(x.there, x.seconds); math.Abs(got-x.want) > .01*x.want || more != x.more {
			t.Errorf("%+v: %g, %v", x, got, more)
		}
	}
	debt := 0.
	for range 100 {
		debt += .4 * 5
		crosses, _ := c.Crosses(debt, 5)
		debt -= float64(5 * crosses)
	}
	if math.Abs(debt-8) > 1e-3 {
		t.Errorf("in the end others have to wait for %g s of the link, want 8", debt)
	}
	var nobody Curve
	if got, more := nobody.Crosses(1, 5); got != .2 || more {
		t.Errorf("where nobody has to wait %g crosses of .2", got)
	}
}

// Others that fetch a little now and then leave most of a link, and ebb uses it without their waiting: who comes half a second after its return was not
// disturbed by it, and is no reason to stay away for longer.
func TestLittleTrafficLeavesALinkToEbb(t *testing.T) {
	for _, c := range []struct {
		mbit, load, use float64
		delay           time.Duration
	}{{64, .02, .4, time.Millisecond}, {64, .4, .2, 5 * time.Millisecond}, {16, .15, .4, 10 * time.Millisecond}} {
		path := Path{Controller: "ebb", Rate: c.mbit * 1e6, RTT: 10 * time.Millisecond, Buffer: usualBuffer}
		got, err := Measure(Spot{path, c.load}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got.Use < c.use || got.Delay > c.delay {
			t.Errorf("uses %.0f %% of what transfers at %.0f %% of %.0f Mbit/s leave, and adds %v to what they wait for at p95", 100*got.Use, 100*c.load, c.mbit, got.Delay)
		}
	}
}
