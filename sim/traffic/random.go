// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"math/rand/v2"
	"time"
)

// What the random streams of one seed are for.
const (
	forPhases = 1 + iota
	forArrivals
	forSizes
)

// stream is the random stream of a seed for one purpose. The seed is spread first (splitmix64), so that neighbours have nothing in common.
func stream(seed, purpose uint64) rand.PCG {
	var p rand.PCG
	spread := func(z uint64) uint64 {
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	p.Seed(spread(seed+0x9e3779b97f4a7c15), spread(seed^purpose*0xd1342543de82ef95))
	return p
}

// uniform is evenly distributed in (0, 1].
func uniform(p *rand.PCG) float64 { return float64(p.Uint64()>>11+1) / (1 << 53) }

// exponential draws from the exponential distribution by von Neumann's comparison of random numbers (1951), without a logarithm, whose last
// bit differs between machines.
func exponential(p *rand.PCG, mean time.Duration) time.Duration {
	for whole := 0; ; whole++ {
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
			return time.Duration(float64(mean) * (float64(whole) + float64(x>>11)/(1<<53)))
		}
	}
}

// Sizes says how many bytes a transfer has: one of a list, each as likely, or from a Pareto distribution with the given mean.
type Sizes struct {
	List []int64
	Mean int64
}

// Of a Pareto distribution of shape 1.5, cut at 900 times its smallest value, the mean is 3 - 2/sqrt(900) times that value.
const (
	paretoCut  = 900
	paretoMean = 3 - 2.0/30
)

func (z Sizes) mean() float64 {
	if len(z.List) == 0 {
		return float64(z.Mean)
	}
	sum := 0.0
	for _, n := range z.List {
		sum += float64(n)
	}
	return sum / float64(len(z.List))
}

func (z Sizes) draw(p *rand.PCG) int64 {
	if n := uint64(len(z.List)); n > 0 {
		return z.List[p.Uint64()%n]
	}
	smallest := float64(z.Mean) / paretoMean
	root := cbrt(uniform(p)) // u^(-1/1.5) is 1/(u^(1/3))^2
	return max(1, int64(smallest*min(1/(root*root), paretoCut)))
}
