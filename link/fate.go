// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math/bits"
	"math/rand/v2"
)

// A fate is what chance has in store for one packet.
type fate struct {
	lost bool
	late bool
	// extra delay by jitter, in ns
	jitter int64
	burst  bool   // lost in a burst
	draw   uint64 // 63 random bits for the queue manager
}

// chance draws fates. Each kind of mishap has a stream of its own, and draws once
// for each packet, so that no kind disturbs another.
type chance struct {
	loss, late rand.PCG
	jitter     rand.PCG
	aqm        rand.PCG
	drawsAQM   bool
	weather    *weather // nil: no bursts
	lossBelow  uint64   // of 1<<63
	lateBelow  uint64   // of 1<<63
	meanJitter int64    // ns
}

// Purposes of the streams. They are part of what a seed means: changing one
// changes every run.
const (
	purposeLoss = 1 + iota
	purposeJitter
	purposeLate
	purposeBursts
	purposeAQM
	purposeRadio
	purposeFlows
)

func newChance(c Config) chance {
	h := chance{lossBelow: below(c.Loss), lateBelow: below(c.Reorder), meanJitter: int64(c.Jitter)}
	h.weather = newWeather(c.BurstLoss, c.Seed)
	switch c.AQM.(type) {
	case PIE, RED:
		h.drawsAQM = true
	}
	seed(&h.aqm, c.Seed, purposeAQM)
	seed(&h.loss, c.Seed, purposeLoss)
	seed(&h.jitter, c.Seed, purposeJitter)
	seed(&h.late, c.Seed, purposeLate)
	return h
}

// below is the number that a share p of all 63-bit numbers is below of.
func below(p float64) uint64 { return uint64(p * (1 << 63)) }

func (h *chance) next() fate {
	var f fate
	if h.lossBelow > 0 {
		f.lost = h.loss.Uint64()>>1 < h.lossBelow
	}
	if h.lateBelow > 0 {
		f.late = h.late.Uint64()>>1 < h.lateBelow
	}
	if h.meanJitter > 0 {
		f.jitter = exponential(&h.jitter, h.meanJitter)
	}
	if h.weather != nil {
		f.burst = h.weather.loses()
	}
	if h.drawsAQM {
		f.draw = h.aqm.Uint64() >> 1
	}
	return f
}

// exponential draws from the exponential distribution of the given mean, by von
// Neumann's method of comparisons ("Various techniques used in connection with
// random digits", 1951): it needs no logarithm, whose last bit differs between
// machines.
//
// A run of falling numbers x > u2 > ... > un has odd length n with probability
// exp(-x), so an x whose run is odd has the density of the fractional part; each
// x that is turned down, with probability 1/e, adds one to the whole part.
func exponential(p *rand.PCG, mean int64) int64 {
	for whole := int64(0); ; whole++ {
		x := p.Uint64()
		odd := true
		for last := x; ; odd = !odd {
			u := p.Uint64()
			if u >= last {
				break
			}
			last = u
		}
		if odd {
			return whole*mean + scale(x, mean)
		}
	}
}

// scale is the share x/2^64 of n, rounded down.
func scale(x uint64, n int64) int64 {
	high, _ := bits.Mul64(x, uint64(n))
	return int64(high)
}

// seed starts a stream for one purpose. Seeds that differ in one bit give streams
// that have nothing in common: splitmix64 spreads them first.
func seed(p *rand.PCG, seed, purpose uint64) {
	state := seed
	high := splitmix(&state)
	state += purpose * 0xd1342543de82ef95
	p.Seed(high, splitmix(&state))
}

// splitmix is Vigna's splitmix64: the next state, mixed.
func splitmix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
