// SPDX-License-Identifier: Apache-2.0

package link

// Policer drops what exceeds a rate, without a queue. The zero Policer drops nothing.
//
// It is the committed bucket of RFC 2697 alone: what is not green is dropped.
type Policer struct {
	Rate  float64 // bit/s, as Config.Rate
	Burst int     // bytes that may come at once, Overhead included: the bucket's depth
}

// policer holds its tokens in bits times 1e9, so that a nanosecond's worth is whole.
type policer struct {
	rate   int64 // bit/s; 0: no policer
	full   int64
	tokens int64
	filled int64 // when tokens were right, ns since the start of the link
}

func newPolicer(c Policer) policer {
	// RFC 2697, section 3: "The token buckets C and E are initially (at time 0) full".
	full := int64(c.Burst) * 8e9
	return policer{rate: wholeRate(c.Rate), full: full, tokens: full}
}

// conforms takes the tokens for a packet, if there are enough.
func (p *policer) conforms(now, bytes int64) bool {
	if elapsed := now - p.filled; elapsed >= (p.full-p.tokens)/p.rate+1 {
		p.tokens = p.full
	} else {
		p.tokens = min(p.full, p.tokens+elapsed*p.rate)
	}
	p.filled = now
	// "If Tc(t)-B >= 0, the packet is green and Tc is decremented by B down to the minimum
	// value of 0".
	if p.tokens < bytes*8e9 {
		return false
	}
	p.tokens -= bytes * 8e9
	return true
}
