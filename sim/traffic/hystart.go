// SPDX-License-Identifier: Apache-2.0

package traffic

import "time"

const (
	hystartLow     = 16 // packets: below, slow start is not left
	hystartSamples = 8
	hystartTrain   = 2 * time.Millisecond // acknowledgements closer than this are one train
	hystartMin     = 4 * time.Millisecond
	hystartMax     = 16 * time.Millisecond
)

// hystart leaves slow start before something is lost, as Linux does: "Taming the elephants" (Ha and Rhee, 2011), section 4.
type hystart struct {
	began, last time.Duration // of the round; last acknowledgement of the train
	least       time.Duration // round trip in this round
	samples     int
	running     bool
}

func (h *hystart) restart() { *h = hystart{} }

// acked says whether slow start is to be left.
func (h *hystart) acked(s *Sender, a *ack, cwnd float64) bool {
	if a.round || !h.running {
		*h = hystart{began: a.now, last: a.now, running: true}
	}
	if h.least == 0 || a.rtt < h.least {
		h.least = a.rtt
	}
	if cwnd < hystartLow {
		return false
	}
	if a.now-h.last <= hystartTrain {
		h.last = a.now
		if a.now-h.began > s.minRTT/2 {
			return true
		}
	}
	if h.samples < hystartSamples {
		h.samples++
		return false
	}
	return h.least > s.minRTT+min(max(s.minRTT/8, hystartMin), hystartMax)
}
