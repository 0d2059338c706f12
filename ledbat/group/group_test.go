// SPDX-License-Identifier: Apache-2.0

package group

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

const (
	ms  = time.Millisecond
	sec = time.Second
	mss = 1000
)

var epoch = time.Unix(1_700_000_000, 0)

func at(d time.Duration) time.Time { return epoch.Add(d) }

// fixed is a controller whose window and pace the test sets, and which remembers what it was told.
type fixed struct {
	window   int
	rate     float64
	cto      time.Duration
	sent     int
	acked    []ledbat.Ack
	lost     int
	timeouts int
}

func (c *fixed) Sent(_ time.Time, bytes int)              { c.sent += bytes }
func (c *fixed) Acked(_ time.Time, a ledbat.Ack)          { c.acked = append(c.acked, a) }
func (c *fixed) Lost(_ time.Time, bytes int, _ time.Time) { c.lost += bytes }
func (c *fixed) TimedOut(time.Time)                       { c.timeouts++; c.cto *= 2 }
func (c *fixed) Advance(time.Time)                        {}
func (c *fixed) Deadline() time.Time                      { return time.Time{} }
func (c *fixed) Window() int                              { return c.window }
func (c *fixed) Rate() float64                            { return c.rate }
func (c *fixed) CTO() time.Duration                       { return c.cto }
func (c *fixed) QueueDelay() time.Duration                { return 0 }
func (c *fixed) BaseDelay() time.Duration                 { return 0 }
func (c *fixed) String() string                           { return "fixed" }

func (c *fixed) last() ledbat.Ack { return c.acked[len(c.acked)-1] }

// crowd is n members over a path of one round trip, all of which say Waiting and heed Window.
type crowd struct {
	t      *testing.T
	c      *fixed
	g      *Group
	shares []*Share
	greedy []bool
	plain  bool       // none says Waiting or hears of Take, and each sends one when it has nothing in flight
	sent   []int      // datagrams
	inAir  []datagram // in the order in which they left
	now    time.Time
	rtt    time.Duration
	most   int // bytes ever in flight
}

type datagram struct {
	of int
	at time.Time
}

func gather(t *testing.T, n, window int) *crowd {
	c := &fixed{window: window, cto: sec}
	w := &crowd{t: t, c: c, g: New(c, mss), now: epoch, rtt: 50 * ms}
	for range n {
		w.join()
	}
	return w
}

func (w *crowd) join() {
	w.shares = append(w.shares, w.g.Join())
	w.greedy = append(w.greedy, true)
	w.sent = append(w.sent, 0)
}

// pump lets a member send what it may, if it has something.
func (w *crowd) pump(i int) {
	s := w.shares[i]
	for w.greedy[i] {
		if s.Window() < s.flight+mss && !w.plain {
			s.Waiting(w.now, 1<<20)
		}
		if s.Window() < s.flight+mss && (!w.plain || s.flight > 0) {
			return
		}
		s.Sent(w.now, mss)
		w.sent[i]++
		w.inAir = append(w.inAir, datagram{i, w.now})
		w.most = max(w.most, w.g.flight)
	}
}

func (w *crowd) wake() {
	for s, ok := w.g.Take(); ok; s, ok = w.g.Take() {
		if !w.plain {
			w.pump(s.Number())
		}
	}
}

// run lets time pass in steps of a millisecond.
func (w *crowd) run(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(ms) {
		for len(w.inAir) > 0 && w.now.Sub(w.inAir[0].at) >= w.rtt {
			i := w.inAir[0].of
			w.inAir = w.inAir[1:]
			s := w.shares[i]
			s.Acked(w.now, ledbat.Ack{Bytes: mss, OneWayDelay: 25 * ms, RTT: w.rtt, InFlight: s.flight - mss})
			w.pump(i)
			w.wake()
		}
		for i, s := range w.shares {
			if d := s.Deadline(); !d.IsZero() && !w.now.Before(d) {
				s.Advance(w.now)
			}
			w.pump(i)
			w.wake()
		}
	}
}

// jain of what was sent.
func jain(sent []int) float64 {
	sum, squares := 0.0, 0.0
	for _, n := range sent {
		sum, squares = sum+float64(n), squares+float64(n*n)
	}
	return sum * sum / (float64(len(sent)) * squares)
}

func TestMembersTogetherKeepToOneWindow(t *testing.T) {
	for _, c := range []struct{ members, window int }{{1, 2}, {1, 100}, {2, 2}, {8, 2}, {8, 100}, {128, 2}, {128, 50}, {128, 1000}} {
		w := gather(t, c.members, c.window*mss)
		w.run(10 * sec)
		total := 0
		for _, n := range w.sent {
			total += n
		}
		full := c.window * int(10*sec/w.rtt)
		t.Logf("%d members, window %d: most in flight %d B, %d datagrams of %d, Jain %.4f", c.members, c.window, w.most, total, full, jain(w.sent))
		if w.most > c.window*mss {
			t.Errorf("%d members, window of %d: %d bytes were in flight", c.members, c.window, w.most)
		}
		if total < full*95/100 {
			t.Errorf("%d members, window of %d: %d datagrams left of %d possible: %v", c.members, c.window, total, full, w.g)
		}
		if jain(w.sent) < 0.98 { // 3.1 datagrams for each of 128 are 3 or 4
			t.Errorf("%d members, window of %d: %v datagrams", c.members, c.window, w.sent)
		}
	}
}

// A member that has nothing to send leaves all to the others at once, and has its share again within a round trip or two.
func TestUnusedSharesAreLentAtOnce(t *testing.T) {
	w := gather(t, 2, 40*mss)
	w.run(sec)
	w.greedy[1] = false
	w.run(2 * w.rtt)
	before := w.sent[0]
	w.run(10 * w.rtt)
	if got := w.sent[0] - before; got < 39*10 {
		t.Errorf("alone, the member sent %d datagrams in ten round trips, want 400: %v", got, w.g)
	}
	w.greedy[1] = true
	w.run(2 * w.rtt)
	before = w.sent[1]
	w.run(10 * w.rtt)
	if got := w.sent[1] - before; got < 19*10 || got > 21*10 {
		t.Errorf("back again, the other sent %d datagrams in ten round trips, want 200: %v", got, w.g)
	}
}

// A newcomer gets its part although the older ones fill the window.
func TestNewcomerGetsItsPart(t *testing.T) {
	w := gather(t, 3, 40*mss)
	w.run(sec)
	w.join()
	w.run(2 * w.rtt)
	clear(w.sent)
	w.run(20 * w.rtt)
	if jain(w.sent) < 0.99 {
		t.Errorf("after the newcomer came they sent %v", w.sent)
	}
}

// A share whose owner knows nothing of Waiting and Take still gets its part: it is presumed to have more.
func TestSharesOfPlainShimsTakeTurns(t *testing.T) {
	for _, c := range []struct{ members, window int }{{2, 40}, {4, 40}, {8, 100}} {
		w := gather(t, 0, c.window*mss)
		w.plain = true
		for range c.members { // one after the other
			w.join()
			w.run(10 * w.rtt)
		}
		w.run(20 * w.rtt)
		clear(w.sent)
		w.run(100 * w.rtt)
		total := 0
		for _, n := range w.sent {
			total += n
		}
		full := 100 * c.window
		t.Logf("%d plain shims sent %v, %d of %d; most in flight %d B", c.members, w.sent, total, full, w.most)
		if jain(w.sent) < 0.95 || total < full*95/100 {
			t.Errorf("%d plain shims sent %v, %d of %d", c.members, w.sent, total, full)
		}
		if w.most > (c.window+c.members)*mss {
			t.Errorf("%d bytes in flight, the window is %d datagrams", w.most, c.window)
		}
	}
}

// The pace is the group's, however many members there are.
func TestMembersTogetherKeepToOnePace(t *testing.T) {
	w := gather(t, 16, 1000*mss)
	w.c.rate = 100 * mss
	w.run(10 * sec)
	total := 0
	for _, n := range w.sent {
		total += n
	}
	if total < 990 || total > 1010 || jain(w.sent) < 0.99 {
		t.Errorf("%d datagrams in 10 s at a pace of 100 a second, %v: %v", total, w.sent, w.g)
	}
}

// A lease, or an operator, limits the group whatever its controller thinks.
func TestGroupKeepsToItsLimit(t *testing.T) {
	w := gather(t, 4, 100*mss)
	w.run(sec)
	for _, limit := range []float64{200 * mss, 20 * mss, 0, 500 * mss} {
		w.g.Limit(w.now, limit)
		w.run(w.rtt)
		clear(w.sent)
		w.run(10 * sec)
		total := 0
		for _, n := range w.sent {
			total += n
		}
		if want := int(10 * limit / mss); total < want*98/100-5 || total > want*102/100+5 {
			t.Errorf("%d datagrams in 10 s at a limit of %.0f B/s: %v", total, limit, w.g)
		}
	}
	w.g.Limit(w.now, math.Inf(1))
	clear(w.sent)
	w.run(sec)
	if total := w.sent[0] + w.sent[1] + w.sent[2] + w.sent[3]; total < 1900 {
		t.Errorf("%d datagrams in a second without limit, want 2000", total)
	}
}

func TestDemand(t *testing.T) {
	w := gather(t, 2, 40*mss)
	if got := w.g.Demand(); got != 0 {
		t.Errorf("before anything is known the demand is %v", got)
	}
	w.c.rate = 800 * mss
	w.greedy[0], w.greedy[1] = false, false
	for i := range 5 { // at their pace
		w.shares[0].Sent(w.now.Add(time.Duration(i)*5*ms), mss)
	}
	w.shares[0].Acked(w.now.Add(w.rtt), ledbat.Ack{Bytes: 0, RTT: w.rtt, InFlight: 5 * mss})
	if got := w.g.Demand(); got != 100*mss {
		t.Errorf("with five datagrams a round trip the demand is %v", got)
	}
	w.shares[1].Waiting(w.now.Add(w.rtt), 100*mss)
	if got := w.g.Demand(); got != 800*mss {
		t.Errorf("with a member that wants more the demand is %v", got)
	}
}

// A permission that is not used lapses, and is somebody else's.
func TestGrantLapses(t *testing.T) {
	w := gather(t, 2, 2*mss)
	a, b := w.shares[0], w.shares[1]
	a.Waiting(w.now, 2*mss)
	a.Sent(w.now, mss)
	a.Sent(w.now, mss)
	b.Waiting(w.now, mss)
	a.Waiting(w.now, mss)
	w.now = w.now.Add(w.rtt)
	a.Acked(w.now, ledbat.Ack{Bytes: mss, OneWayDelay: 25 * ms, RTT: w.rtt, InFlight: mss})
	if b.Window() != mss || a.Window() != mss {
		t.Fatalf("windows are %d and %d; the room is b's: %v", a.Window(), b.Window(), w.g)
	}
	due := a.Deadline()
	if got := due.Sub(w.now); got != leastHold {
		t.Fatalf("the grant lapses after %v, want %v: %v", got, leastHold, w.g)
	}
	a.Advance(due)
	if b.Window() != 0 || a.Window() != 2*mss {
		t.Errorf("windows are %d and %d; the grant has lapsed to a: %v", a.Window(), b.Window(), w.g)
	}
}

// What the controller hears is one flow.
func TestControllerSeesOneFlow(t *testing.T) {
	w := gather(t, 2, 10*mss)
	a, b := w.shares[0], w.shares[1]
	for range 3 {
		a.Sent(w.now, mss)
		b.Sent(w.now, mss)
	}
	if w.c.sent != 6*mss {
		t.Errorf("%d bytes sent as the controller heard", w.c.sent)
	}
	a.Lost(w.now, mss, w.now)
	a.Acked(at(50*ms), ledbat.Ack{Bytes: mss, OneWayDelay: 25 * ms, RTT: 50 * ms, CE: true, InFlight: mss})
	if got := w.c.last(); got.InFlight != 4*mss || !got.CE || w.c.lost != mss {
		t.Errorf("the controller was told %+v and %d bytes lost", got, w.c.lost)
	}
	b.Leave(at(60 * ms))
	a.Acked(at(70*ms), ledbat.Ack{Bytes: 0, OneWayDelay: 25 * ms, RTT: 50 * ms, InFlight: mss})
	if got := w.c.last(); got.InFlight != mss {
		t.Errorf("in flight %d although the other member has left", got.InFlight)
	}
}

// One silent member is its own misfortune; all silent is the group's, once.
func TestTimeoutOfAllIsTheGroups(t *testing.T) {
	w := gather(t, 3, 10*mss)
	a, b, c := w.shares[0], w.shares[1], w.shares[2]
	for _, s := range w.shares {
		s.Sent(epoch, mss)
	}
	a.Acked(at(900*ms), ledbat.Ack{Bytes: mss, OneWayDelay: 25 * ms, RTT: 50 * ms})
	b.TimedOut(at(sec))
	if w.c.timeouts != 0 || b.CTO() != 2*sec || a.CTO() != sec || w.g.flight != mss {
		t.Errorf("one was silent: %d timeouts, its CTO %v, another's %v: %v", w.c.timeouts, b.CTO(), a.CTO(), w.g)
	}
	if b.Sent(at(sec), 96); w.g.flight != mss {
		t.Errorf("%d bytes in flight, with the probes to a host that is not heard of", w.g.flight)
	}
	c.TimedOut(at(2 * sec))
	if w.c.timeouts != 1 {
		t.Errorf("all were silent for a CTO, and the group has not timed out: %v", w.g)
	}
	b.TimedOut(at(3 * sec))
	if w.c.timeouts != 1 {
		t.Errorf("the same silence counted twice")
	}
	b.Acked(at(4*sec), ledbat.Ack{OneWayDelay: 25 * ms, RTT: 50 * ms})
	if w.c.cto = sec; b.CTO() != sec {
		t.Errorf("CTO of the member is %v after it was heard", b.CTO())
	}
}

func TestStateInOneLine(t *testing.T) {
	w := gather(t, 2, 2*mss)
	w.run(ms)
	w.shares[1].Waiting(w.now, mss)
	const want = "member 0, waiting: in flight 2000 B, granted 0 B, base 0s; group of 2, 2 waiting: in flight 2000 B, granted 0 B; fixed"
	if got := w.shares[0].String(); got != want {
		t.Errorf("state is\n%s, want\n%s", got, want)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	ctl, err := ledbat.New("ledbatpp", ledbat.Default())
	if err != nil {
		t.Fatal(err)
	}
	g := New(ctl, 1400)
	var shares []*Share
	for range 128 {
		shares = append(shares, g.Join())
	}
	now, i := epoch, 0
	arrivals := make([]ledbat.Arrival, 16)
	round := func() {
		now = now.Add(ms)
		s := shares[i%128]
		i++
		s.Waiting(now, 1<<20)
		for s.Window() >= s.flight+1400 {
			s.Sent(now, 1400)
		}
		for _, ok := g.Take(); ok; _, ok = g.Take() {
		}
		s.Advance(now)
		s.Acked(now, ledbat.Ack{Bytes: s.flight, OneWayDelay: 25 * ms, RTT: 50 * ms, Reverse: 25 * ms, Backward: true, Arrivals: arrivals})
	}
	for range 1000 {
		round()
	}
	if n := testing.AllocsPerRun(2000, round); n != 0 {
		t.Errorf("a feedback allocates %v times", n)
	}
}

// BenchmarkAcked is the cost of one feedback and of what is sent after it: the same for any number of members.
func BenchmarkAcked(b *testing.B) {
	for _, members := range []int{1, 8, 128} {
		b.Run(strconv.Itoa(members), func(b *testing.B) {
			w := gather(nil, members, 2*members*mss)
			w.run(sec)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				w.now = w.now.Add(ms)
				w.c.acked = w.c.acked[:0]
				s := w.shares[i%members]
				i++
				n := min(2*mss, s.flight)
				s.Acked(w.now, ledbat.Ack{Bytes: n, OneWayDelay: 25 * ms, RTT: w.rtt, InFlight: s.flight - n})
				w.inAir = w.inAir[:0]
				w.pump(s.number)
				w.wake()
			}
		})
	}
}
