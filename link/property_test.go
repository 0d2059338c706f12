// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyConfig draws a config that Validate accepts.
func anyConfig(t *rapid.T) Config {
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
	verdicts [DroppedBuffer + 1]int64
	packets  []sent
	inside   map[int]bool
	// The least that propagation and serialisation take, over all rates and delays
	// that were ever set.
	delay   time.Duration
	rate    float64
	changed bool // a rate or delay was changed: order and pace are no longer the config's
	last    int  // the highest packet taken
	out     []arrival
}

func newModel(t *rapid.T) *model {
	c := anyConfig(t)
	return &model{t: t, c: c, l: New[int](epoch, c), inside: map[int]bool{}, delay: c.Delay, rate: c.Rate, last: -1}
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
		v := m.l.Send(at(m.now), datagram(size, n))
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
		if ok != (!deadline.IsZero() && !deadline.After(at(m.now))) {
			t.Fatalf("at %v with deadline %v Take answered %v", m.now, deadline.Sub(epoch), ok)
		}
		if !ok {
			return
		}
		m.took(d.Payload, deadline.Sub(epoch))
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
	if n < m.last && m.keepsOrder() {
		m.t.Fatalf("packet %d came after packet %d", n, m.last)
	}
	m.last = max(m.last, n)
	m.out = append(m.out, arrival{n, when})
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
		s.Dropped.Packets != s.DroppedTooBig+s.DroppedBlackout+s.DroppedLoss+s.DroppedBuffer {
		t.Fatalf("packets got lost in the books: %v", s)
	}
	if s.Inside.Packets != int64(m.l.inside.len()) || s.Delivered.Packets != int64(len(m.out)) {
		t.Fatalf("%d in the pipe, %d taken, and the books say %v", m.l.inside.len(), len(m.out), s)
	}
	if !m.changed && s.Inside.Packets != int64(len(m.inside)) {
		t.Fatalf("%d inside, want %d", s.Inside.Packets, len(m.inside))
	}
	if s.DroppedLoss != m.verdicts[DroppedLoss] || s.DroppedBuffer != m.verdicts[DroppedBuffer] || s.DroppedTooBig != m.verdicts[DroppedTooBig] {
		t.Fatalf("verdicts %v, and the books say %v", m.verdicts, s)
	}
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
		m.now += time.Hour * 24
		m.take(t)
		if m.rate == 0 {
			return
		}
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
