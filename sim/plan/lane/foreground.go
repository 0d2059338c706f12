// SPDX-License-Identifier: Apache-2.0

package lane

import (
	"time"

	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

// Foreground is what is on a link beside us: short transfers that begin at random. Which begin in a minute depends on the minute and the seed alone, so
// that whoever asks, from when on, finds the same ones.
type Foreground struct {
	Rate  float64 // of the link, bits a second
	Seed  uint64
	Load  func(at time.Duration) float64 // share of the link that they need, 0..1; asked at the beginning of each minute
	Until time.Duration                  // none begins from then on
}

// Steady is a foreground of always the same load.
func Steady(rate float64, seed uint64, load float64, until time.Duration) Foreground {
	return Foreground{Rate: rate, Seed: seed, Load: func(time.Duration) float64 { return load }, Until: until}
}

// sizes are those of the transfers, in bytes.
var sizes = traffic.Sizes{List: []int64{4_000, 10_000, 20_000, 50_000, 100_000, 250_000}}

// wire is the size of a full packet of the foreground.
const wire = 1500

// Mean is how many bytes a transfer has on average, with its headers.
func Mean() float64 { return 434_000. / 6 * wire / traffic.Payload }

// least is the load below which there are no transfers.
const least = .001

// minutes are the transfers that begin from a moment on. It implements traffic.Arrivals.
type minutes struct {
	f          Foreground
	from, zero time.Duration    // they count from zero
	minute     time.Duration    // that is in hand
	current    *traffic.Poisson // nil: there are no more in it
}

func (f Foreground) from(at, zero time.Duration) *minutes {
	first := at.Truncate(time.Minute)
	if first > at {
		first -= time.Minute
	}
	m := &minutes{f: f, from: at, zero: zero, minute: first}
	m.open()
	return m
}

// open draws the minute in hand.
func (m *minutes) open() {
	m.current = nil
	if load := m.f.Load(m.minute); load >= least && m.minute < m.f.Until {
		m.current = traffic.PoissonConfig{Load: load, LinkRate: m.f.Rate, Sizes: sizes, Stop: min(time.Minute, m.f.Until-m.minute),
			Seed: m.f.Seed + uint64(m.minute/time.Minute)}.Arrivals()
	}
}

// Next implements traffic.Arrivals.
func (m *minutes) Next() (at time.Duration, bytes int64) {
	for m.minute < m.f.Until {
		if m.current != nil {
			if at, bytes = m.current.Next(); at != sim.Never {
				if at += m.minute; at >= m.from {
					return at - m.zero, bytes
				}
				continue
			}
		}
		m.minute += time.Minute
		m.open()
	}
	return sim.Never, 0
}

// Demand is what a foreground asks for as time goes on.
type Demand struct {
	transfers *minutes
	at        time.Duration // of the next
	bytes     int64         // it has
}

// From is the demand from a moment on.
func (f Foreground) From(at time.Duration) *Demand {
	d := &Demand{transfers: f.from(at, 0)}
	d.at, d.bytes = d.transfers.Next()
	return d
}

// Asked is how many bytes, with their headers, those transfers have that began before a moment and were not asked for before.
func (d *Demand) Asked(until time.Duration) (n int64) {
	for d.at < until {
		n += d.bytes
		d.at, d.bytes = d.transfers.Next()
	}
	return n * wire / traffic.Payload
}
