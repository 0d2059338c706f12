// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A peak remembers the largest value of the last one to two spans. It is exact where it must be, never too low for the
// last span, and costs two words instead of a list.
type peak struct {
	begun     time.Time
	now, past float64 // maxima of this span and of the one before
}

func (p *peak) add(now time.Time, span time.Duration, v float64) {
	switch elapsed := now.Sub(p.begun); {
	case elapsed < span:
		p.now = max(p.now, v)
		return
	case elapsed < 2*span:
		p.past = p.now
	default:
		p.past = 0 // nothing was added for a whole span
	}
	p.begun, p.now = now, v
}

func (p *peak) max() float64 { return max(p.now, p.past) }
