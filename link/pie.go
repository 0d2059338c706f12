// SPDX-License-Identifier: Apache-2.0

package link

// pie is the state of RFC 8033, with its names. Latency is what waits over the rate,
// which a link knows and need not estimate.
type pie struct {
	target, update, maxBurst int64 // ns
	ecn                      bool

	next      int64 // time of the next update, ns since the start of the link
	prob      float64
	old       int64 // qdelay_old_
	allowance int64 // burst_allowance_
}

func newPIE(c PIE) *pie {
	c = c.filled()
	return &pie{target: int64(c.Target), update: int64(c.Update), maxBurst: int64(c.MaxBurst), ecn: c.ECN,
		next: int64(c.Update), allowance: int64(c.MaxBurst)}
}

// alpha and beta of RFC 8033, section 4.2, per nanosecond of latency.
const (
	pieAlpha = 0.125 / 1e9
	pieBeta  = 1.25 / 1e9
	// mark_ecnth of section 5.1: with a higher probability it drops what it might mark, so
	// that who does not react to marks has no advantage.
	pieMarkBelow = 0.1
)

// enters decides on a packet that comes while waiting bytes wait for the given time.
func (p *pie) enters(u uint64, waiting, latency int64) aqmVerdict {
	// "When the congestion goes away -- defined here as PIE->drop_prob_ equals 0 and both the
	// current and previous samples of estimated latency are less than half of QDELAY_REF --
	// PIE->burst_allowance_ is reset to MAX_BURST."
	if p.prob == 0 && latency < p.target/2 && p.old < p.target/2 {
		p.allowance = p.maxBurst
	}
	switch {
	// "As long as PIE->burst_allowance_ is above zero, an incoming packet will be enqueued,
	// bypassing the random drop process."
	case p.allowance > 0,
		p.old < p.target/2 && p.prob < 0.2,
		waiting <= 2*oneMTU,
		u >= below(p.prob):
		return aqmPass
	case p.ecn && p.prob < pieMarkBelow:
		return aqmMark
	}
	return aqmDrop
}

// tick is the update every T_UPDATE.
func (p *pie) tick(latency int64) {
	delta := float64(pieAlpha*float64(latency-p.target)) + float64(pieBeta*float64(latency-p.old))
	delta *= pieScale(p.prob)
	// A probability that is high moves by 2 % at most.
	if p.prob >= 0.1 && delta > 0.02 {
		delta = 0.02
	}
	p.prob += delta
	// "... decays exponentially (rather than linearly) when the system is not congested."
	if latency == 0 && p.old == 0 {
		p.prob = float64(p.prob * 0.98)
	}
	// What is left when nothing came for minutes is nothing.
	if p.prob < 1e-12 {
		p.prob = 0
	}
	p.prob = min(p.prob, 1)
	p.old = latency
	p.allowance = max(0, p.allowance-p.update)
	p.next += p.update
}

// atRest is whether further updates of an empty queue change nothing.
func (p *pie) atRest() bool { return p.prob == 0 && p.old == 0 && p.allowance == 0 }

// skip passes over updates that change nothing, to the first after now.
func (p *pie) skip(now int64) {
	if now >= p.next {
		p.next += ((now-p.next)/p.update + 1) * p.update
	}
}

// pieScale is the auto-tuning of RFC 8033, section 4.2: small probabilities move in small steps.
func pieScale(prob float64) float64 {
	switch {
	case prob < 0.000001:
		return 1.0 / 2048
	case prob < 0.00001:
		return 1.0 / 512
	case prob < 0.0001:
		return 1.0 / 128
	case prob < 0.001:
		return 1.0 / 32
	case prob < 0.01:
		return 1.0 / 8
	case prob < 0.1:
		return 1.0 / 2
	}
	return 1
}

// An aqmVerdict is what a queue manager that looks at the entrance says of a packet.
type aqmVerdict uint8

const (
	aqmPass aqmVerdict = iota
	aqmMark            // or drop, if the packet cannot be marked
	aqmDrop
)
