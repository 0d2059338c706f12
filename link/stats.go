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
	Queued          Verdict = iota // it will come out of Take, unless Cut or SetRate leaves it in a blackout
	DroppedTooBig                  // larger than the MTU
	DroppedBlackout                // the link is down, or goes down before the packet has left the buffer
	DroppedLoss                    // lost at random
	DroppedBuffer                  // the buffer is full
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
	}
	return "verdict " + strconv.Itoa(int(v))
}

// Stats counts packets, and their bytes as given to Send, without Overhead.
// In both, Sent = Delivered + Inside + Dropped.
type Stats struct {
	Sent, Delivered, Inside, Dropped Count

	// Dropped by reason, in packets.
	DroppedTooBig, DroppedBlackout, DroppedLoss, DroppedBuffer int64

	// QueueMax is the longest that a packet had to wait in the buffer, as it
	// looked when the packet came.
	QueueMax time.Duration
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
	}
}

// String is the counters in one line.
func (s Stats) String() string {
	return fmt.Sprintf("%d sent, %d inside, %d delivered; dropped %d at the buffer, %d at random, %d in blackouts, %d too big; queue up to %v",
		s.Sent.Packets, s.Inside.Packets, s.Delivered.Packets,
		s.DroppedBuffer, s.DroppedLoss, s.DroppedBlackout, s.DroppedTooBig, s.QueueMax)
}
