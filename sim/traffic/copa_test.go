// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"testing"
	"time"
)

// NSDI 2018, section 2.1: the queue of n flows alone is between nothing and 2.5 n/delta packets, so 1.25 n/delta in the mean; and section 2.2:
// they stay in the default mode. Rates, paths and numbers of flows at which a queue of their own was once taken for somebody else's.
func TestCopaKnowsItsOwnQueue(t *testing.T) {
	for _, c := range []struct {
		line
		flows int
	}{
		{line{mbit: 2, rtt: 200 * ms, bdp: 4}, 1}, {line{mbit: 5, rtt: 30 * ms, bdp: 4}, 1}, {line{mbit: 10, rtt: 30 * ms, bdp: 4}, 1},
		{line{mbit: 20, rtt: 15 * ms, bdp: 4}, 1}, {line{mbit: 50, rtt: 30 * ms, bdp: 4}, 1}, {line{mbit: 50, rtt: 100 * ms, bdp: 4}, 1},
		{line{mbit: 20, rtt: 40 * ms, bdp: 4}, 2}, {line{mbit: 50, rtt: 30 * ms, bdp: 4}, 2}, {line{mbit: 50, rtt: 30 * ms, bdp: 4}, 4},
	} {
		var flows []Config
		for i := range c.flows {
			flows = append(flows, Config{Control: "copa", Start: time.Duration(i) * 2 * sec})
		}
		p, f, s := share(c.line, 60*sec, flows...)
		var got []float64
		sum := 0.0
		for _, f := range f {
			got = append(got, f.Goodput(20*sec, 60*sec))
			sum += got[len(got)-1] / 1e6
		}
		q := p.QueueBetween(20*sec, 60*sec)
		packets, want := q.Mean.Seconds()*c.mbit*1e6/8/full, 1.25/copaDelta*float64(c.flows)
		t.Logf("%d on %v Mbit/s, %v: %.2f Mbit/s, Jain %.3f, queue %.1f packets, by the paper %.1f, 1/delta %.0f", c.flows, c.mbit, c.rtt, sum,
			jain(got...), packets, want, s[0].ctl.(*copa).inverse)
		if sum < 0.96*c.mbit*Payload/full || jain(got...) < 0.99 || packets > 2.5*want {
			t.Errorf("%d on %v Mbit/s, %v: %.2f Mbit/s, Jain %.3f, queue %.1f packets, want %.1f", c.flows, c.mbit, c.rtt, sum, jain(got...), packets,
				want)
		}
	}
}
