// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"
	"time"
)

// reno is as much of a responsive flow as a queue manager needs: a window that grows by a packet a
// round trip and is halved once a round trip for drops and marks.
type reno struct {
	window   float64
	inFlight int
	deaf     time.Duration // until then it has halved already
}

// A crowd is responsive flows over one link; their acknowledgements come back at once. Losses are
// noticed when the packet would have arrived.
type crowd struct {
	l     *Link[time.Duration] // the payload is when a packet was sent
	flows []reno
	ecn   ECN
	now   time.Duration
	queue []time.Duration // a sample a millisecond
}

func newCrowd(c Config, flows int, ecn ECN) *crowd {
	w := &crowd{l: New[time.Duration](epoch, c), flows: make([]reno, flows), ecn: ecn}
	for i := range w.flows {
		w.flows[i].window = 2
	}
	return w
}

// run goes on until a time, in steps of 0.1 ms.
func (w *crowd) run(until time.Duration) {
	for ; w.now < until; w.now += ms / 10 {
		for d, ok := w.l.Take(at(w.now)); ok; d, ok = w.l.Take(at(w.now)) {
			f := &w.flows[d.Flow]
			f.inFlight--
			f.window += 1 / f.window
			if d.ECN == CE {
				w.slower(f)
			}
		}
		for i := range w.flows {
			f := &w.flows[i]
			for float64(f.inFlight) < f.window {
				if !w.send(uint32(i)) {
					break
				}
			}
		}
		if w.now%ms == 0 {
			w.queue = append(w.queue, w.l.QueueDelay(at(w.now)))
		}
	}
}

func (w *crowd) send(flow uint32) bool {
	f := &w.flows[flow]
	lost := w.l.Stats().DroppedAQM
	f.inFlight++
	v := w.l.Send(at(w.now), Datagram[time.Duration]{Size: 1250, Flow: flow, ECN: w.ecn, Payload: w.now})
	if w.l.Stats().DroppedAQM == lost && v == Queued {
		return true
	}
	// One of these was dropped, which one does not matter: here it is this flow's.
	f.inFlight--
	w.slower(f)
	return v == Queued
}

func (w *crowd) slower(f *reno) {
	if w.now >= f.deaf {
		f.window = max(1, f.window/2)
		f.deaf = w.now + 60*ms
	}
}

// mean is the mean queue after a warm-up, and the share of the link that was used.
func (w *crowd) measure(warm, until time.Duration, rate float64) (mean time.Duration, use float64) {
	w.run(warm)
	before, from := w.l.Stats().Delivered.Bytes, len(w.queue)
	w.run(until)
	for _, q := range w.queue[from:] {
		mean += q
	}
	bits := float64(w.l.Stats().Delivered.Bytes-before) * 8
	return mean / time.Duration(len(w.queue)-from), bits / (until - warm).Seconds() / rate
}

// RFC 8033, section 1: PIE can "control the average queuing latency to a target value".
func TestPIEHoldsItsTarget(t *testing.T) {
	for _, target := range []time.Duration{15 * ms, 30 * ms} {
		for _, flows := range []int{4, 20} {
			for _, ecn := range []ECN{NotECT, ECT0} {
				c := Config{Rate: 20e6, Delay: 40 * ms, BufferTime: time.Second, AQM: PIE{Target: target, ECN: true}, Seed: 1}
				mean, use := newCrowd(c, flows, ecn).measure(20*time.Second, 80*time.Second, c.Rate)
				t.Logf("target %v, %d flows, %v: mean %v, use %.3f", target, flows, ecn, mean, use)
				if mean < target*3/4 || mean > target*5/4 || use < 0.95 {
					t.Errorf("target %v, %d flows, %v: mean %v, use %.3f", target, flows, ecn, mean, use)
				}
			}
		}
	}
}

// Without a manager the same crowd fills the buffer; every manager keeps it short without emptying the link.
func TestManagersKeepTheQueueOfResponsiveFlowsShort(t *testing.T) {
	base := Config{Rate: 20e6, Delay: 40 * ms, BufferTime: 300 * ms, Seed: 1}
	full, _ := newCrowd(base, 8, ECT0).measure(20*time.Second, 60*time.Second, base.Rate)
	for name, aqm := range map[string]AQM{
		"CoDel": CoDel{ECN: true}, "PIE": PIE{ECN: true}, "FQ-CoDel": FQCoDel{ECN: true},
		"RED": RED{Min: 25_000, Max: 75_000, ECN: true}, "CoDel that drops": CoDel{}, "RED that drops": RED{Min: 25_000, Max: 75_000},
	} {
		c := base
		c.AQM = aqm
		w := newCrowd(c, 8, ECT0)
		mean, use := w.measure(20*time.Second, 60*time.Second, c.Rate)
		t.Logf("%s: mean %v (%v without), use %.3f; %v", name, mean, full, use, w.l.Stats())
		if mean > full/4 || use < 0.9 {
			t.Errorf("%s: mean %v (%v without), use %.3f", name, mean, full, use)
		}
	}
}
