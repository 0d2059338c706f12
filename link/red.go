// SPDX-License-Identifier: Apache-2.0

package link

// red is the state of RED, with the names of the paper.
type red struct {
	min, max, maxP, weight float64
	ecn                    bool
	service                int64 // ns that a typical packet takes; 0: none

	avg   float64 // bytes
	count int64   // packets since the last drop, or since the average was below min; -1: none
	idle  int64   // since when the queue is empty; -1: it is not
}

func newRED(c RED, rate int64) *red {
	c = c.filled()
	r := &red{min: float64(c.Min), max: float64(c.Max), maxP: c.MaxP, weight: c.Weight, ecn: c.ECN, count: -1}
	r.setRate(rate)
	return r
}

func (r *red) setRate(rate int64) {
	r.service = 0
	if rate > 0 {
		r.service = oneMTU * 8e9 / rate
	}
}

// enters decides on a packet that comes at now when waiting bytes wait.
func (r *red) enters(now int64, u uint64, waiting int64) aqmVerdict {
	if r.idle >= 0 {
		// m small packets might have passed while it was empty: avg = (1-w)^m avg.
		if r.service > 0 && now > r.idle {
			r.avg = float64(r.avg * power(1-r.weight, (now-r.idle)/r.service))
		}
		r.idle = -1
	}
	r.avg += float64(r.weight * (float64(waiting) - r.avg))
	p := r.initialProbability()
	switch {
	case p <= 0:
		r.count = -1
		return aqmPass
	case p >= 1:
		r.count = -1
		return aqmDrop // RFC 3168, section 7: above the upper threshold drop rather than mark
	}
	r.count++
	// p/(1-count*p): a drop is "uniform from {1, 2, ..., 1/p_b}" packets behind the one before,
	// not exponentially spread. (Figure 2 of the paper begins to count one higher, which misses 1/p_b.)
	rest := 1 - float64(float64(r.count)*p)
	if rest > p && u >= below(p/rest) {
		return aqmPass
	}
	r.count = -1
	if r.ecn {
		return aqmMark
	}
	return aqmDrop
}

// initialProbability is p_b of the paper; gentle above max.
func (r *red) initialProbability() float64 {
	switch {
	case r.avg < r.min:
		return 0
	case r.avg < r.max:
		return float64(r.maxP*(r.avg-r.min)) / (r.max - r.min)
	case r.avg < 2*r.max:
		return r.maxP + float64((1-r.maxP)*(r.avg-r.max))/r.max
	}
	return 1
}

// emptied says that nothing waits any more.
func (r *red) emptied(now int64) { r.idle = now }

// power is x to the n-th, by multiplications only.
func power(x float64, n int64) float64 {
	y := 1.0
	for ; n > 0 && x > 0; n >>= 1 {
		if n&1 == 1 {
			y = float64(y * x)
		}
		x = float64(x * x)
	}
	if n > 0 {
		return 0
	}
	return y
}
