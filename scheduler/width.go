// SPDX-License-Identifier: Apache-2.0

package scheduler

import "time"

const (
	widthWindow = 2 * time.Second  // what arrives in less may have been kept somewhere
	widthMemory = 5 * time.Minute  // the link's owner may buy more, or less
	widthGrace  = 15 * time.Second // for who filled the link to do so again
	filledShare = 0.75             // of the most that ever arrived: another source would add less than a third
)

// width is how much arrives from beyond the location at best. Whether a second source there adds to what the first brings, or only
// takes from it, shows in nothing but the sum.
type width struct {
	begun     time.Time // of the window
	bytes     int64
	most      float64 // bytes per second, of the windows of this span
	before    float64 // and of those of the one before
	spanBegun time.Time
}

// add enters what arrived.
func (l *width) add(now time.Time, bytes int64) {
	l.bytes += bytes
	d := now.Sub(l.begun)
	if d < widthWindow {
		return
	}
	if d < 2*widthWindow { // otherwise nothing came for a while, and the average says nothing
		l.most = max(l.most, float64(l.bytes)/d.Seconds())
	}
	l.begun, l.bytes = now, 0
	if now.Sub(l.spanBegun) >= widthMemory {
		l.before, l.most, l.spanBegun = l.most, 0, now
	}
}

// bring takes note of what a peer brings now.
func (l *width) bring(now time.Time, p *peer) {
	if most := max(l.most, l.before); most > 0 && p.speed(now) >= filledShare*most {
		p.filled = now
	}
}

// fills reports whether a peer leaves others little to add, or did so a moment ago: it has given way to somebody, and may be back soon.
func (p *peer) fills(now time.Time) bool {
	return !p.filled.IsZero() && now.Sub(p.filled) < widthGrace
}
