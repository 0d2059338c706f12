// SPDX-License-Identifier: Apache-2.0

package link

import "time"

// WiFi delivers packets in aggregates, as 802.11n and later do: what arrives at the access
// point waits for the medium and goes out together. Each Interval has one instant of delivery,
// which contention shifts by a time evenly distributed between 0 and Access.
//
// The instants do not depend on the traffic. 4 ms is the airtime to which drivers of Linux
// (ath9k) limit an aggregate; the standard's own limit (aPPDUMaxTime) is 5.484 ms.
type WiFi struct {
	Interval time.Duration // 0: no Wi-Fi
	Access   time.Duration // at most Interval
}

// LTE delivers packets at the ends of transmission time intervals, and some of these are
// repeated by HARQ: 3GPP TS 36.321, section 5.3.2, and TS 36.213, where a repetition
// follows 8 ms after the failure (FDD). The radio link control (TS 36.322) keeps the order, so
// that what came whole waits for what is repeated. After three repetitions an interval passes.
type LTE struct {
	Interval   time.Duration // the TTI, usually 1 ms; 0: no LTE
	Retransmit float64       // share of transmissions that fail, usually 0.1
	RoundTrip  time.Duration // of HARQ; 0: 8 ms
}

// maxHARQ is how often an interval is repeated: four transmissions, the usual maxHARQ-Tx.
const maxHARQ = 3

// radio is the air behind the bottleneck. When something is delivered is a function of time
// and seed alone, so that one link's traffic does not change another run's air.
type radio struct {
	interval  int64 // ns; 0: a cable
	access    int64 // Wi-Fi
	roundTrip int64 // LTE
	fail      uint64
	ordered   bool
	notBefore int64 // with ordered: of the last delivery
	salt      uint64
}

func newRadio(c Config) radio {
	r := radio{salt: c.Seed*0xd1342543de82ef95 + purposeRadio}
	if c.WiFi.Interval > 0 {
		r.interval, r.access = int64(c.WiFi.Interval), int64(c.WiFi.Access)
	}
	if c.LTE.Interval > 0 {
		r.interval, r.ordered = int64(c.LTE.Interval), true
		r.roundTrip = int64(orDefault(c.LTE.RoundTrip, 8*time.Millisecond))
		r.fail = below(c.LTE.Retransmit)
	}
	return r
}

// deliver answers when a packet that reaches the radio at the given time is delivered.
func (r *radio) deliver(at int64) int64 {
	n := (at + r.interval - 1) / r.interval
	if !r.ordered {
		// The instant of interval n is n*interval and the access delay, at most an interval.
		if before := r.instant(n - 1); before >= at {
			return before
		}
		return r.instant(n)
	}
	done := n * r.interval
	for try := range uint64(maxHARQ) {
		if r.draw(uint64(n), try)>>1 >= r.fail {
			break
		}
		done += r.roundTrip
	}
	r.notBefore = max(r.notBefore, done)
	return r.notBefore
}

// instant is when the aggregate of interval n is delivered.
func (r *radio) instant(n int64) int64 {
	if n < 0 {
		return -1
	}
	return n*r.interval + scale(r.draw(uint64(n), 0), r.access)
}

// draw is a random number that belongs to the try-th transmission of interval n.
func (r *radio) draw(n, try uint64) uint64 {
	state := r.salt ^ (n*4 + try)
	high := splitmix(&state)
	state ^= high
	return splitmix(&state)
}
