// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"testing"
	"time"
)

// traffic is the steady state: 16 datagrams leave, one feedback returns, and now and then one is lost.
func traffic(c Controller, p *Pacer, i int) {
	now := epoch.Add(time.Duration(i) * 10 * time.Millisecond)
	for range 16 {
		p.SetRate(c.Rate())
		p.CanSend(now, 1400)
		p.Sent(now, 1400)
		c.Sent(now, 1400)
	}
	if i%50 == 0 {
		c.Lost(now, 1400, now.Add(-50*time.Millisecond))
	}
	queue := time.Duration(i%70) * time.Millisecond
	c.Acked(now, Ack{Bytes: 16 * 1400, OneWayDelay: 25*time.Millisecond + queue, RTT: 50*time.Millisecond + queue, InFlight: 1 << 17})
}

// BenchmarkAcked is the cost of one feedback and of the 16 datagrams before it.
func BenchmarkAcked(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			c, err := New(name, Default())
			if err != nil {
				b.Fatal(err)
			}
			var p Pacer
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				traffic(c, &p, i)
				i++
			}
		})
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for _, name := range Names() {
		c, err := New(name, Default())
		if err != nil {
			t.Fatal(err)
		}
		var p Pacer
		i := 0
		if n := testing.AllocsPerRun(1000, func() { traffic(c, &p, i); i++ }); n != 0 {
			t.Errorf("%s: a feedback allocates %v times", name, n)
		}
	}
}
