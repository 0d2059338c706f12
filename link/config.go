// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"time"
)

// Limits of a Config; Validate refuses what is outside. They keep every sum of
// nanoseconds far from the end of an int64.
const (
	MinRate   = 1e3               // bit/s
	MaxRate   = 1e12              // bit/s
	MaxDelay  = time.Hour         // for each of Delay, Jitter, ReorderDelay and BufferTime
	MaxBuffer = 1 << 30           // bytes
	MaxSize   = 1 << 20           // bytes of one packet, Overhead included
	maxTime   = math.MaxInt64 / 4 // ns since the start; 73 years
)

// Config says what a link does to datagrams. The zero Config is a perfect wire:
// infinitely fast, no delay, no loss.
type Config struct {
	// Rate of the bottleneck in bit/s, at least MinRate, rounded to whole bits; 0 is
	// infinitely fast.
	Rate float64
	// Delay is the one-way propagation delay behind the bottleneck.
	Delay time.Duration
	// BufferBytes and BufferTime bound what waits in front of the bottleneck,
	// the rest of the packet being sent included; whichever is reached first
	// drops the tail. Zero is no bound. A packet that finds the link idle is
	// taken whatever its size.
	BufferBytes int
	BufferTime  time.Duration
	// MTU is the largest packet that passes, Overhead included; 0 passes any.
	// Larger ones vanish without a word, as behind a router that filters ICMP.
	MTU int
	// Overhead is the number of header bytes that every packet costs on the wire
	// beside the size given to Send: 28 for UDP over IPv4, 48 over IPv6.
	Overhead int

	// AQM manages what waits in front of the bottleneck; nil: the buffer drops its tail
	// when it is full, and that is all.
	AQM AQM
	// Policer drops what exceeds a rate, without a queue.
	Policer Policer
	// Schedule changes Rate and Delay at given times.
	Schedule Schedule
	// Trace, if not nil, is when the bottleneck can deliver, in place of a Rate.
	Trace *Trace

	// Loss is the share of packets, 0 to 1, lost at random.
	Loss float64
	// BurstLoss loses packets in bursts.
	BurstLoss GilbertElliott
	// Jitter is the mean of an exponentially distributed extra delay. Packets
	// keep their order unless JitterReorders.
	Jitter         time.Duration
	JitterReorders bool
	// WiFi or LTE is the air behind the wire, if there is any.
	WiFi WiFi
	LTE  LTE
	// Reorder is the share of packets, 0 to 1, that come late by ReorderDelay
	// and are overtaken meanwhile.
	Reorder      float64
	ReorderDelay time.Duration
	// Blackouts are the times when nothing passes, in order, not overlapping.
	Blackouts []Window

	// Seed of the random streams. Equal Config and equal calls: equal fate of
	// every packet.
	Seed uint64
}

// A Window is a stretch of time, counted from the start of the link. It
// includes its first nanosecond and not its last.
type Window struct {
	From, For time.Duration
}
