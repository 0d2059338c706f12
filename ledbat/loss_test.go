// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"strings"
	"testing"
	"time"
)

// lossy lets the story run for some round trips in which every nth datagram is lost; 0: none.
func (s *story) lossy(rounds, nth int) {
	count := 0
	for range rounds * 8 {
		s.fill()
		s.now = s.now.Add(s.rtt() / 8)
		acked := 0
		for len(s.sent) > acked && s.now.Sub(s.sent[acked]) >= s.rtt() {
			if count++; nth > 0 && count%nth == 0 {
				// Lost ones are reported first.
				s.sent[0], s.sent[acked] = s.sent[acked], s.sent[0]
				s.lose(s.sent[0])
				continue
			}
			acked++
		}
		if acked > 0 {
			s.hear(acked, false)
		}
	}
}

// grown is a story whose window has doubled to 128 MSS without a queue.
func grown(t *testing.T) *story {
	s := tell(t, shipped())
	for range 6 {
		s.round()
	}
	return s
}

func TestLossWithQueueAboveHalfTheTargetCounts(t *testing.T) {
	s := grown(t)
	s.settle(35 * ms)
	before := float64(s.c.Window()) / mss
	s.loseOne()
	s.window(before/2, "queue delay was 35ms of 60")
}

// A buffer of 20 ms is full at 20 ms: others suffer from it as much as from a deep one.
func TestLossWithASmallQueueCountsOnACleanLine(t *testing.T) {
	s := grown(t)
	s.settle(20 * ms)
	before := float64(s.c.Window()) / mss
	s.loseOne()
	s.window(before/2, "queue delay was 20ms, and the line loses nothing by itself")
}

func TestLossWithoutQueueCostsNothing(t *testing.T) {
	s := grown(t)
	before := s.c.Window()
	s.lossy(20, 50)
	if got := s.c.Window(); got < before {
		t.Errorf("window fell from %d to %d by 2 %% random loss: %v", before, got, s.c)
	}
	if !strings.Contains(s.c.String(), "starting") {
		t.Errorf("random loss ended slow start: %v", s.c)
	}
}

// Once the line is known to lose without a queue, a loss with a small one proves nothing.
func TestLossWithASmallQueueCostsNothingOnABadLine(t *testing.T) {
	s := grown(t)
	s.lossy(5, 50)
	s.queue = 20 * ms
	s.lossy(2, 0)
	before := s.c.Window()
	s.lossy(3, 50)
	if got := s.c.Window(); got < before {
		t.Errorf("window fell from %d to %d: %v", before, got, s.c)
	}
	s.queue = 35 * ms
	s.lossy(3, 50)
	if got := s.c.Window(); got > before*3/4 {
		t.Errorf("window is still %d of %d although losses came with a queue above half the target: %v", got, before, s.c)
	}
}

// On a line that loses 1 % by itself, 5 % with a small queue are mostly the queue's.
func TestMoreLossWithASmallQueueThanWithoutCounts(t *testing.T) {
	s := grown(t)
	s.lossy(5, 100)
	s.queue = 20 * ms
	before := s.c.Window()
	s.lossy(20, 20)
	if got := s.c.Window(); got > before/2 {
		t.Errorf("window is still %d of %d: %v", got, before, s.c)
	}
}

// A court puts a judge before a path without queue.
type court struct {
	j   lossJudge
	now time.Time
}

// hear reports n MSS of which every nth is lost, and returns the first sentence that is not nothing.
func (c *court) hear(n, nth int) sentence {
	for i := range n {
		c.now = c.now.Add(ms)
		p := pathState{now: c.now, rtt: 40 * ms, target: 60 * ms, mss: mss}
		s := nothing
		if nth > 0 && i%nth == 0 {
			s = c.j.lost(p, mss)
		} else {
			s = c.j.acked(p, mss)
		}
		if s != nothing {
			return s
		}
	}
	return nothing
}

// Losses stay at 12 % when the window is halved: it is given back, and for half a minute nobody asks again.
func TestTrialAcquitsABadLine(t *testing.T) {
	c := court{now: epoch}
	if s := c.hear(trialMSS, 8); s != probe {
		t.Fatalf("12 %% loss without queue led to %v, want a trial: %v", s, &c.j)
	}
	if s := c.hear(400, 8); s != giveBack {
		t.Fatalf("the losses stayed, and the verdict is %v, want to give the window back: %v", s, &c.j)
	}
	if s := c.hear(20_000, 8); s != nothing {
		t.Fatalf("the line was found bad, and now: %v: %v", s, &c.j)
	}
	c.now = c.now.Add(trialValid)
	if s := c.hear(2*trialMSS, 8); s != probe {
		t.Errorf("half a minute later: %v, want a new trial: %v", s, &c.j)
	}
}

// Losses go away with half of the window, as behind a policer: from then on each of them counts.
func TestTrialConvictsAWindowThatIsTooLarge(t *testing.T) {
	c := court{now: epoch}
	if s := c.hear(trialMSS, 8); s != probe {
		t.Fatalf("12 %% loss without queue led to %v, want a trial: %v", s, &c.j)
	}
	if s := c.hear(80, 8); s != nothing {
		t.Fatalf("losses of what was sent before the trial led to %v: %v", s, &c.j)
	}
	if s := c.hear(2*trialMSS, 0); s != nothing {
		t.Fatalf("no losses led to %v: %v", s, &c.j)
	}
	if s := c.hear(1, 1); s != halve {
		t.Fatalf("a loss after the verdict led to %v, want to halve: %v", s, &c.j)
	}
	c.now = c.now.Add(trialValid)
	c.hear(2*trialMSS, 0)
	if s := c.hear(1, 1); s != nothing {
		t.Errorf("half a minute later a loss led to %v, want nothing: %v", s, &c.j)
	}
}

// A verdict that was chance is revoked: losses that go on do not depend on the window.
func TestWrongVerdictIsRevoked(t *testing.T) {
	c := court{now: epoch}
	c.hear(trialMSS, 8)
	c.hear(3*trialMSS, 0)
	for range trialMSS {
		if c.hear(1, 1) == giveBack || c.hear(7, 0) == giveBack {
			return
		}
	}
	t.Errorf("12 %% loss goes on, and the verdict stands: %v", &c.j)
}

// Nobody may go on at more than 30 % loss, whatever its cause.
func TestHeavyLossAlwaysCounts(t *testing.T) {
	c := court{now: epoch}
	for i := range 5 {
		if s := c.hear(trialMSS, 3); s != halve {
			t.Errorf("stretch %d with 33 %% loss led to %v, want to halve: %v", i, s, &c.j)
		}
	}
}

// In a trial the controller halves its window, and doubles back to it when it is given back.
func TestWindowIsGivenBack(t *testing.T) {
	s := grown(t)
	before, fell := s.c.Window(), false
	for range 15 {
		last := s.c.Window()
		s.lossy(1, 8)
		fell = fell || s.c.Window() < last*2/3
	}
	if got := s.c.Window(); !fell || got < 2*before {
		t.Errorf("window was %d and is %d; it fell in between is %v, want true: %v", before, got, fell, s.c)
	}
}

// A mark is no loss: it needs no queue to be believed.
func TestMarkCountsWithoutQueue(t *testing.T) {
	s := grown(t)
	before := float64(s.c.Window()) / mss
	s.fill()
	s.now = s.now.Add(s.rtt())
	s.hear(1, true)
	s.window(before/2, "CE")
}

func TestEvidenceFades(t *testing.T) {
	var e tally
	for range 100 {
		e.add(tally{acked: 90, lost: 10})
		e.fade(1000)
	}
	if e.total() > 1100 || e.rate() != 0.1 {
		t.Errorf("evidence is %+v, want at most 1000 bytes at a rate of 0.1", e)
	}
	if (tally{}).rate() != 0 {
		t.Error("no evidence has a rate")
	}
}

func TestTimeoutForgetsEvidence(t *testing.T) {
	s := grown(t)
	s.lossy(10, 20)
	s.timeOut()
	if got := s.c.String(); !strings.Contains(got, "(0.0 % without queue)") {
		t.Errorf("after a timeout the path may be another one, but the old evidence stands: %v", got)
	}
}
