// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
	"github.com/ebbproject/ebb/link"
)

// course is how a flow went: a plot in text, one line an interval.
type course struct {
	lines []point
}

type point struct {
	at      float64 // s
	goodput float64 // % of the link
	queue   float64 // ms, mean
}

// follow watches a flow and the queue in front of it.
func (w *world) follow(f *flow, rate float64, intervals int, interval time.Duration) *course {
	c := new(course)
	for range intervals {
		before := f.received.Load()
		var queue time.Duration
		samples := watch(w.there, interval)
		for _, q := range samples {
			queue += q
		}
		c.lines = append(c.lines, point{
			at:      w.elapsed().Seconds(),
			goodput: float64(f.received.Load()-before) * 8 / interval.Seconds() / rate * 100,
			queue:   (queue / time.Duration(len(samples))).Seconds() * 1000,
		})
	}
	return c
}

const plotHead = "     s   goodput %   queue ms   0        queue (ms/4): *        goodput (%/2): |  50\n"

func (c *course) String() string {
	var b strings.Builder
	b.WriteString(plotHead)
	for _, p := range c.lines {
		row := []byte(strings.Repeat(" ", 51))
		row[clampInt(p.queue/4)] = '*'
		row[clampInt(p.goodput/2)] = '|'
		fmt.Fprintf(&b, "%6.1f %11.1f %10.1f   %s\n", p.at, p.goodput, p.queue, strings.TrimRight(string(row), " "))
	}
	return b.String()
}

func clampInt(x float64) int { return int(max(0, min(50, x))) }

// check compares a course with its golden file. Two runs differ a little: what happens at one instant of virtual time happens in any
// order.
func (c *course) check(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join("testdata", name+".plot")
	b, is := golden.Wanted(t, file, []byte(c.String()))
	if !is {
		return
	}
	const points, millis = 10, 12
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		var want point
		if _, err := fmt.Sscan(line, &want.at, &want.goodput, &want.queue); err != nil {
			t.Fatal(err)
		}
		if i >= len(c.lines) || math.Abs(c.lines[i].goodput-want.goodput) > points || math.Abs(c.lines[i].queue-want.queue) > millis {
			t.Errorf("line %d differs from %s (rewrite it with -update if that is right):\n%s", i+1, file, c)
			return
		}
	}
}

// "20 Mbit/s, 50 ms, 100 ms buffer, target 60 ms: standing queue p95 within 5 ms of the target, goodput >= 90 % of the link, no SCTP
// timeout."
func TestStandingQueueIsOnTarget(t *testing.T) {
	long(t)
	const rate = 20e6
	l := link.Config{Rate: rate, Delay: 25 * ms, BufferTime: 100 * ms}
	inWorldOf(t, "rfc6817", l, l, func(w *world) {
		f := pour(w.dialed, w.accepted)
		w.follow(f, rate, 20, time.Second).check(t, "standing-queue")
		before := f.received.Load()
		q := watch(w.there, 10*time.Second)
		got := float64(f.received.Load()-before) * 8 / 10
		f.end()
		p95, s := quantile(q, .95), w.dialed.Stats()
		t.Logf("goodput %s, queue p5 %v, median %v, p95 %v; %+v", share(got, rate), quantile(q, .05), quantile(q, .5), p95, s)
		if p95 < 55*ms || p95 > 65*ms {
			t.Errorf("the 95th percentile of the queue is %v, the target 60 ms", p95)
		}
		if got < .9*rate {
			t.Errorf("goodput %s", share(got, rate))
		}
		if s.SCTPTimeouts != 0 || s.Timeouts != 0 {
			t.Errorf("%d timeouts of SCTP, %d of the shim", s.SCTPTimeouts, s.Timeouts)
		}
	})
}

func TestGoodputOnBadPaths(t *testing.T) {
	long(t)
	const rate = 10e6
	clean := link.Config{Rate: rate, Delay: 25 * ms, BufferTime: 100 * ms}
	for _, c := range []struct {
		controller, name string
		spoil            func(*link.Config)
		least            float64 // share of the link
	}{
		{"rfc6817", "loss-1", func(l *link.Config) { l.Loss = .01 }, .80},
		{"rfc6817", "loss-5", func(l *link.Config) { l.Loss = .05 }, .65},
		{"rfc6817", "late-5ms", func(l *link.Config) { l.Reorder, l.ReorderDelay = .01, 5*ms }, .80},
		{"rfc6817", "late-15ms", func(l *link.Config) { l.Reorder, l.ReorderDelay = .01, 15*ms }, .80},
		{"ebb", "loss-1", func(l *link.Config) { l.Loss = .01 }, .80},
		{"ebb", "loss-5", func(l *link.Config) { l.Loss = .05 }, .65},
		{"ebb", "late-5ms", func(l *link.Config) { l.Reorder, l.ReorderDelay = .01, 5*ms }, .80},
		{"ebb", "late-15ms", func(l *link.Config) { l.Reorder, l.ReorderDelay = .01, 15*ms }, .80},
	} {
		t.Run(c.controller+" "+c.name, func(t *testing.T) {
			l := clean
			c.spoil(&l)
			inWorldOf(t, c.controller, l, clean, func(w *world) {
				f := pour(w.dialed, w.accepted)
				f.bits(2 * time.Second)
				got := f.bits(20 * time.Second)
				f.end()
				s := w.dialed.Stats()
				t.Logf("goodput %s; %+v", share(got, rate), s)
				if got < c.least*rate {
					t.Errorf("goodput %s, wanted %.0f %%", share(got, rate), 100*c.least)
				}
				if l.Loss == 0 && s.Retransmitted > s.Datagrams/100 {
					t.Errorf("%d of %d packets were sent again, and none was lost", s.Retransmitted, s.Datagrams)
				}
				if s.SCTPTimeouts != 0 {
					t.Errorf("%d timeouts of SCTP", s.SCTPTimeouts)
				}
			})
		})
	}
}

func TestBothDirectionsAtOnce(t *testing.T) {
	long(t)
	const rate = 20e6
	l := link.Config{Rate: rate, Delay: 25 * ms, BufferTime: 100 * ms}
	inWorld(t, l, l, func(w *world) {
		there, back := pour(w.dialed, w.accepted), pour(w.accepted, w.dialed)
		there.bits(3 * time.Second)
		before := back.received.Load()
		x := there.bits(7 * time.Second)
		y := float64(back.received.Load()-before) * 8 / 7
		there.end()
		back.end()
		t.Logf("%s there, %s back; %+v", share(x, rate), share(y, rate), w.dialed.Stats())
		if x < .85*rate || y < .85*rate {
			t.Errorf("goodput %s there, %s back", share(x, rate), share(y, rate))
		}
		if s := w.dialed.Stats(); s.SCTPTimeouts != 0 {
			t.Errorf("%d timeouts of SCTP", s.SCTPTimeouts)
		}
	})
}

// A request on a slow line whose uplink is busy must not wait for what is queued behind the window.
func TestRequestsOnASlowLine(t *testing.T) {
	const rate = 256e3
	l := link.Config{Rate: rate, Delay: 30 * ms, BufferTime: time.Second}
	// On such a line ebb leaves 4 % more than elsewhere, so that others need not wait for its datagrams.
	t.Run("rfc6817", func(t *testing.T) { requests(t, "rfc6817", l, 600*ms, .85) })
	t.Run("ebb", func(t *testing.T) { requests(t, "ebb", l, 150*ms, .80) })
}

func requests(t *testing.T, controller string, l link.Config, within time.Duration, least float64) {
	rate := l.Rate
	inWorldOf(t, controller, l, l, func(w *world) {
		f := pour(w.dialed, w.accepted)
		f.bits(10 * time.Second)
		var waits []time.Duration
		for range 50 {
			begin, before := time.Now(), f.requests.Load()
			if err := w.dialed.Send([]byte("request"), false); err != nil {
				t.Fatal(err)
			}
			for f.requests.Load() == before {
				time.Sleep(ms)
			}
			waits = append(waits, time.Since(begin))
			time.Sleep(300 * ms)
		}
		got := f.bits(10 * time.Second)
		f.end()
		t.Logf("requests take %v, p95 %v, goodput %s", quantile(waits, .5), quantile(waits, .95), share(got, rate))
		if quantile(waits, .95) > within {
			t.Errorf("requests take %v", quantile(waits, .95))
		}
		if got < least*rate {
			t.Errorf("goodput %s", share(got, rate))
		}
	})
}

func TestTerriblePathCompletes(t *testing.T) {
	l := link.Config{Rate: 10e6, Delay: 300 * ms, BufferTime: 100 * ms, Loss: .2}
	inWorld(t, l, l, func(w *world) {
		const total = 4 << 20
		message := make([]byte, 4096)
		go func() {
			for sent := 0; sent < total; {
				if w.dialed.Budget() == 0 {
					<-w.dialed.Ready()
					continue
				}
				if err := w.dialed.Send(message, true); err != nil {
					t.Error(err)
					return
				}
				sent += len(message)
			}
		}()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		for got := 0; got < total; {
			m, err := w.accepted.Receive(ctx)
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			got += len(m)
		}
		t.Logf("%d bytes in %v; %+v", total, w.elapsed(), w.dialed.Stats())
	})
}

// Alone on a link, ebb fills it and keeps its queue empty.
func TestEbbKeepsTheQueueEmpty(t *testing.T) {
	const rate = 20e6
	l := link.Config{Rate: rate, Delay: 20 * ms, BufferTime: 100 * ms}
	inWorldOf(t, "ebb", l, l, func(w *world) {
		f := pour(w.dialed, w.accepted)
		w.follow(f, rate, 10, time.Second).check(t, "ebb-alone")
		wire := w.dialed.Stats()
		before := f.received.Load()
		q := watch(w.there, 10*time.Second)
		got := float64(f.received.Load()-before) * 8 / 10
		f.end()
		s := w.dialed.Stats()
		sent := float64(s.BytesSent-wire.BytesSent+28*(s.Datagrams-wire.Datagrams)) * 8 / 10
		t.Logf("goodput %s, of the link %s; queue median %v, p95 %v, most %v; %+v", share(got, rate), share(sent, rate),
			quantile(q, .5), quantile(q, .95), quantile(q, 1), s)
		if sent < .95*rate || got < .9*rate {
			t.Errorf("%s of the link used, goodput %s", share(sent, rate), share(got, rate))
		}
		if p95 := quantile(q, .95); p95 > 5*ms {
			t.Errorf("the 95th percentile of the queue is %v", p95)
		}
		if s.Lost+s.SCTPTimeouts+s.Timeouts > 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Two flows of ebb share a link with little queue, and when one leaves, the other takes all of it.
func TestTwoOfEbb(t *testing.T) {
	long(t)
	const rate = 20e6
	l := link.Config{Rate: rate, Delay: 20 * ms, BufferTime: 100 * ms}
	inWorldOf(t, "ebb", l, l, func(w *world) {
		first := pour(w.dialed, w.accepted)
		first.bits(3 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		dialed, err := w.a.Dial(ctx, w.b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := w.b.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		second := pour(dialed, accepted)
		a, b := first.received.Load(), second.received.Load()
		q := watch(w.there, 30*time.Second)
		x, y := float64(first.received.Load()-a)*8/30, float64(second.received.Load()-b)*8/30
		second.end()
		first.bits(3 * time.Second)
		alone := first.bits(5 * time.Second)
		first.end()
		t.Logf("%s and %s; queue median %v, p95 %v; then alone %s; %+v, %+v", share(x, rate), share(y, rate), quantile(q, .5),
			quantile(q, .95), share(alone, rate), w.dialed.Stats(), dialed.Stats())
		if alone < .9*rate {
			t.Errorf("alone %s", share(alone, rate))
		}
		if p95 := quantile(q, .95); p95 > 20*ms {
			t.Errorf("the 95th percentile of the queue is %v", p95)
		}
	})
}
