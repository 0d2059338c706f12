// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// LEDBAT++ over links: the rows of the reference table (medians of an independent packet simulator with the algorithm written from
// the draft, on 10 Mbit/s), and what the draft promises.

// plusPlus is LEDBAT++ as published.
func plusPlus(t testing.TB) ledbat.Controller {
	t.Helper()
	c := ledbat.Published()
	c.MSS = mss
	ctl, err := ledbat.New("ledbatpp", c)
	if err != nil {
		t.Fatal(err)
	}
	return ctl
}

// party runs flows by the draft that begin at those times.
func party(t *testing.T, l line, d time.Duration, starts ...time.Duration) (*Path, []*Bulk) {
	t.Helper()
	w := NewWorld()
	p := w.Path(l.both())
	var flows []*Bulk
	for _, at := range starts {
		flows = append(flows, w.Flow(p, FlowConfig{Controller: plusPlus(t), MSS: mss, Headers: 54, ReportEvery: 1, Start: at}))
	}
	w.Run(d)
	return p, flows
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func TestLedbatPlusPlusReferenceAlone(t *testing.T) {
	for _, c := range []struct {
		rtt, buffer  time.Duration
		queue        float64 // within 2 ms
		least, most  float64 // of the line
		withoutLoses bool
	}{
		{40 * ms, 100 * ms, 54, 0.94, 0.95, true},
		{40 * ms, 250 * ms, 54, 0.94, 0.95, true},
		{100 * ms, 50 * ms, 16, 0.89, 0.93, false},
	} {
		l := line{mbit: 10, rtt: c.rtt, buffer: c.buffer, seed: 1}
		var queues, uses []float64
		for jitter := range 5 { // of the start: where the flow lives on losses, it changes the course
			p, f := party(t, l, 300*sec, time.Duration(jitter)*17*ms)
			queues = append(queues, inMS(p.QueueBetween(60*sec, 300*sec).Mean))
			uses = append(uses, f[0].Goodput(60*sec, 300*sec)/l.ceiling())
			if c.withoutLoses && f[0].Lost() > 0 {
				t.Errorf("RTT %v, buffer %v: %d datagrams lost, the buffer holds the target", c.rtt, c.buffer, f[0].Lost())
			}
		}
		queue, use := median(queues), median(uses)
		t.Logf("RTT %v, buffer %v: queue %.1f ms (reference %.0f), use %.3f (%.2f to %.2f)", c.rtt, c.buffer, queue, c.queue, use, c.least, c.most)
		// The reference has two digits.
		if rounded := math.Round(100*use) / 100; queue < c.queue-2 || queue > c.queue+2 || rounded < c.least || rounded > c.most {
			t.Errorf("RTT %v, buffer %v: queue %.1f ms, use %.3f; the reference has %.0f, %.2f to %.2f",
				c.rtt, c.buffer, queue, use, c.queue, c.least, c.most)
		}
	}
}

// A newcomer in the standing queue of an older flow learns the base delay in the next slowdown, and takes no more than its share.
func TestLedbatPlusPlusReferenceLatecomer(t *testing.T) {
	var firsts, lates, queues []float64
	for jitter := range 5 {
		p, f := party(t, line{mbit: 10, rtt: 40 * ms, buffer: 250 * ms, seed: 1}, 300*sec, 0, 60*sec+time.Duration(jitter)*7*ms)
		firsts = append(firsts, f[0].Goodput(120*sec, 300*sec)/1e6)
		lates = append(lates, f[1].Goodput(120*sec, 300*sec)/1e6)
		queues = append(queues, inMS(p.QueueBetween(120*sec, 300*sec).Mean))
	}
	first, late, queue := median(firsts), median(lates), median(queues)
	t.Logf("latecomer: %.2f / %.2f Mbit/s, queue %.1f ms; reference 4.8 / 4.9, 53 ms", first, late, queue)
	if first < 4.8*0.97 || first > 4.8*1.03 || late < 4.9*0.97 || late > 4.9*1.03 || queue < 51 || queue > 55 {
		t.Errorf("latecomer: %.2f / %.2f Mbit/s, queue %.1f ms; the reference has 4.8 / 4.9, 53 ms", first, late, queue)
	}
}

// jain is the index of fairness of what flows got between two moments: 1 when all got the same.
func jain(flows []*Bulk, from, to time.Duration) float64 {
	var sum, squares float64
	for _, f := range flows {
		g := f.Goodput(from, to)
		sum, squares = sum+g, squares+float64(g*g)
	}
	return sum * sum / (float64(len(flows)) * squares)
}

// Multiplicative decrease brings flows to equal shares, whenever they came. (draft, sections 3.2 and 4.3)
func TestLedbatPlusPlusSharesFairly(t *testing.T) {
	for _, starts := range [][]time.Duration{{0, 0}, {0, 10 * sec}, {0, 10 * sec, 20 * sec, 30 * sec}, {0, 0, 0, 0, 0, 0, 0, 0}} {
		l := line{mbit: 20, rtt: 20 * ms, buffer: 600 * ms, seed: 1}
		p, flows := party(t, l, 200*sec, starts...)
		total := 0.0
		for _, f := range flows {
			total += f.Goodput(100*sec, 200*sec)
		}
		fair, queue := jain(flows, 100*sec, 200*sec), inMS(p.QueueBetween(100*sec, 200*sec).P95)
		t.Logf("%d flows from %v: Jain %.3f, use %.3f, queue p95 %.1f ms", len(flows), starts, fair, total/l.ceiling(), queue)
		if fair < 0.95 || total < 0.85*l.ceiling() || queue > 75 {
			t.Errorf("%d flows from %v: Jain %.3f, use %.3f, queue p95 %.1f ms", len(flows), starts, fair, total/l.ceiling(), queue)
		}
	}
}

// A flow that runs for longer than the base history lasts does not take its own queue for the base ("latency drift", draft,
// section 3.3): slowdowns show it the base again and again.
func TestLedbatPlusPlusBaseDoesNotDrift(t *testing.T) {
	l := line{mbit: 3, rtt: 40 * ms, buffer: 400 * ms, seed: 1}
	p, f := party(t, l, 25*time.Minute, 0)
	early, late := p.QueueBetween(60*sec, 300*sec), p.QueueBetween(20*time.Minute, 25*time.Minute)
	t.Logf("queue in the first minutes %.1f ms (p95 %.1f), after 20 minutes %.1f (p95 %.1f)", inMS(early.Mean), inMS(early.P95), inMS(late.Mean), inMS(late.P95))
	if (late.Mean-early.Mean).Abs() > ms || late.P95 > 66*ms {
		t.Errorf("after 20 minutes the queue is %.1f ms (p95 %.1f), it was %.1f: %v", inMS(late.Mean), inMS(late.P95), inMS(early.Mean), f[0])
	}
}

// Round trips know nothing of clocks: skew, steps and offsets change nothing at all. (draft, section 4.5) Every datagram is reported at once: how
// long a receiver holds a report back is a matter of its clock.
func TestLedbatPlusPlusDoesNotSeeClocks(t *testing.T) {
	l := line{mbit: 20, rtt: 50 * ms, buffer: 150 * ms, seed: 1}
	var delivered []int64
	for _, clock := range []Clock{{}, {Offset: -3 * time.Hour, Skew: 500, Steps: []ClockStep{{At: 30 * sec, By: 100 * ms}}}} {
		w := NewWorld()
		f := w.Flow(w.Path(l.both()), FlowConfig{Controller: plusPlus(t), MSS: mss, Headers: 54, ReportEvery: 1, Clock: clock})
		w.Run(60 * sec)
		delivered = append(delivered, f.DeliveredBy(60*sec))
	}
	if delivered[0] != delivered[1] {
		t.Errorf("%d bytes arrived with a true clock, %d with a wrong one", delivered[0], delivered[1])
	}
}

// It never starves itself: most of the line is used at every round trip, with reports as seldom as the shim sends them.
func TestLedbatPlusPlusAtEveryRoundTrip(t *testing.T) {
	for _, rtt := range []time.Duration{1 * ms, 3 * ms, 10 * ms, 30 * ms, 60 * ms, 100 * ms, 130 * ms, 200 * ms, 300 * ms} {
		l := line{mbit: 20, rtt: rtt, buffer: 150 * ms, seed: 1}
		p, f := alone(l, plusPlus(t), 200*sec)
		q, use := p.QueueBetween(100*sec, 200*sec), f.Goodput(100*sec, 200*sec)/l.ceiling()
		t.Logf("%v: queue %.1f ms, p95 %.1f; use %.3f; %d lost, %d timeouts", rtt, inMS(q.Mean), inMS(q.P95), use, f.Lost(), f.Timeouts())
		if use < 0.85 || q.P95 > 66*ms || f.Timeouts() > 0 {
			t.Errorf("%v: queue p95 %.1f ms, use %.3f, %d timeouts: %v", rtt, inMS(q.P95), use, f.Timeouts(), f)
		}
	}
}
