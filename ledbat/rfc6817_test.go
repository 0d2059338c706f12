// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

const mss = 1000

// A story drives a controller over a path whose queue the test decides.
type story struct {
	t      *testing.T
	c      Controller
	now    time.Time
	base   time.Duration // one way
	queue  time.Duration
	flight int
	sent   []time.Time // when the datagrams in flight left
}

// byTheBook is RFC 6817 without additions.
func byTheBook() Config {
	return Config{MSS: mss, Target: 60 * ms, MaxWindow: 1 << 20}
}

func tell(t *testing.T, c Config) *story {
	t.Helper()
	ctl, err := New("rfc6817", c)
	if err != nil {
		t.Fatal(err)
	}
	return &story{t: t, c: ctl, now: epoch, base: 20 * ms}
}

// send sends n datagrams.
func (s *story) send(n int) {
	for range n {
		s.c.Sent(s.now, mss)
		s.flight += mss
		s.sent = append(s.sent, s.now)
	}
}

// fill sends datagrams until the window is full.
func (s *story) fill() {
	for s.flight == 0 || s.flight+mss <= s.c.Window() {
		s.send(1)
	}
}

func (s *story) rtt() time.Duration { return 2*s.base + s.queue }

// hear acknowledges n datagrams.
func (s *story) hear(n int, ce bool) {
	s.flight -= n * mss
	s.sent = s.sent[n:]
	s.c.Acked(s.now, Ack{Bytes: n * mss, OneWayDelay: s.base + s.queue, RTT: s.rtt(), CE: ce, InFlight: s.flight})
}

// pass lets time pass, and acknowledges what was sent a round trip ago.
func (s *story) pass(d time.Duration) {
	s.now = s.now.Add(d)
	n := 0
	for n < len(s.sent) && s.now.Sub(s.sent[n]) >= s.rtt() {
		n++
	}
	if n > 0 {
		s.hear(n, false)
	}
}

// round is a round trip of a sender that always has data.
func (s *story) round() {
	for range 8 {
		s.fill()
		s.pass(s.rtt() / 8)
	}
}

// lose loses the oldest datagram in flight, sent at sentAt as the controller is told.
func (s *story) lose(sentAt time.Time) {
	s.flight -= mss
	s.sent = s.sent[1:]
	s.c.Lost(s.now, mss, sentAt)
}

// loseOne loses a datagram that was sent a moment ago, and tells of it in a feedback.
func (s *story) loseOne() {
	s.now = s.now.Add(s.rtt())
	s.lose(s.now.Add(-ms))
	s.hear(0, false)
}

// timeOut waits for the CTO in vain.
func (s *story) timeOut() {
	s.now = s.now.Add(s.c.CTO())
	s.flight, s.sent = 0, nil
	s.c.TimedOut(s.now)
}

// settle makes the controller believe in a queue, with the window filled.
func (s *story) settle(queue time.Duration) {
	s.round()
	s.queue = queue
	for range 3 {
		s.round()
	}
	s.fill()
}

func (s *story) window(want float64, why string) {
	s.t.Helper()
	if got := float64(s.c.Window()) / mss; math.Abs(got-want) > 0.02*want {
		s.t.Errorf("window is %.2f MSS, want %.2f: %s\n%v", got, want, why, s.c)
	}
}

// "INIT_CWND and MIN_CWND SHOULD both be 2." (section 2.5)
func TestWindowBeginsAtTwo(t *testing.T) {
	s := tell(t, byTheBook())
	s.window(2, "INIT_CWND")
	if r := s.c.Rate(); r != 0 {
		t.Errorf("rate is %v before a round trip is known, want 0: not paced", r)
	}
}

// "A GAIN of 1 limits the maximum cwnd ramp-up to the same rate as TCP Reno in Congestion Avoidance." (section 2.5)
func TestWindowGrowsByOneARoundTrip(t *testing.T) {
	s := tell(t, byTheBook())
	for range 20 {
		before := s.c.Window()
		s.round()
		if grown := s.c.Window() - before; grown > mss {
			t.Fatalf("window grew by %d bytes in a round trip: %v", grown, s.c)
		}
	}
	if got := s.c.Window(); got < 16*mss {
		t.Errorf("after 20 round trips without queue the window is %d: %v", got, s.c)
	}
}

// "off_target = (TARGET - queuing_delay) / TARGET": half way to the target it grows half as fast, at the target it
// stays, and beyond it shrinks in proportion.
func TestWindowFollowsTheDistanceFromTheTarget(t *testing.T) {
	for _, c := range []struct {
		queue time.Duration
		grown float64 // MSS a round trip
	}{{0, 1}, {30 * ms, 0.5}, {45 * ms, 0.25}, {60 * ms, 0}, {90 * ms, -0.5}, {180 * ms, -2}} {
		s := tell(t, byTheBook())
		for range 30 {
			s.round()
		}
		s.settle(c.queue)
		before := float64(s.c.Window())
		s.round()
		if got := (float64(s.c.Window()) - before) / mss; math.Abs(got-c.grown) > 0.1*math.Abs(c.grown)+0.02 {
			t.Errorf("queue %v: window changed by %.3f MSS in a round trip, want %.2f: %v", c.queue, got, c.grown, s.c)
		}
	}
}

// "cwnd = max(cwnd, MIN_CWND * MSS)" (section 2.4.2)
func TestWindowHasAFloor(t *testing.T) {
	s := tell(t, byTheBook())
	s.settle(time.Second)
	for range 20 {
		s.round()
	}
	s.window(2, "MIN_CWND")
}

// "max_allowed_cwnd = flightsize + ALLOWED_INCREASE * MSS" (section 2.4.2): a sender without much to send does not collect
// permission.
func TestApplicationLimitedFlowCollectsNoWindow(t *testing.T) {
	s := tell(t, byTheBook())
	for range 40 {
		s.round()
	}
	for range 100 { // three datagrams a round trip
		s.send(3)
		s.pass(s.rtt())
	}
	s.window(4, "three in flight and ALLOWED_INCREASE of 1")
}

// "An ALLOWED_INCREASE greater than 1 MAY be used when interactions between LEDBAT and the framing protocol provide a clear reason
// for doing so." (section 2.5): a third of the window here is used up by what a transport above has to repeat, and is never in flight.
func TestAllowedShareForTransportsThatRepeat(t *testing.T) {
	for share, grows := range map[float64]bool{0: false, 0.5: true} {
		c := byTheBook()
		c.AllowedShare = share
		s := tell(t, c)
		for range 30 {
			s.round()
		}
		before := s.c.Window()
		for range 30 {
			for s.flight == 0 || s.flight+mss <= s.c.Window()*7/10 {
				s.send(1)
			}
			s.pass(s.rtt())
		}
		if got := s.c.Window() > before; got != grows {
			t.Errorf("share %v: the window grows is %v, want %v: %v", share, got, grows, s.c)
		}
	}
}

// "on data loss: # at most once per RTT: cwnd = min (cwnd, max (cwnd/2, MIN_CWND * MSS))" (section 2.4.2)
func TestLossHalvesOnceARoundTrip(t *testing.T) {
	s := tell(t, byTheBook())
	for range 30 {
		s.round()
	}
	s.fill()
	sent := s.now
	before := float64(s.c.Window()) / mss
	s.now = s.now.Add(s.rtt())
	for range 5 {
		s.lose(sent)
	}
	s.window(before/2, "five losses of one round trip are one event")
	s.fill()
	s.now = s.now.Add(s.rtt())
	s.lose(s.now.Add(-s.rtt()))
	s.window(before/2, "what left at the moment of the halving could not know of it")
	s.now = s.now.Add(s.rtt())
	s.lose(s.now.Add(-s.rtt() / 2))
	s.window(before/4, "what was sent after the halving is a new event")
	for range 8 {
		s.now = s.now.Add(s.rtt())
		s.lose(s.now.Add(-ms))
	}
	s.window(2, "MIN_CWND")
}

// A mark counts as a loss, at most once a round trip. (RFC 3168, section 6.1.2)
func TestMarkHalvesOnceARoundTrip(t *testing.T) {
	s := tell(t, shipped())
	for range 5 {
		s.round()
	}
	s.settle(50 * ms)
	before := float64(s.c.Window()) / mss
	s.now = s.now.Add(s.rtt() / 2)
	s.hear(1, true)
	s.window(before/2, "CE")
	s.now = s.now.Add(s.rtt() / 2)
	s.hear(1, true)
	s.window(before/2, "a second mark in the same round trip")
}

// shipped is what ships, with the MSS of these stories.
func shipped() Config {
	c := Default()
	c.MSS, c.MaxWindow = mss, 1<<20
	return c
}

// "if no ACKs are received within a CTO: # extreme congestion, or significant RTT change. # set cwnd to 1MSS and backoff the congestion
// timer. cwnd = 1 * MSS; CTO = 2 * CTO" (section 2.4.2)
func TestTimeoutLeavesOneDatagram(t *testing.T) {
	s := tell(t, byTheBook())
	for range 30 {
		s.round()
	}
	cto := s.c.CTO()
	s.timeOut()
	s.window(1, "after a timeout")
	if got := s.c.CTO(); got != 2*cto {
		t.Errorf("CTO is %v, want twice %v", got, cto)
	}
	s.round()
	s.window(2, "MIN_CWND with the first acknowledgement")
	if got := s.c.CTO(); got != cto {
		t.Errorf("CTO is %v after an acknowledgement, want %v again", got, cto)
	}
}

func TestSlowStartDoublesAndEndsBeforeTheTarget(t *testing.T) {
	s := tell(t, shipped())
	s.fill()
	for range 5 {
		before := s.c.Window()
		s.pass(s.rtt())
		s.fill()
		if got := s.c.Window(); got != 2*before {
			t.Fatalf("window went from %d to %d in a round trip of slow start: %v", before, got, s.c)
		}
	}
	s.queue = 44 * ms
	s.now = s.now.Add(s.rtt() / 2)
	s.hear(1, false)
	s.hear(1, false)
	if !strings.Contains(s.c.String(), "starting") {
		t.Fatalf("slow start ended below three quarters of the target: %v", s.c)
	}
	before := float64(s.c.Window()) / mss
	s.queue = 46 * ms
	s.hear(1, false)
	if !strings.Contains(s.c.String(), "starting") {
		t.Fatalf("slow start ended by a single sample: %v", s.c)
	}
	s.hear(1, false)
	s.window(before/2, "the doubling of the round trip that was measured is taken back")
	s.round()
	if !strings.Contains(s.c.String(), "steering") {
		t.Errorf("slow start began again: %v", s.c)
	}
}

// After a timeout the path may be another one: the window doubles from 1 MSS.
func TestSlowStartAfterATimeout(t *testing.T) {
	s := tell(t, shipped())
	s.settle(50 * ms)
	s.queue = 0
	s.timeOut()
	for range 6 {
		s.round()
	}
	if got := s.c.Window(); got < 32*mss {
		t.Errorf("six round trips after a timeout the window is %d: %v", got, s.c)
	}
}

// A flow that has been silent for a timeout begins at INIT_CWND again and doubles back to three quarters of its window.
func TestIdleFlowComesBackGently(t *testing.T) {
	s := tell(t, shipped())
	for range 6 {
		s.round()
	}
	s.settle(50 * ms) // ends slow start
	before := s.c.Window()
	s.pass(s.rtt())
	s.queue = 0
	s.now = s.now.Add(5 * time.Second)
	s.send(1)
	s.window(2, "INIT_CWND after idling")
	for range 7 {
		s.round()
	}
	if got := s.c.Window(); got < before*3/4 || got > before+mss {
		t.Errorf("seven round trips after idling the window is %d, it was %d: %v", got, before, s.c)
	}
}

func TestPauseShorterThanATimeoutCostsNothing(t *testing.T) {
	s := tell(t, shipped())
	for range 6 {
		s.round()
	}
	before := s.c.Window()
	s.pass(s.c.CTO() - ms)
	s.round()
	if got := s.c.Window(); got < before {
		t.Errorf("window fell from %d to %d by a short pause: %v", before, got, s.c)
	}
}

func TestWindowHasACeiling(t *testing.T) {
	c := shipped()
	c.MaxWindow = 40 * mss
	s := tell(t, c)
	for range 12 {
		s.round()
	}
	s.window(40, "MaxWindow")
}

// The pace is a little more than a window a round trip, for datagrams of any size.
func TestRateFollowsTheWindow(t *testing.T) {
	for _, size := range []int{500, 1400, 8000, 65000} {
		c := Default()
		c.MSS = size
		ctl, err := New("rfc6817", c)
		if err != nil {
			t.Fatal(err)
		}
		ctl.Sent(at(0), 2*size)
		ctl.Acked(at(40*ms), Ack{Bytes: 2 * size, OneWayDelay: 20 * ms, RTT: 40 * ms})
		if got, want := ctl.Rate(), paceHeadroom*float64(ctl.Window())/0.040; math.Abs(got-want) > 1e-6*want {
			t.Errorf("MSS %d: rate is %.0f B/s, want %.0f: %v", size, got, want, ctl)
		}
	}
}

func TestQueueAndBaseAreTold(t *testing.T) {
	s := tell(t, byTheBook())
	s.base = -500 * ms // the receiver's clock is behind
	s.c.Sent(s.now, mss)
	s.c.Acked(s.now, Ack{Bytes: mss, OneWayDelay: -500 * ms, RTT: 40 * ms})
	for range 4 {
		s.now = s.now.Add(10 * ms)
		s.c.Acked(s.now, Ack{OneWayDelay: -470 * ms, RTT: 70 * ms})
	}
	if got := s.c.BaseDelay(); got != -500*ms {
		t.Errorf("base delay is %v, want -500ms", got)
	}
	if got := s.c.QueueDelay(); got != 30*ms {
		t.Errorf("queue delay is %v, want 30ms", got)
	}
	if !s.c.Deadline().IsZero() {
		t.Errorf("deadline is %v; this controller never asks for time", s.c.Deadline())
	}
	s.c.Advance(s.now)
}

func TestStateInOneLine(t *testing.T) {
	s := tell(t, shipped())
	s.round()
	const want = "rfc6817 starting: window 4000 B (4.0 MSS), in flight 0 B, rtt 40ms, base 20ms of 1 slots, queue 0s, " +
		"target 60ms, cto 1s, loss 0.0 % (0.0 % without queue)"
	if got := s.c.String(); got != want {
		t.Errorf("state is\n%s, want\n%s", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New("cubic", Default()); !errors.Is(err, ErrUnknownController) {
		t.Errorf("unknown name: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"MSS":                func(c *Config) { c.MSS = 0 },
		"MSS too large":      func(c *Config) { c.MSS = 65536 },
		"Target":             func(c *Config) { c.Target = 0 },
		"Target too long":    func(c *Config) { c.Target = 101 * ms }, // "TARGET MUST be 100 milliseconds or less"
		"MaxWindow":          func(c *Config) { c.MaxWindow = c.MSS },
		"MaxWindow negative": func(c *Config) { c.MaxWindow = -1 },
		"MaxWindow absurd":   func(c *Config) { c.MaxWindow = largestWindow + 1 },
		"AllowedShare":       func(c *Config) { c.AllowedShare = math.NaN() },
	} {
		c := Default()
		spoil(&c)
		if _, err := New("rfc6817", c); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), strings.Fields(name)[0]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
