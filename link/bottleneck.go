// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"math/bits"
)

// A bottleneck is a FIFO that empties at a rate, reduced to the instant at which
// it will be empty. Times are nanoseconds since the start of the link.
type bottleneck struct {
	rate int64 // bit/s; 0 is infinitely fast
	// Everything accepted will have left at free + part/rate; 0 <= part < rate.
	free, part int64
	// How long the last bit of a packet that has to wait may take to leave, for the
	// configured bounds and the present rate.
	room int64
	// How long the packet before took: bytes need whole ns and rest/rate.
	bytes, whole, rest int64

	bufferBytes, bufferTime int64 // as configured; 0 is no bound
}

func newBottleneck(c Config) bottleneck {
	b := bottleneck{bufferBytes: int64(c.BufferBytes), bufferTime: int64(c.BufferTime)}
	b.setRate(wholeRate(c.Rate))
	return b
}

// wholeRate rounds to whole bits a second, in which the arithmetic is exact.
func wholeRate(rate float64) int64 { return int64(math.Round(rate)) }

// offer asks for bytes to be sent behind all that was accepted before. It answers
// when the last bit will have left, or that the buffer is too full.
func (b *bottleneck) offer(now, bytes int64) (leave int64, ok bool) {
	if b.rate == 0 {
		return now, true
	}
	free, part := b.free, b.part
	if free < now {
		free, part = now, 0
	}
	if bytes != b.bytes {
		b.measure(bytes)
	}
	leave, part = free+b.whole, part+b.rest
	if part >= b.rate {
		leave, part = leave+1, part-b.rate
	}
	stamp := roundUp(leave, part)
	if free > now && stamp-now > b.room {
		return 0, false
	}
	b.free, b.part = leave, part
	return stamp, true
}

// carry is offer where there is always room.
func (b *bottleneck) carry(now, bytes int64) (leave int64) {
	room := b.room
	b.room = maxTime
	leave, _ = b.offer(now, bytes)
	b.room = room
	return leave
}

// measure finds how long bytes take. Most packets are as long as the one before, so
// that there is seldom anything to divide.
func (b *bottleneck) measure(bytes int64) {
	b.bytes, b.whole, b.rest = bytes, bytes*8e9/b.rate, bytes*8e9%b.rate
}

// after is when bytes behind everything accepted would have left; now if that is later.
func (b *bottleneck) after(now, bytes int64) int64 {
	free, part := b.free, b.part
	if free < now {
		free, part = now, 0
	}
	if b.rate == 0 {
		return roundUp(free, part)
	}
	high, low := bits.Mul64(uint64(bytes), 8e9)
	low, carry := bits.Add64(low, uint64(part), 0)
	if high += carry; high >= uint64(b.rate) {
		return maxTime
	}
	whole, rest := bits.Div64(high, low, uint64(b.rate))
	return roundUp(free+int64(min(whole, maxTime)), int64(rest))
}

// wait is how long a packet offered now would wait before its first bit leaves.
func (b *bottleneck) wait(now int64) int64 { return max(0, roundUp(b.free, b.part)-now) }

// flush forgets what would leave after now.
func (b *bottleneck) flush(now int64) {
	if b.free >= now {
		b.free, b.part = now, 0
	}
}

// change sets a new rate at now. What waits leaves at the new rate, see [bottleneck.retime].
func (b *bottleneck) change(now, rate int64) {
	if b.free >= now {
		left, rest := retime(b.free-now, b.part, b.rate, rate)
		b.free, b.part = now+left, rest
	}
	b.setRate(rate)
}

func (b *bottleneck) setRate(rate int64) {
	b.rate = rate
	b.bytes, b.whole, b.rest = 0, 0, 0
	b.room = maxTime
	if b.bufferTime > 0 {
		b.room = b.bufferTime
	}
	if b.bufferBytes > 0 && rate > 0 {
		work := b.bufferBytes * 8e9
		b.room = min(b.room, roundUp(work/rate, work%rate))
	}
}

// retime answers how long bits that leave after ns + part/from at the rate from
// take at the rate to, as whole nanoseconds and a rest over to.
func retime(ns, part, from, to int64) (whole, rest int64) {
	if from == 0 || to == 0 {
		return 0, 0
	}
	hi, lo := bits.Mul64(uint64(ns), uint64(from))
	lo, carry := bits.Add64(lo, uint64(part), 0)
	hi += carry
	if hi >= uint64(to) {
		return maxTime, 0
	}
	q, r := bits.Div64(hi, lo, uint64(to))
	return int64(min(q, maxTime)), int64(r)
}

// roundUp is the first whole nanosecond at which ns and a part of one have passed.
func roundUp(ns, part int64) int64 {
	if part > 0 {
		return ns + 1
	}
	return ns
}
