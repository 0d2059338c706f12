// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	// A loss rate that counts whatever the queue says: a path that loses this much is not ours to fill.
	heavyLoss = 0.30
	// A loss rate without queue that is worth a trial. Below it, what we do to others behind a policer or a buffer of a few packets
	// is bounded; above it, it has to be known.
	doubtfulLoss = 0.06
	// A trial needs so many MSS of evidence on either side. At 6 % those are 16 losses; a line that goes on losing at random loses
	// fewer than a quarter of that once in some hundred trials.
	trialMSS = 256
	// How long the verdict of a trial that losses are random is trusted.
	trialValid = 30 * time.Second
	// How much evidence of earlier losses is remembered, in MSS.
	evidenceMSS = 2048
)

// A lossJudge tells losses that come from congestion from those that a bad line makes, and that cost nothing.
//
// Congestion loses datagrams where a buffer is full, so the queue delay around a loss tells:
//
//   - Queue delay above half the target: congestion.
//   - Next to none: no buffer was full, so the line did it. Such losses are also what teaches how bad the line is.
//   - In between there may be a full buffer smaller than half the target. The loss counts, unless the line is known to
//     lose at least half as much without any queue.
//
// Where there is no buffer to speak of, behind a policer, the queue is no witness. So when the losses without queue exceed 6 %, a
// trial is held: the window is halved, and if the loss rate does not fall to a quarter, the window was not to blame and
// is given back. Otherwise losses count. Either verdict is good for half a minute. Above 30 % the window is halved for every such stretch.
//
// Halving above half the target alone, which is simpler, pushes others aside wherever the buffer is smaller: at
// 20 Mbit/s, 40 ms and a 20 ms buffer it left a Reno flow 0.7 Mbit/s of the 10.5 that it keeps beside plain RFC 6817.
type lossJudge struct {
	queues  peak  // queue delays of the last round trip or two
	stretch tally // what happened since begun; it ends after a round trip and trialMSS
	begun   time.Time
	queued  bool    // there was a queue in this stretch
	rate    float64 // loss rate of the last complete stretch

	idle, filling tally // evidence: losses while there was no queue, and while there was some

	trial   trial
	before  float64   // loss rate that led to the trial
	settled time.Time // when the stretch that decides it may begin
	trusted time.Time // until when its verdict holds
}

// A trial is the state of the question whether losses without queue depend on the window.
type trial uint8

const (
	open      trial = iota // nothing is known
	acquitted              // losses stayed when the window was halved: they are random
	tried                  // the window was halved, and the loss rate is being measured
	convicted              // losses went away with the window: they count
)

func (t trial) String() string {
	return [...]string{"", ", found random", ", halved to see whether losses go", ", found to depend on the window"}[t]
}

// tally counts bytes.
type tally struct{ acked, lost float64 }

func (t *tally) add(u tally) { t.acked, t.lost = t.acked+u.acked, t.lost+u.lost }

func (t tally) total() float64 { return t.acked + t.lost }

func (t tally) rate() float64 {
	if t.total() == 0 {
		return 0
	}
	return t.lost / t.total()
}

// fade halves what is remembered once it is more than limit bytes, so that old evidence gives way to new.
func (t *tally) fade(limit float64) {
	if t.total() > limit {
		t.acked, t.lost = t.acked/2, t.lost/2
	}
}

// pathState is what the judge needs to know of the path at the moment of a report.
type pathState struct {
	now    time.Time
	rtt    time.Duration
	queue  time.Duration
	noise  time.Duration // of queue
	target time.Duration
	mss    float64
}

// sentence is what the controller is to do.
type sentence uint8

func (s sentence) String() string { return [...]string{"nothing", "halve", "probe", "give back"}[s] }

const (
	nothing  sentence = iota
	halve             // the loss counts
	probe             // halve, but be ready to give it back
	giveBack          // the last probe showed that the window was not to blame
)

func (j *lossJudge) acked(p pathState, bytes int) sentence {
	j.queues.add(p.now, p.rtt, float64(p.queue))
	return j.count(p, tally{acked: float64(bytes)})
}

// lost judges losses that nothing has atoned for yet: what a full buffer loses besides them is the same event, and no
// new evidence.
func (j *lossJudge) lost(p pathState, bytes int) sentence {
	if s := j.count(p, tally{lost: float64(bytes)}); s != nothing {
		return s
	}
	switch worst := time.Duration(j.queues.max()); {
	case worst > p.target/2 || j.trial == convicted:
		return halve
	case worst <= p.emptyQueue() || j.lossy(p.mss):
		return nothing
	}
	return halve
}

// emptyQueue is up to where a measured queue delay is taken for none.
func (p pathState) emptyQueue() time.Duration {
	return min(max(2*p.noise, min(p.target/16, p.rtt/8)), p.target/2)
}

// lossy says whether the line is known to lose datagrams without any queue, and about as many as with one.
func (j *lossJudge) lossy(mss float64) bool {
	return j.idle.lost >= 3*mss && j.idle.rate() >= j.filling.rate()/2
}

// count enters a report into the evidence, and ends a stretch that is long enough.
func (j *lossJudge) count(p pathState, t tally) sentence {
	evidence := &j.filling
	if time.Duration(j.queues.max()) <= p.emptyQueue() {
		evidence = &j.idle
	}
	evidence.add(t)
	evidence.fade(evidenceMSS * p.mss)

	if j.trial == tried && p.now.Before(j.settled) {
		return nothing // these were sent before the window was halved
	}
	j.stretch.add(t)
	j.queued = j.queued || evidence == &j.filling
	if p.now.Sub(j.begun) < p.rtt || j.stretch.total() < trialMSS*p.mss {
		return nothing
	}
	queued := j.queued
	j.rate = j.stretch.rate()
	j.begun, j.stretch, j.queued = p.now, tally{}, false
	return j.decide(p, queued)
}

// decide moves the trial on at the end of a stretch.
func (j *lossJudge) decide(p pathState, queued bool) sentence {
	if j.trial != tried && !p.now.Before(j.trusted) {
		j.trial = open
	}
	switch {
	case j.rate > heavyLoss:
		return halve
	case j.trial == open && j.rate > doubtfulLoss && !queued:
		j.trial, j.before = tried, j.rate
		j.settled = p.now.Add(2 * p.rtt)
		j.begun = j.settled
		return probe
	case j.trial == tried && j.rate >= j.before/4, j.trial == convicted && j.rate >= j.before/2:
		j.trial, j.trusted = acquitted, p.now.Add(trialValid)
		return giveBack
	case j.trial == tried:
		j.trial, j.trusted = convicted, p.now.Add(trialValid)
	}
	return nothing
}

// String is the state in one line.
func (j *lossJudge) String() string {
	return fmt.Sprintf("loss %.1f %% (%.1f %% without queue)%v", 100*j.rate, 100*j.idle.rate(), j.trial)
}
