// SPDX-License-Identifier: Apache-2.0

package traffic

import "time"

// The constants of CUBIC (RFC 9438, section 4.1 and 4.6).
const (
	cubicC    = 0.4
	cubicBeta = 0.7
	// cubicAlpha makes the window that of Reno on average (section 4.3).
	cubicAlpha = 3 * (1 - cubicBeta) / (1 + cubicBeta)
)

// cubic is RFC 9438, with the slow start of Linux.
type cubic struct {
	reno
	train    hystart
	max      float64 // window before the last reduction
	prior    float64 // the same without fast convergence
	k        float64 // seconds until the window is there again
	estimate float64 // of Reno's window
	epoch    time.Duration
	running  bool // the epoch is
}

func (c *cubic) restart(seed uint64) {
	*c = cubic{}
	c.reno.restart(seed)
	c.train.restart()
}

func (c *cubic) acked(s *Sender, a *ack) {
	if c.cwnd < c.ssthresh && c.train.acked(s, a, c.cwnd) {
		c.ssthresh = c.cwnd
	}
	if !growing(s) {
		return
	}
	if n := c.slowStart(a.acked); n > 0 {
		c.avoid(s, a.now, n)
	}
}

// avoid is congestion avoidance (sections 4.2 to 4.5).
func (c *cubic) avoid(s *Sender, now time.Duration, n float64) {
	if !c.running {
		c.running, c.epoch = true, now
		c.estimate = c.cwnd
		if c.cwnd < c.max {
			c.k = cbrt((c.max - c.cwnd) / cubicC)
		} else {
			c.k, c.max = 0, c.cwnd
		}
	}
	alpha := cubicAlpha
	if c.estimate >= c.prior {
		alpha = 1
	}
	c.estimate += alpha * n / c.cwnd
	t := seconds(now - c.epoch)
	if c.at(t) < c.estimate {
		c.cwnd = max(c.cwnd, c.estimate)
		return
	}
	target := min(max(c.at(t+seconds(s.srtt)), c.cwnd), float64(1.5*c.cwnd))
	c.cwnd += float64((target - c.cwnd) / c.cwnd * n)
}

// at is W_cubic (section 4.2, figure 1), t in seconds.
func (c *cubic) at(t float64) float64 {
	d := t - c.k
	return float64(cubicC*d*d*d) + c.max
}

func (c *cubic) congested(*Sender, time.Duration) { c.reduce() }

func (c *cubic) reduce() {
	c.running = false
	c.prior = c.cwnd
	if c.cwnd < c.max {
		c.max = c.cwnd * (1 + cubicBeta) / 2 // fast convergence (section 4.7)
	} else {
		c.max = c.cwnd
	}
	c.ssthresh = max(c.cwnd*cubicBeta, 2)
	c.cwnd = c.ssthresh
}

func (c *cubic) timedOut(s *Sender, _ time.Duration) {
	if s.backoff == 1 {
		c.reduce()
	}
	c.running = false
	c.cwnd = 1
	c.train.restart()
}

// idled does not count silence as time of growth (section 4.2).
func (c *cubic) idled(s *Sender, now, quiet time.Duration) {
	c.epoch += quiet
	c.reno.idled(s, now, quiet)
}

// cbrt is the cube root of x >= 0 by Newton's method. That of package math differs between processors in the last bit.
func cbrt(x float64) float64 {
	if x <= 0 {
		return 0
	}
	y := max(x, 1)
	for range 200 {
		next := (float64(2*y) + x/(y*y)) / 3
		if next >= y {
			break
		}
		y = next
	}
	return y
}
