// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
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

	// Seed of the random streams. Equal Config and equal calls: equal fate of
	// every packet.
	Seed uint64
}

// A Window is a stretch of time, counted from the start of the link. It
// includes its first nanosecond and not its last.
type Window struct {
	From, For time.Duration
}

// A ConfigError names the field of a Config that no link can have.
type ConfigError struct {
	Field   string
	Problem string
}

func (e *ConfigError) Error() string { return "link: " + e.Field + " " + e.Problem }

// Validate reports the first thing in c that no link can have, as a *ConfigError.
func (c Config) Validate() error {
	if !(c.Rate == 0 || c.Rate >= MinRate && c.Rate <= MaxRate) {
		return &ConfigError{"Rate", fmt.Sprintf("is %v bit/s; give 0 (infinitely fast) or %.0f to %.0f", c.Rate, MinRate, MaxRate)}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Delay", c.Delay}, {"BufferTime", c.BufferTime}, {"Jitter", c.Jitter}, {"ReorderDelay", c.ReorderDelay},
	} {
		if d.value < 0 || d.value > MaxDelay {
			return &ConfigError{d.field, fmt.Sprintf("is %v; give 0 to %v", d.value, MaxDelay)}
		}
	}
	for _, n := range []struct {
		field      string
		value, max int
	}{
		{"BufferBytes", c.BufferBytes, MaxBuffer}, {"MTU", c.MTU, MaxSize}, {"Overhead", c.Overhead, MaxSize},
	} {
		if n.value < 0 || n.value > n.max {
			return &ConfigError{n.field, fmt.Sprintf("is %d bytes; give 0 to %d", n.value, n.max)}
		}
	}
	for _, p := range []struct {
		field string
		value float64
	}{
		{"Loss", c.Loss}, {"Reorder", c.Reorder},
	} {
		if !(p.value >= 0 && p.value <= 1) {
			return &ConfigError{p.field, fmt.Sprintf("is %v; give a share between 0 and 1", p.value)}
		}
	}
	return c.validateTogether()
}

// validateTogether checks what each field alone cannot show.
func (c Config) validateTogether() error {
	if c.MTU > 0 && c.Overhead >= c.MTU {
		return &ConfigError{"Overhead", fmt.Sprintf("of %d bytes leaves no room in an MTU of %d", c.Overhead, c.MTU)}
	}
	if c.JitterReorders && c.Jitter == 0 {
		return &ConfigError{"JitterReorders", "is set without a Jitter"}
	}
	if c.Reorder > 0 && c.ReorderDelay == 0 {
		return &ConfigError{"Reorder", "is set without a ReorderDelay; say how late those packets are"}
	}
	end := time.Duration(0)
	for i, w := range c.Blackouts {
		switch {
		case w.For <= 0:
			return &ConfigError{"Blackouts", fmt.Sprintf("number %d lasts %v; it must last some time", i+1, w.For)}
		case w.From < end:
			return &ConfigError{"Blackouts", fmt.Sprintf("number %d begins at %v, before %v where the one before ends; order them", i+1, w.From, end)}
		case w.From > maxTime || w.For > maxTime:
			return &ConfigError{"Blackouts", fmt.Sprintf("number %d ends later than %v after the start", i+1, time.Duration(maxTime))}
		}
		end = w.From + w.For
	}
	return nil
}
