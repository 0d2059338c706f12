// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A docket keeps losses until the feedback comes that tells the delays around them, and the moment when the window last
// answered for one: what was sent before could not know of it, and is the same event.
type docket struct {
	judge     lossJudge
	accused   int       // bytes lost, not yet judged
	accusedAt time.Time // when the last of them was sent
	reacted   time.Time // when the window was last reduced
}

// accuse enters a loss, unless the window has answered for it.
func (d *docket) accuse(bytes int, sentAt time.Time) {
	if !d.atoned(sentAt) {
		d.accused += bytes
		d.accusedAt = sentAt
	}
}

// summon takes what is to be judged now: when the last of it was sent, and how many bytes; 0: nothing.
func (d *docket) summon() (sentAt time.Time, bytes int) {
	bytes, d.accused = d.accused, 0
	if d.atoned(d.accusedAt) {
		bytes = 0
	}
	return d.accusedAt, bytes
}

// atoned says whether the window was reduced after sentAt.
func (d *docket) atoned(sentAt time.Time) bool {
	return !d.reacted.IsZero() && !sentAt.After(d.reacted)
}

// dismiss forgets the evidence: after a timeout the path may be another one.
func (d *docket) dismiss(now time.Time) { *d = docket{reacted: now} }
