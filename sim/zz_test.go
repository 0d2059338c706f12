package sim

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

func TestZZ(t *testing.T) {
	for _, rtt := range []time.Duration{5 * ms, 20 * ms, 30 * ms, 60 * ms, 100 * ms} {
		for _, n := range []int{1, 2, 4, 8, 32, 64} {
			l := line{mbit: 20, rtt: rtt, buffer: 200 * ms, seed: 1}
			w := NewWorld()
			p := w.Path(l.both())
			c := ledbat.Default()
			c.MSS = mss
			ctl, _ := ledbat.New("ebb", c)
			flows := together(w, p, ctl, evenly(n, 50*ms)...)
			w.Run(40 * sec)
			total := 0.0
			for _, f := range flows {
				total += f.Goodput(10*sec, 40*sec)
			}
			q := p.QueueBetween(10*sec, 40*sec)
			t.Logf("%v %d members: use %.3f, queue %.1f ms (p95 %.1f)", rtt, n, total/l.ceiling(), inMS(q.Mean), inMS(q.P95))
		}
	}
}
