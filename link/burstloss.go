// SPDX-License-Identifier: Apache-2.0

package link

import "math/rand/v2"

// GilbertElliott loses packets in bursts: E. N. Gilbert, "Capacity of a burst-noise
// channel" (1960), with losses in both states as E. O. Elliott has it (1963). The link is
// good or bad, good at first, and may change after every packet.
//
// It is bad for ToBad/(ToBad+ToGood) of the packets, for 1/ToGood packets in a row on
// average. netem's "gemodel p r 1-h 1-k" is ToBad, ToGood, LossBad, LossGood.
type GilbertElliott struct {
	ToBad    float64 // probability of good to bad, a packet; 0: there are no bursts
	ToGood   float64 // of bad to good
	LossGood float64 // share lost while good
	LossBad  float64 // share lost while bad
}

// weather is the state of a GilbertElliott.
type weather struct {
	bad      bool
	change   [2]uint64 // thresholds of 1<<63 to leave good and bad
	loss     [2]uint64 // thresholds of 1<<63 to lose while good and bad
	fortunes rand.PCG
}

func newWeather(c GilbertElliott, seedOfLink uint64) *weather {
	if c == (GilbertElliott{}) {
		return nil
	}
	w := &weather{change: [2]uint64{below(c.ToBad), below(c.ToGood)}, loss: [2]uint64{below(c.LossGood), below(c.LossBad)}}
	seed(&w.fortunes, seedOfLink, purposeBursts)
	return w
}

// loses says whether the next packet is lost.
func (w *weather) loses() bool {
	state := 0
	if w.bad {
		state = 1
	}
	lost := w.fortunes.Uint64()>>1 < w.loss[state]
	if w.fortunes.Uint64()>>1 < w.change[state] {
		w.bad = !w.bad
	}
	return lost
}
