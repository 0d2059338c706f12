// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

// Each transfer is a flow of its own to a fair queue: beside one download without end they get the seven tenths of the link that they need, and not the half.
func TestAFairQueueTellsTransfersApart(t *testing.T) {
	const rate, load, length = 8e6, .7, 120 * time.Second
	w := sim.NewWorld()
	p := w.Path(link.Config{Rate: rate, Delay: 20 * ms, BufferBytes: 1e6, AQM: link.FQCoDel{}, Seed: 1}, link.Config{Rate: rate, Delay: 20 * ms, BufferBytes: 1e6})
	c := PoissonConfig{Load: load, LinkRate: rate, Sizes: Sizes{Mean: 70_000}, Control: "cubic", Stop: length, Seed: 1}
	s, r := NewPoisson(c)
	w.Add(p, s, r)
	bulk, end := NewTCP(Config{Control: "cubic"})
	w.Add(p, bulk, end)
	w.Run(length)
	if got := float64(r.Delivered()*8) / length.Seconds() / rate; got < .6 || s.Running() > 20 {
		t.Errorf("%.2f of the link are the transfers', of which %d have not ended", got, s.Running())
	}
	if got := float64(end.Delivered()*8) / length.Seconds() / rate; got < .15 || got > .4 {
		t.Errorf("%.2f of the link are the download's", got)
	}
}
