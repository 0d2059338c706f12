// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	pulseEvery  = 100 * time.Millisecond // at the most often, while others are there
	lookEvery   = 30 * time.Millisecond  // while it looks as if they had left
	lookFor     = 360 * time.Millisecond // so long it must look so,
	lookRTTs    = 1.5                    // and so many round trips, because others send in bursts of a round trip
	leastLooks  = 4
	mostLooks   = 12
	stillPairs  = 16 // tell whether a path jitters
	manyTimes   = 5  // the mean jitter of a datagram: more is a queue
	betweenCost = 4  // looks that a datagram of somebody else's between ours costs who may use all of the link

	certainly   = 0.95
	unsureAfter = 5 * time.Second
	surveySoon  = 3 * time.Second // after leaving, pulses are worth more than later

	quickly     = 500 * time.Millisecond // who comes that soon after we did, or
	quicklyRTTs = 10                     // so many round trips, was disturbed by us; later it is somebody else

	holdLeast = 100 * time.Millisecond
	holdLong  = 4 * time.Second // where a queue shows too late, and losses are what tells
	holdMost  = 8 * time.Second
	lastWords = 16 * time.Second
)

// yield is the state of a flow that has left the link to others, and looks for their leaving.
type yield struct {
	pulses     pulses
	pulseAt    time.Time
	thirdAt    time.Time // when the third datagram of a pulse is to leave; zero: there is none
	looks      float64   // pulses that found nobody, less what others' datagrams cost
	mayReturn  time.Time
	holdOff    time.Duration // grows with every return that others did not like
	returned   time.Time
	lossyLeave bool // it was a loss or a mark that drove us away
	dice       uint64
	slower     slower
	faster     faster
	survey     survey
	guessed    bool    // the capacity was found beside others, who took part of it
	saved      float64 // bytes that may still be spent on closer looks,
	spare      float64 // and on surveys: what was too much for the former
	savedAt    time.Time
	jitter     time.Duration // of two datagrams that leave together, on average
	pairs      int           // that it is known of
	left       time.Time     // when we left
	empty      int           // pulses since then that found no queue
	told       int           // pulses since then that arrived,
	sighted    int           // and of them those that met somebody
	last       time.Time     // when somebody was met last
	brief      bool          // they did not stay for long
	lowest     time.Duration // delay of a pulse since then
	thirds     int           // datagrams of pulses since then,
	crowd      float64       // share of the third datagrams of late that waited for somebody's
}

// stayAway finds how long to stay at the floor at the least.
func (e *ebb) stayAway(now time.Time) {
	y := &e.yield
	later := now.Sub(y.returned) > max(quickly, quicklyRTTs*e.span())
	switch {
	case now.Sub(y.returned) > relapse, y.brief && later:
		y.holdOff = 0
	case y.sighted < sightings && later && y.holdOff <= holdLong/2: // nobody was there, and we stayed; after a loss it takes more than that
		y.holdOff /= 2
	case y.sighted < sightings:
		y.holdOff = min(max(holdLeast/2, y.holdOff*5/4), holdMost) // nobody was there
	default:
		y.holdOff = min(max(holdLeast, 2*y.holdOff), holdMost)
	}
	if y.lossyLeave {
		y.holdOff = min(max(holdLong, 2*y.holdOff), lastWords)
	}
	y.lossyLeave = false
	y.mayReturn = now.Add(y.holdOff)
}

// leave goes to the floor.
func (e *ebb) leave(now time.Time) {
	y := &e.yield
	y.looks = 0
	y.left, y.empty, y.crowd, y.thirds, y.told, y.sighted, y.lowest = now, 0, 0, 0, 0, 0, 0
	y.pulses.reset()
	y.thirdAt = time.Time{}
	y.pulseAt = now.Add(2 * e.span())
	y.slower, y.faster, y.survey = slower{}, faster{}, survey{}
	if y.savedAt.IsZero() {
		y.saved, y.spare, y.savedAt = e.closeLook(), e.closeLook(), now
	}
}

// pulse sends the next pulse, and finds the time of the one after it.
func (e *ebb) pulse(now time.Time) {
	y := &e.yield
	// Half of the floor looks whether it is worth while to look closer; the other half is kept for that.
	half := e.floor() / 2
	y.saved += half * now.Sub(y.savedAt).Seconds()
	y.spare = min(y.spare+max(0, y.saved-e.closeLook()), e.closeLook())
	y.saved, y.savedAt = min(y.saved, e.closeLook()), now
	n, wait := 2, max(pulseEvery, time.Duration(2*e.mss/half*float64(time.Second)))
	switch {
	case y.looks > 0 && y.saved >= 3*e.mss, max(y.looks, float64(y.survey.pulses)) >= 0.75*e.looksWanted() && y.saved >= -e.closeLook(): // what has begun well is finished on credit
		n, wait = 3, e.lookEvery()
		y.saved -= 3 * e.mss
	case y.survey.promising() && y.spare >= 3*e.mss:
		n, wait = 3, e.lookEvery()
		y.spare -= 3 * e.mss
	case now.Sub(y.left) < surveySoon && wait > pulseEvery && y.spare >= 2*e.mss:
		wait = pulseEvery
		y.spare -= 2 * e.mss
	}
	if e.per(1) > slowDatagram {
		n = 1 // others would have to wait for both
	}
	y.pulses.start(n, int(e.mss))
	if n == 3 {
		y.thirdAt = now.Add(e.per(1))
	}
	// At random, so that it does not fall into the same gap of a window again and again.
	y.dice = y.dice*6364136223846793005 + 1442695040888963407
	y.pulseAt = now.Add(wait*3/4 + time.Duration(float64(wait)/2*float64(y.dice>>40)/(1<<24)))
}

// lookEvery is the distance of pulses while nobody seems to be there. They take no more than a quarter of the link.
func (e *ebb) lookEvery() time.Duration {
	return max(lookEvery, time.Duration(lookRTTs*float64(e.span()))/mostLooks, e.per(12))
}

// looksWanted is how many pulses must have found nobody.
func (e *ebb) looksWanted() float64 {
	return min(max(leastLooks, float64(lookFor)/float64(e.lookEvery())), mostLooks)
}

// closeLook is how many bytes it takes to look closely.
func (e *ebb) closeLook() float64 { return 3 * e.mss * (mostLooks + 1) }

// pulsed looks at a pulse that has arrived.
func (e *ebb) pulsed(now time.Time, p *pulse) {
	y := &e.yield
	t, first, step := e.threshold(), &e.watch.filters[0], e.per(1)
	if p.heard < p.count {
		if e.lossy() < 0.002 {
			y.looks = 0
		}
		return
	}
	q := p.low() - e.delay.Base() - first.offset()
	e.watch.queue = q
	y.told++
	e.weigh(now, p)
	if e.surveyed(now, p) {
		return
	}
	if low := p.low(); y.lowest == 0 || low < y.lowest {
		y.lowest = low
	}
	between := p.count == 3 && y.jitter < step/4 && (p.between(step) > step/2 || p.low()-y.lowest > step/2)
	if p.count == 3 {
		y.thirds++
		part := 1 / float64(min(y.thirds, 8))
		y.crowd *= 1 - part
		if between {
			y.crowd += part
			e.sight(now)
		}
	}
	busy := max(t/2, manyTimes*max(e.watch.spread, y.jitter))
	free := q <= busy && !between
	if e.shared.glimpse(y.told, free); !free && e.mayShare(now) {
		e.shared.met = now
		e.shareLink(now)
		return
	}
	switch {
	case q > busy:
		y.looks = 0
		if !between {
			e.sight(now)
		}
		if !e.unsure(now) {
			return
		}
	case now.Before(y.mayReturn):
		return
	case between:
		if y.holdOff > 0 {
			y.looks = 0
			return
		}
		y.looks = max(0, y.looks-betweenCost*min(1, e.limit/e.mu))
	default:
		y.looks++
		y.empty++
	}
	if y.looks >= e.looksWanted() || e.unsure(now) {
		e.comeBack(now, p.bytes)
	} else if y.looks == 1 {
		y.pulseAt = now
	}
}

// still says that the path itself does not jitter, so that whatever changes is a queue: two datagrams that leave together arrive as far apart as
// the bottleneck takes for one.
func (e *ebb) still() bool {
	return e.yield.pairs >= stillPairs && e.yield.jitter < e.per(0.25)
}

// sight takes note of others.
func (e *ebb) sight(now time.Time) {
	if e.sighted++; e.met() {
		e.excuse.seen = now
	}
	e.yield.last = now
}

// met says that others are there: one pulse or two may have met nothing but a hiccup.
func (y *yield) met() bool { return y.sighted >= sightings && 3*y.sighted >= y.told }

// unsure says that it is time to find out by returning. Where the delay jumps, as on a host whose processors are busy, pulses are too few
// to tell that from others' queues; but a queue that lasts is not empty now and then, with nobody between our datagrams.
func (e *ebb) unsure(now time.Time) bool {
	y := &e.yield
	steady := max(e.watch.spread, y.jitter) < e.per(0.25)
	return !steady && now.Sub(y.left) > max(unsureAfter, 2*y.holdOff) && y.empty > 0 && y.crowd < 0.2
}

// surveyed enters a pulse into the survey, and returns if that finds nobody on a path that has changed.
func (e *ebb) surveyed(now time.Time, p *pulse) bool {
	y := &e.yield
	gap := p.gap(e.per(0.5))
	if !y.survey.sample(now, p, gap, max(e.per(1), 3*y.jitter)) || now.Before(y.mayReturn) {
		return false
	}
	if low := y.survey.low; low-e.delay.Base() > e.threshold()/2 {
		e.delay.reroute(now, low)
	}
	e.comeBack(now, p.bytes)
	return true
}

// comeBack begins the return. Pulses of so many bytes a datagram that all arrived equally far apart have measured the capacity; that it is larger
// than it was is left to a lift, because hosts that gather what arrives let it appear so.
func (e *ebb) comeBack(now time.Time, bytes int) {
	y := &e.yield
	if c := perSecond(bytes, y.survey.gap); y.survey.tells() && c < certainly*e.mu {
		e.mu = c
	}
	if e.shared.again && now.Sub(e.shared.met) < absentFor && e.still() {
		e.shareLink(now) // they were there a moment ago, and will be again
		return
	}
	e.climb, e.rate = climbBold, 2*climbBold*e.mu
	if y.sighted >= sightings && y.jitter < e.per(0.25) || y.guessed {
		e.climb, e.rate = climbShy, climbShy*e.mu
	}
	y.guessed = false
	y.brief = y.sighted >= sightings && y.last.Sub(y.left) < quickly
	e.enter(now, returning)
}

// weigh learns from how far apart the two datagrams that left together arrive. Nothing can come between them, so that is what the
// bottleneck takes for one, and jitter.
func (e *ebb) weigh(now time.Time, p *pulse) {
	y := &e.yield
	gap := p.gap(e.per(0.5))
	if gap < 0 {
		return
	}
	if y.guessed && gap > 0 {
		c := float64(p.bytes) / gap.Seconds()
		e.mu += (min(max(c, e.mu/2), 2*e.mu) - e.mu) / 4
		return
	}
	was := e.still()
	y.jitter += ((gap - e.per(1)).Abs() - y.jitter) / 8
	if y.pairs++; e.still() && !was {
		e.watch.still()
	}
	if mu, ok := y.slower.sample(now, p, gap, e.mu); ok {
		e.mu = mu
	}
	if mu, ok := y.faster.sample(p, gap, e.delay.Base(), e.mu); ok && y.sighted >= sightings {
		e.mu, y.jitter, y.pairs = mu, 0, 0
	}
}

func (y *yield) String() string { return fmt.Sprintf("%.0f looks, hold-off %v", y.looks, y.holdOff) }
