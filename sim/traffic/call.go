// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// CallConfig is one direction of a call: packets of one size at one distance, whatever the network does.
type CallConfig struct {
	Rate    float64       // packets a second; 0: 50
	Payload int           // bytes in each; 0: 160, which is 64 kbit/s
	Start   time.Duration // of the first packet
	Stop    time.Duration // no packet from then on; 0: never
}

const rtpHeaders = 40 // bytes of IPv4, UDP and RTP

// A Talker is the end of a call that sends.
type Talker struct {
	cfg  CallConfig
	sent uint64
}

// A Listener is the end of a call that measures.
type Listener struct {
	talker    *Talker
	delays    []time.Duration // by number; 0: has not arrived
	delivered int64
}

// NewCall returns the two ends of a call.
func NewCall(c CallConfig) (*Talker, *Listener) {
	if c.Rate == 0 {
		c.Rate = 50
	}
	if c.Payload == 0 {
		c.Payload = 160
	}
	t := &Talker{cfg: c}
	n := 1 << 12
	if c.Stop > 0 {
		n = int(t.before(c.Stop)) + 1
	}
	return t, &Listener{talker: t, delays: make([]time.Duration, 0, n)}
}

// when is the moment of a packet.
func (t *Talker) when(number uint64) time.Duration {
	return t.cfg.Start + time.Duration(float64(number)*1e9/t.cfg.Rate)
}

// before is how many packets there are before a moment.
func (t *Talker) before(at time.Duration) uint64 {
	if at <= t.cfg.Start {
		return 0
	}
	n := uint64((at - t.cfg.Start).Seconds() * t.cfg.Rate)
	for t.when(n) < at {
		n++
	}
	for n > 0 && t.when(n-1) >= at {
		n--
	}
	return n
}

// Deliver is not called: a listener is silent.
func (t *Talker) Deliver(time.Duration, *sim.Packet) {}

// Advance has nothing to do: what is due is taken.
func (t *Talker) Advance(time.Duration) {}

// Deadline is when the next packet is due.
func (t *Talker) Deadline() time.Duration {
	at := t.when(t.sent)
	if t.cfg.Stop > 0 && at >= t.cfg.Stop {
		return sim.Never
	}
	return at
}

// Take gives the packet that is due.
func (t *Talker) Take(now time.Duration, p *sim.Packet) bool {
	if t.Deadline() > now {
		return false
	}
	p.Number, p.Sent, p.Size = t.sent, now, int32(t.cfg.Payload+rtpHeaders)
	t.sent++
	return true
}

// Deliver measures a packet.
func (l *Listener) Deliver(now time.Duration, p *sim.Packet) {
	for uint64(len(l.delays)) <= p.Number {
		l.delays = append(l.delays, 0)
	}
	l.delays[p.Number] = now - p.Sent
	l.delivered += int64(l.talker.cfg.Payload)
}

// Advance has nothing to do.
func (l *Listener) Advance(time.Duration) {}

// Deadline is never.
func (l *Listener) Deadline() time.Duration { return sim.Never }

// Take gives nothing.
func (l *Listener) Take(time.Duration, *sim.Packet) bool { return false }

// Delivered is how many bytes of payload have arrived.
func (l *Listener) Delivered() int64 { return l.delivered }

// Delays is what the packets of some time met.
type Delays struct {
	Sent, Lost            int
	Least, Mean           time.Duration // one way
	Median, P95, P99, Max time.Duration
}

// Delays measures the packets sent between two moments. What is still under way counts as lost.
func (l *Listener) Delays(from, to time.Duration) Delays {
	first, end := l.talker.before(from), min(l.talker.before(to), l.talker.sent)
	if end <= first {
		return Delays{}
	}
	all := make([]time.Duration, 0, end-first)
	sum := 0.0
	for n := first; n < min(end, uint64(len(l.delays))); n++ {
		if d := l.delays[n]; d > 0 {
			all = append(all, d)
			sum += d.Seconds()
		}
	}
	out := Delays{Sent: int(end - first), Lost: int(end-first) - len(all)}
	if len(all) == 0 {
		return out
	}
	slices.Sort(all)
	out.Least, out.Max = all[0], all[len(all)-1]
	out.Mean = time.Duration(sum / float64(len(all)) * 1e9)
	out.Median, out.P95, out.P99 = quantile(all, 0.5), quantile(all, 0.95), quantile(all, 0.99)
	return out
}

// quantile of what is sorted: the smallest value that a share q does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
