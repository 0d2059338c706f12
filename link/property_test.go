// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyPlainConfig draws a config that Validate accepts, without what needs a buffer.
func anyPlainConfig(t *rapid.T) Config {
	c := Config{
		Rate:        rapid.SampledFrom([]float64{0, 1000, 64e3, 1e6, 7e6 + 1, 20e6, 1e9}).Draw(t, "rate"),
		Delay:       time.Duration(rapid.Int64Range(0, int64(50*ms)).Draw(t, "delay")),
		BufferBytes: rapid.SampledFrom([]int{0, 1, 3000, 100_000}).Draw(t, "bufferBytes"),
		BufferTime:  rapid.SampledFrom([]time.Duration{0, ms, 200 * ms}).Draw(t, "bufferTime"),
		MTU:         rapid.SampledFrom([]int{0, 1500}).Draw(t, "mtu"),
		Overhead:    rapid.SampledFrom([]int{0, 28}).Draw(t, "overhead"),
		Loss:        rapid.SampledFrom([]float64{0, 0, 0.1}).Draw(t, "loss"),
		Jitter:      rapid.SampledFrom([]time.Duration{0, 0, ms}).Draw(t, "jitter"),
		Reorder:     rapid.SampledFrom([]float64{0, 0, 0.1}).Draw(t, "reorder"),
		Seed:        rapid.Uint64().Draw(t, "seed"),
	}
	c.JitterReorders = c.Jitter > 0 && rapid.Bool().Draw(t, "jitterReorders")
	c.ReorderDelay = 10 * ms
	end := time.Duration(0)
	for range rapid.IntRange(0, 3).Draw(t, "blackouts") {
		w := Window{
			From: end + time.Duration(rapid.Int64Range(0, int64(100*ms)).Draw(t, "from")),
			For:  time.Duration(rapid.Int64Range(1, int64(50*ms)).Draw(t, "for")),
		}
		end = w.From + w.For
		c.Blackouts = append(c.Blackouts, w)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// anyConfig draws a config that Validate accepts, with anything.
func anyConfig(t *rapid.T) Config {
	c := anyPlainConfig(t)
	if rapid.Bool().Draw(t, "plain") {
		return c
	}
	ecn := rapid.Bool().Draw(t, "ecn")
	c.AQM = rapid.SampledFrom([]AQM{
		nil, CoDel{ECN: ecn}, CoDel{Target: ms, Interval: 5 * ms, ECN: ecn}, PIE{ECN: ecn, MaxBurst: ms}, PIE{Target: ms, ECN: ecn},
		RED{Min: 3000, Max: 9000, Weight: 0.1, ECN: ecn}, FQCoDel{ECN: ecn}, FQCoDel{Target: ms, Interval: 5 * ms, Quantum: 300, ECN: ecn},
	}).Draw(t, "aqm")
	c.Policer = rapid.SampledFrom([]Policer{{}, {}, {Rate: 5e6, Burst: 10_000}}).Draw(t, "policer")
	c.BurstLoss = rapid.SampledFrom([]GilbertElliott{{}, {}, {ToBad: 0.05, ToGood: 0.3, LossBad: 0.8}}).Draw(t, "burstLoss")
	c.WiFi = rapid.SampledFrom([]WiFi{{}, {}, {Interval: 4 * ms, Access: ms}}).Draw(t, "wifi")
	if c.WiFi.Interval == 0 && !c.JitterReorders {
		c.LTE = rapid.SampledFrom([]LTE{{}, {}, {Interval: ms, Retransmit: 0.1}}).Draw(t, "lte")
	}
	if rapid.IntRange(0, 3).Draw(t, "trace") == 0 {
		c.Rate, c.Trace = 0, rapid.SampledFrom([]*Trace{trace(1), trace(0, 0, 3, 3, 3, 20), trace(5, 100)}).Draw(t, "which")
	} else if rapid.IntRange(0, 3).Draw(t, "schedule") == 0 {
		c.Schedule = Schedule{Steps: []Step{{At: 0, Rate: 1e6}, {At: 30 * ms, Rate: 5e6, Delay: 20 * ms}, {At: 50 * ms, Delay: ms, Rate: 64e3}}, Period: 70 * ms}
	}
	if c.AQM != nil && c.Trace == nil {
		c.Rate = max(c.Rate, 1e6)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

// trace has opportunities at those times, in ms.
func trace(at ...uint32) *Trace {
	return &Trace{at: at, period: int64(at[len(at)-1]) * int64(ms)}
}

// sent is what the model remembers of a packet.
type sent struct {
	at   time.Duration
	wire int
}

// model drives a link with anything and checks what must always hold.
type model struct {
	t        *rapid.T
	c        Config
	l        *Link[int]
	now      time.Duration
	verdicts [DroppedAQM + 1]int64
	packets  []sent
	inside   map[int]bool
	// The least that propagation and serialisation take, over all rates and delays
	// that were ever set.
	delay   time.Duration
	rate    float64
	changed bool           // a rate or delay was changed: order and pace are no longer the config's
	last    map[uint32]int // the highest packet taken of each flow
	out     []arrival
}

func newModel(t *rapid.T) *model {
	c := anyConfig(t)
	m := &model{t: t, c: c, l: New[int](epoch, c), inside: map[int]bool{}, delay: c.Delay, rate: c.Rate, last: map[uint32]int{}}
	for _, s := range c.Schedule.Steps {
		m.delay = min(m.delay, s.Delay)
		m.rate = max(m.rate, s.Rate)
		m.changed = true
	}
	return m
}

func (m *model) pass(t *rapid.T) {
	m.now += time.Duration(rapid.SampledFrom([]int64{0, 1, 1000, int64(ms), int64(17 * ms)}).Draw(t, "pass"))
}

func (m *model) send(t *rapid.T) {
	m.pass(t)
	for range rapid.IntRange(1, 20).Draw(t, "packets") {
		size := rapid.SampledFrom([]int{0, 1, 100, 1200, 1473}).Draw(t, "size")
		n := len(m.packets)
		m.packets = append(m.packets, sent{m.now, size + m.c.Overhead})
		d := Datagram[int]{Size: size, Flow: uint32(n % 3), ECN: ECN(n % 4), Payload: n}
		v := m.l.Send(at(m.now), d)
		m.verdicts[v]++
		if v == Queued {
			m.inside[n] = true
		}
	}
}

func (m *model) take(t *rapid.T) {
	m.pass(t)
	for {
		deadline := m.l.Deadline()
		d, ok := m.l.Take(at(m.now))
		if due := !deadline.IsZero() && !deadline.After(at(m.now)); ok && !due || !ok && due && m.l.buffer == nil {
			t.Fatalf("at %v with deadline %v Take answered %v", m.now, deadline.Sub(epoch), ok)
		}
		if !ok {
			if next := m.l.Deadline(); !next.IsZero() && !next.After(at(m.now)) {
				t.Fatalf("at %v Take answered false, and the deadline is %v", m.now, next.Sub(epoch))
			}
			return
		}
		m.marked(d)
		when := deadline.Sub(epoch)
		if m.l.buffer != nil {
			when = m.now // a deadline is never late, but it may be early
		}
		m.took(d.Payload, when)
	}
}

func (m *model) took(n int, when time.Duration) {
	if !m.inside[n] {
		m.t.Fatalf("packet %d came out and was not inside", n)
	}
	delete(m.inside, n)
	p := m.packets[n]
	if least := m.delay + m.serialisation(p.wire); when < p.at+least {
		m.t.Fatalf("packet %d came after %v, propagation and serialisation alone take %v", n, when-p.at, least)
	}
	flow := uint32(n % 3)
	if n < m.last[flow] && m.keepsOrder() {
		m.t.Fatalf("packet %d came after packet %d", n, m.last[flow])
	}
	m.last[flow] = max(m.last[flow], n)
	m.out = append(m.out, arrival{n, when})
}

// marked checks what became of the ECN codepoint.
func (m *model) marked(d Datagram[int]) {
	switch before := ECN(d.Payload % 4); {
	case d.ECN == before:
	case d.ECN == CE && before != NotECT && m.c.AQM != nil:
	default:
		m.t.Fatalf("packet %d went in with %v and came with %v", d.Payload, before, d.ECN)
	}
}

// serialisation is how long bytes take on the wire, rounded down.
func (m *model) serialisation(bytes int) time.Duration {
	if m.rate == 0 {
		return 0
	}
	return time.Duration(int64(bytes) * 8e9 / int64(m.rate))
}

func (m *model) keepsOrder() bool { return !m.changed && m.c.Reorder == 0 && !m.c.JitterReorders }

func (m *model) change(t *rapid.T) {
	m.pass(t)
	m.changed = true
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		if m.c.Trace != nil {
			return
		}
		rate := rapid.SampledFrom([]float64{0, 64e3, 5e6, 100e6}).Draw(t, "newRate")
		m.l.SetRate(at(m.now), rate)
		if rate == 0 || m.rate != 0 && rate > m.rate {
			m.rate = rate
		}
	case 1:
		delay := time.Duration(rapid.Int64Range(0, int64(50*ms)).Draw(t, "newDelay"))
		m.l.SetDelay(at(m.now), delay)
		m.delay = min(m.delay, delay)
	case 2:
		m.l.Cut(at(m.now), time.Duration(rapid.Int64Range(0, int64(20*ms)).Draw(t, "cut")))
	}
}

// conserved: everything sent was delivered, was dropped for one reason, or is inside.
func (m *model) conserved(t *rapid.T) {
	s := m.l.Stats()
	if s.Sent.Packets != int64(len(m.packets)) ||
		s.Sent.Packets != s.Delivered.Packets+s.Inside.Packets+s.Dropped.Packets ||
		s.Sent.Bytes != s.Delivered.Bytes+s.Inside.Bytes+s.Dropped.Bytes ||
		s.Dropped.Packets != s.DroppedTooBig+s.DroppedBlackout+s.DroppedLoss+s.DroppedBuffer+
			s.DroppedBurst+s.DroppedPolicer+s.DroppedAQM {
		t.Fatalf("packets got lost in the books: %v", s)
	}
	if s.Inside.Packets != int64(m.l.inside.len()+m.l.waiting()) || s.Delivered.Packets != int64(len(m.out)) {
		t.Fatalf("%d in the pipe, %d taken, and the books say %v", m.l.inside.len(), len(m.out), s)
	}
	if !m.changed && m.l.buffer == nil && s.Inside.Packets != int64(len(m.inside)) {
		t.Fatalf("%d inside, want %d", s.Inside.Packets, len(m.inside))
	}
	if s.DroppedLoss != m.verdicts[DroppedLoss] || s.DroppedBuffer != m.verdicts[DroppedBuffer] && m.l.buffer == nil ||
		s.DroppedPolicer != m.verdicts[DroppedPolicer] || s.DroppedBurst != m.verdicts[DroppedBurst] || s.DroppedTooBig != m.verdicts[DroppedTooBig] {
		t.Fatalf("verdicts %v, and the books say %v", m.verdicts, s)
	}
}

// waiting counts the packets in the buffer.
func (l *Link[T]) waiting() int {
	b := l.buffer
	if b == nil {
		return 0
	}
	if b.serving != none {
		return b.count + 1
	}
	return b.count
}

// A link may be given anything, at any time, and these hold: conservation; nothing
// earlier than propagation and serialisation; order where order is promised; Take
// and Deadline agree.
func TestPropertiesOfAnyLink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		t.Repeat(map[string]func(*rapid.T){"send": m.send, "take": m.take, "change": m.change, "": m.conserved})
	})
}

// Over any stretch of time what leaves the bottleneck is at most what its rate
// allows, plus the packet whose last bit leaves at the beginning.
func TestPropertyRateIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		m.c.Jitter, m.c.JitterReorders, m.c.Reorder = 0, false, 0 // these bunch what has left
		m.l = New[int](epoch, m.c)
		t.Repeat(map[string]func(*rapid.T){"send": m.send, "take": m.take, "": m.conserved})
		if m.rate == 0 || m.l.buffer != nil { // buffers have a test of their own
			return
		}
		m.now += time.Hour * 24
		m.take(t)
		for i := range m.out {
			bits := int64(0)
			for j := i + 1; j < len(m.out); j++ {
				bits += int64(m.packets[m.out[j].packet].wire) * 8
				if span := int64(m.out[j].at-m.out[i].at) + 1; bits*1e9 > span*int64(m.rate) {
					t.Fatalf("%d bits left in %d ns at %.0f bit/s", bits, span, m.rate)
				}
			}
		}
	})
}

// Two links with the same config that are told the same do the same.
func TestPropertySameSeedSameFate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		a, b := New[int](epoch, c), New[int](epoch, c)
		for i := range 300 {
			now := at(time.Duration(i) * ms)
			if va, vb := a.Send(now, datagram(100, i)), b.Send(now, datagram(100, i)); va != vb {
				t.Fatalf("packet %d: %v and %v", i, va, vb)
			}
			for {
				pa, oka := a.Take(now)
				pb, okb := b.Take(now)
				if pa != pb || oka != okb {
					t.Fatalf("at %v: %v %v and %v %v", now, pa, oka, pb, okb)
				}
				if !oka {
					break
				}
			}
		}
		if a.String() != b.String() {
			t.Fatalf("%v\n%v", a, b)
		}
	})
}
