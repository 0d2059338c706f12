// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

// watched is a sender whose books are checked after each acknowledgement.
type watched struct {
	*Sender
	t *testing.T
}

func (w watched) Deliver(now time.Duration, p *sim.Packet) {
	w.Sender.Deliver(now, p)
	w.check()
}

func (w watched) Advance(now time.Duration) {
	w.Sender.Advance(now)
	w.check()
}

func (w watched) check() {
	s, count := w.Sender, 0
	for n := s.una; n < s.next; n++ {
		if s.record(n).state == flying {
			count++
		}
	}
	switch c := s.ctl.window(); {
	case count != s.flight:
		w.t.Fatalf("%d packets fly, and %d in the books", count, s.flight)
	case c < 1 || c != c || s.ctl.rate() < 0 || s.ctl.rate() != s.ctl.rate():
		w.t.Fatalf("window %v, rate %v", c, s.ctl.rate())
	case s.cum > s.seq || s.una > s.next || s.seq > s.end:
		w.t.Fatalf("segments %d of %d, end %d; packets %d of %d", s.cum, s.seq, s.end, s.una, s.next)
	}
}

// Whatever the link does short of losing all, a transfer ends, what has arrived is what was sent, and the books are right.
func TestTransfersEndOnBadLinks(t *testing.T) {
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 1))
		forward := link.Config{
			Rate: 1e6 * float64(1+r.IntN(50)), Delay: time.Duration(1+r.IntN(150)) * ms, BufferBytes: 6000 + r.IntN(300_000),
			Loss: float64(r.IntN(3)) * 0.05, Reorder: float64(r.IntN(2)) * 0.05, ReorderDelay: 10 * ms, Seed: seed,
			Jitter: time.Duration(r.IntN(2)) * 3 * ms,
		}
		forward.JitterReorders = forward.Jitter > 0 && r.IntN(2) == 0
		if r.IntN(3) == 0 {
			forward.Blackouts = []link.Window{{From: 500 * ms, For: time.Duration(r.IntN(2000)) * ms}}
		}
		if r.IntN(3) == 0 {
			forward.AQM = link.CoDel{ECN: true}
		}
		back := link.Config{Rate: 5e6, Delay: 10 * ms, Loss: float64(r.IntN(2)) * 0.1, Seed: seed + 1}
		c := Config{Control: controls[seed%4], Bytes: int64(1 + r.IntN(1_000_000)), ECN: r.IntN(2) == 0, Handshake: r.IntN(2) == 0, Seed: seed}
		w := sim.NewWorld()
		s, receiver := NewTCP(c)
		w.Add(w.Path(forward, back), watched{s, t}, receiver)
		w.Run(300 * sec)
		if s.Done() == 0 || receiver.Delivered() != c.Bytes {
			t.Errorf("seed %d, %+v over %+v: done %v, %d bytes arrived", seed, c, forward, s.Done(), receiver.Delivered())
		}
		if s.Deadline() != sim.Never {
			t.Errorf("seed %d, %s: waits for %v after its end", seed, c.Control, s.Deadline())
		}
		if events, _ := w.Events(); events > 40_000+20*c.Bytes/Payload*10 {
			t.Errorf("seed %d, %s: %d events for %d bytes", seed, c.Control, events, c.Bytes)
		}
	}
}
