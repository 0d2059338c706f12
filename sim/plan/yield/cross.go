// SPDX-License-Identifier: Apache-2.0

package yield

// Crosses is the share of the link, 0..1, that the foreground gets for a time, in seconds, when there is so much of it, in seconds of the link: what
// crosses and the debt with which so much crosses on average are together all that there is. It is at most what we do not keep; more says that this is
// where it is.
func (c *Curve) Crosses(there, seconds float64) (crosses float64, more bool) {
	i := 1
	for i < len(loads)-1 && there-float64(loads[i]*seconds) > c[i].Debt.Seconds() {
		i++
	}
	crosses = min(c.within(i, there, seconds), there/seconds)
	if most := 1 - c[0].Kept; crosses >= most {
		return most, true
	}
	return crosses, false
}

// within is what crosses if it is between the loads number i-1 and i, or beyond the last.
func (c *Curve) within(i int, there, seconds float64) float64 {
	a, b := c[i-1].Debt.Seconds(), c[i].Debt.Seconds()
	low, high := loads[i-1], loads[i]
	steep := (b - a) / (high - low)
	straight := max(low+(there-a-float64(low*seconds))/(seconds+steep), 0)
	if a == 0 || a == b || straight > high {
		return straight
	}
	// The debt grows by a factor from load to load rather than by steps: nearlyLog, the other way about.
	first, bend := low, (b-a)/(b+a)
	width := high - low
	for range 40 {
		x := (low + high) / 2
		if k := (x - first) / width * bend; there-float64(x*seconds) > a*(1+k)/(1-k) {
			low = x
		} else {
			high = x
		}
	}
	return (low + high) / 2
}
