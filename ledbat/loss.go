// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const heavyLoss = 0.30

type pathState struct {
	rtt    time.Duration
	queue  time.Duration
	target time.Duration
	mss    int
}

type lossJudge struct {
	queues     peak
	begun      time.Time
	ackedBytes float64
	lostBytes  float64
	rate       float64
}

func (j *lossJudge) acked(now time.Time, bytes int, p pathState) {
	j.queues.add(now, p.rtt, float64(p.queue))
	j.ackedBytes += float64(bytes)
	j.roll(now, p)
}

func (j *lossJudge) roll(now time.Time, p pathState) {
	if now.Sub(j.begun) < 4*p.rtt || j.ackedBytes+j.lostBytes < float64(32*p.mss) {
		return
	}
	j.rate = j.lostBytes / (j.lostBytes + j.ackedBytes)
	j.begun, j.ackedBytes, j.lostBytes = now, 0, 0
}

func (j *lossJudge) lost(now time.Time, bytes int, p pathState) bool {
	j.lostBytes += float64(bytes)
	j.roll(now, p)
	return time.Duration(j.queues.max()) > p.target/2 || j.rate > heavyLoss
}

func (j *lossJudge) reset() { *j = lossJudge{} }

func (j *lossJudge) String() string { return fmt.Sprintf("loss %.1f %%", 100*j.rate) }
