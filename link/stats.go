// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"strconv"
	"time"
)

// A Verdict is what became of a packet at the entrance of a link.
type Verdict uint8

// The verdicts.
const (
	// It will come out of Take, unless a queue manager drops it later, or Cut, SetRate or a
	// blackout finds it in the buffer.
	Queued          Verdict = iota
	DroppedTooBig           // larger than the MTU
	DroppedBlackout         // the link is down, or goes down before the packet has left the buffer
	DroppedLoss             // lost at random
	DroppedBuffer           // the buffer is full
	DroppedBurst            // lost in a burst: GilbertElliott
	DroppedPolicer          // more than the policer allows
	DroppedAQM              // by the queue manager, at the entrance
)

func (v Verdict) String() string {
	switch v {
	case Queued:
		return "queued"
	case DroppedTooBig:
		return "too big"
	case DroppedBlackout:
		return "blackout"
	case DroppedLoss:
		return "lost"
	case DroppedBuffer:
		return "buffer full"
	case DroppedBurst:
		return "lost in a burst"
	case DroppedPolicer:
		return "policed"
	case DroppedAQM:
		return "queue managed"
	}
	return "verdict " + strconv.Itoa(int(v))
}

// Stats counts packets, and their bytes as given to Send, without Overhead.
// In both, Sent = Delivered + Inside + Dropped.
type Stats struct {
	Sent, Delivered, Inside, Dropped Count

	// Dropped by reason, in packets.
	DroppedTooBig, DroppedBlackout, DroppedLoss, DroppedBuffer int64
	DroppedBurst, DroppedPolicer, DroppedAQM                   int64

	// Marked is how many packets the queue manager gave CE.
	Marked int64

	// Waits is how many packets have gone through the buffer, QueueSum how long they waited in
	// all, QueueMax the longest wait: until the first bit left, of those that left. A
	// drop-tail buffer at a rate that changes only by SetRate counts them when they come, as it
	// looks then.
	Waits              int64
	QueueSum, QueueMax time.Duration
}

// QueueMean is the mean wait in the buffer.
func (s Stats) QueueMean() time.Duration {
	if s.Waits == 0 {
		return 0
	}
	return s.QueueSum / time.Duration(s.Waits)
}

func (s *Stats) waited(ns int64) {
	s.Waits++
	s.QueueSum += time.Duration(ns)
	s.QueueMax = max(s.QueueMax, time.Duration(ns))
}

// A Count is a number of packets and the sum of their sizes.
type Count struct {
	Packets, Bytes int64
}

func (c *Count) add(size int) {
	c.Packets++
	c.Bytes += int64(size)
}

func (c *Count) remove(size int) {
	c.Packets--
	c.Bytes -= int64(size)
}

func (s *Stats) drop(v Verdict, size int) {
	s.Dropped.add(size)
	switch v {
	case DroppedTooBig:
		s.DroppedTooBig++
	case DroppedBlackout:
		s.DroppedBlackout++
	case DroppedLoss:
		s.DroppedLoss++
	case DroppedBuffer:
		s.DroppedBuffer++
	case DroppedBurst:
		s.DroppedBurst++
	case DroppedPolicer:
		s.DroppedPolicer++
	case DroppedAQM:
		s.DroppedAQM++
	}
}

// String is the counters in one line.
func (s Stats) String() string {
	more := ""
	for _, c := range []struct {
		n    int64
		what string
	}{{s.DroppedBurst, "in bursts"}, {s.DroppedPolicer, "by the policer"}, {s.DroppedAQM, "by the queue manager"}} {
		if c.n > 0 {
			more += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	if s.Marked > 0 {
		more += fmt.Sprintf("; %d marked", s.Marked)
	}
	return fmt.Sprintf("%d sent, %d inside, %d delivered; dropped %d at the buffer, %d at random, %d in blackouts, %d too big%s; queue up to %v",
		s.Sent.Packets, s.Inside.Packets, s.Delivered.Packets,
		s.DroppedBuffer, s.DroppedLoss, s.DroppedBlackout, s.DroppedTooBig, more, s.QueueMax)
}
