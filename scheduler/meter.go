// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"time"

	"github.com/ebbproject/ebb/content"
)

const (
	meterWindow  = 250 * time.Millisecond // shorter samples say more about bursts than about the path
	meterSilence = 5 * time.Second        // after which nothing moves, for those who look
	meterMemory  = 2 * time.Second        // a sample of this length counts half
)

// meter estimates a rate from what arrives between start and stop. Time in which nothing is owed is
// left out: it would say nothing about the path.
type meter struct {
	rate  float64 // bytes per second; 0: nothing known
	bytes int64   // since the time below
	since time.Time
	last  time.Time // when something arrived
}

func (m *meter) start(now time.Time) { m.bytes, m.since = 0, now }

func (m *meter) stop(now time.Time) { m.rate = m.at(now); m.start(now) }

func (m *meter) add(now time.Time, bytes int64) {
	m.bytes += bytes
	m.last = now
	if now.Sub(m.since) >= meterWindow || m.rate == 0 && m.bytes >= content.MinChunk {
		m.stop(now)
	}
}

// lately is what is shown to people: an estimate that ebbs away would say for minutes that something moves.
func (m *meter) lately(now time.Time) float64 {
	if now.Sub(m.last) > meterSilence {
		return 0
	}
	return m.at(now)
}

// at returns the estimate with the running sample in it, so that it falls while a peer is silent.
func (m *meter) at(now time.Time) float64 {
	t := now.Sub(m.since).Seconds()
	if t <= 0 {
		return m.rate
	}
	sample := float64(m.bytes) / t
	if m.rate == 0 {
		return sample
	}
	weight := t / (t + meterMemory.Seconds())
	return m.rate*(1-weight) + sample*weight
}
