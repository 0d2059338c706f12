// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"cmp"
	"time"
)

// Version is the protocol version this package speaks; WIRE.md describes it.
const Version = 1

// Limits of the protocol. Both sides keep them, whatever they are configured to.
const (
	MaxMessage      = 256 << 10 // bytes of a message with a piece of data
	MaxControl      = 16 << 10  // bytes of any other message
	MinMessage      = 1 << 10   // Next needs at least this much room: every message that cannot be cut fits
	MinPiece        = 512       // bytes of a piece of data that is not the last one of its answer
	MaxReply        = 64 << 20  // bytes of an answer
	MaxChunks       = 8 << 20   // chunks of a content
	MaxName         = 128       // bytes of a name in Find
	MaxPeerName     = 128       // bytes of Hello.Peer
	MaxCapabilities = 16        // capabilities in a Hello
	MaxCapability   = 32        // bytes of one
)

// typicalManifest is the room kept for a manifest before its size is known. Most are far smaller than the limit.
const typicalManifest = 1 << 20

// Config sets the bounds of one session. Zero fields take the value of DefaultConfig.
type Config struct {
	Hello        Hello         // what the other side is told of us
	MaxInbox     int           // bytes set aside for incomplete answers to our wants; one manifest may exceed it up to its limit
	MaxServe     int           // bytes of answers queued for the other side or being read for it; one answer always fits
	MaxWants     int           // requests (wants and finds) the other side may have open; more are refused
	MaxInterests int           // contents the other side may follow
	PingEvery    time.Duration // a Ping goes out this often
	IdleTimeout  time.Duration // silence after which PingTimeout is told
	StallAfter   time.Duration // time without progress after which Stalled is told
}

// DefaultConfig suits one peer of many: 16 MiB in each direction, a ping every 15 s, 30 minutes of silence
// (outages of ten minutes are survived in place), a stall after 30 s.
func DefaultConfig() Config {
	return Config{
		MaxInbox:     16 << 20,
		MaxServe:     16 << 20,
		MaxWants:     256,
		MaxInterests: 1024,
		PingEvery:    15 * time.Second,
		IdleTimeout:  30 * time.Minute,
		StallAfter:   30 * time.Second,
	}
}

// filled is c with the zero fields filled.
func (c Config) filled() Config {
	d := DefaultConfig()
	c.MaxInbox = cmp.Or(c.MaxInbox, d.MaxInbox)
	c.MaxServe = cmp.Or(c.MaxServe, d.MaxServe)
	c.MaxWants = cmp.Or(c.MaxWants, d.MaxWants)
	c.MaxInterests = cmp.Or(c.MaxInterests, d.MaxInterests)
	c.PingEvery = cmp.Or(c.PingEvery, d.PingEvery)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, d.IdleTimeout)
	c.StallAfter = cmp.Or(c.StallAfter, d.StallAfter)
	c.Hello.MinVersion = cmp.Or(c.Hello.MinVersion, Version)
	c.Hello.MaxVersion = cmp.Or(c.Hello.MaxVersion, Version)
	c.Hello.MaxWants = uint32(c.MaxWants)
	c.Hello.MaxInterests = uint32(c.MaxInterests)
	return c
}
