// SPDX-License-Identifier: Apache-2.0

// Package week remembers what a location's WAN link left to our flows, by the hour of the week. Who plans takes from it what the link carries and how
// busy others keep it.
//
// # Words
//
// A sample is the rate at which bytes came in over the WAN while flows wanted more. As all that we do gives way, that is what others left. An hour's
// rate is the mean of its samples, of which the last two hours' worth count: weeks long past fade. The capacity is the rate of the best hour; how
// busy others keep the link in an hour is what its rate lacks of that.
//
// # Not promised
//
// Whatever else slows our flows, as a limit, a busy source or a lossy path, looks like others' traffic here. A link on which others never
// leave an hour in peace looks narrower than it is. An hour in which nothing was fetched is not known. The package is pure.
package week

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// Hours of a week, from Monday 00:00.
	Hours = 7 * 24
	// Every is how far samples are apart.
	Every = 10 * time.Second

	least = 6   // samples without which an hour is not known: a minute
	most  = 720 // that count: two hours
)

// Memory is one location's. The zero value knows nothing.
type Memory struct {
	rate [Hours]float32 // bits a second
	seen [Hours]uint16  // samples, at most most
}

// Hour is the hour of the week that clocks of the time's own zone show, 0 to Hours-1.
func Hour(at time.Time) int { return (int(at.Weekday())+6)%7*24 + at.Hour() }

// Saw: that many bits a second came in.
func (m *Memory) Saw(at time.Time, rate float64) {
	h := Hour(at)
	m.seen[h] = min(m.seen[h]+1, most)
	m.rate[h] += (float32(rate) - m.rate[h]) / float32(m.seen[h])
}

// Capacity is what the link carries, in bits a second; 0: not known.
func (m *Memory) Capacity() float64 {
	best := float32(0)
	for h, rate := range m.rate {
		if m.seen[h] >= least {
			best = max(best, rate)
		}
	}
	return float64(best)
}

// Load is the part of the capacity that others use in each hour, 0 to 1; -1: not known. known is how many are.
func (m *Memory) Load() (load [Hours]float64, known int) {
	capacity := m.Capacity()
	for h := range load {
		load[h] = -1
		if m.seen[h] >= least && capacity > 0 {
			load[h] = 1 - float64(m.rate[h])/capacity
			known++
		}
	}
	return load, known
}

const version = 1

// ErrDamaged says that bytes are no memory.
var ErrDamaged = errors.New("no memory of a week")

// Encode is the memory as bytes: a version, then of each hour the rate (IEEE 754, 4 bytes) and the samples (2), little-endian.
func (m *Memory) Encode() []byte {
	b := make([]byte, 1, 1+Hours*6)
	b[0] = version
	for h := range Hours {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.rate[h]))
		b = binary.LittleEndian.AppendUint16(b, m.seen[h])
	}
	return b
}

// Decode reads what Encode wrote. The error is ErrDamaged.
func Decode(b []byte) (m *Memory, err error) {
	if len(b) != 1+Hours*6 || b[0] != version {
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, len(b))
	}
	m = &Memory{}
	for h := range Hours {
		at := b[1+h*6:]
		m.rate[h], m.seen[h] = math.Float32frombits(binary.LittleEndian.Uint32(at)), binary.LittleEndian.Uint16(at[4:])
		if r := float64(m.rate[h]); !(r >= 0) || math.IsInf(r, 0) || m.seen[h] > most {
			return nil, fmt.Errorf("%w: %g bit/s of %d samples in hour %d", ErrDamaged, r, m.seen[h], h)
		}
	}
	return m, nil
}
