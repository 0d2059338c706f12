// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler/lease"
)

// Config is what the owner decides. Start from Default.
type Config struct {
	Seed uint64 // of the jitter: the same seed and the same events give the same actions
	Self PeerID // this host

	Weight int // how much of the location's share of WAN fetches it should do, 0 (none, while others can) to lease.MaxWeight
	Seats  int // hosts of the location that fetch one content from beyond it at a time, at least 1
	// How long a host that fetches for the location may bring nothing before others go out, and neighbours that hold
	// something may give nothing before this host goes out itself; for flows in the background and in the foreground.
	Patience, ForegroundPatience time.Duration

	MaxInFlight  int64         // bytes asked for and not yet stored, over all peers; at least content.MaxChunk
	MaxPipeline  int           // open requests per peer, at least 1
	PipelineTime time.Duration // how much longer than its round trip a peer's pipeline reaches

	StallAfter time.Duration // a peer that owes bytes and sends none for so long has stalled
	NearerWait time.Duration // how much later than a farther peer a nearer one may be and still be preferred

	BackOff, MaxBackOff time.Duration // the first and the longest pause after a refusal; it doubles in between
	BanFor, MaxBan      time.Duration // the first and the longest ban; it doubles in between
}

// Default returns the configuration of a wired host of the given name: two hosts of the location fetch from beyond it,
// 60 s without progress in the background and 30 s in the foreground are borne, 32 MiB under way, 16 requests a
// peer, 200 ms beyond the round trip, stalled after 10 s, nearer peers waited for 10 s, refusals
// rested 1 s to 1 min, bans of 10 min to 24 h.
func Default(self PeerID) Config {
	return Config{
		Self:         self,
		Weight:       lease.Wired,
		Seats:        2,
		MaxInFlight:  32 << 20,
		MaxPipeline:  16,
		PipelineTime: 200 * time.Millisecond,
		StallAfter:   10 * time.Second,
		NearerWait:   10 * time.Second,
		BackOff:      time.Second,
		MaxBackOff:   time.Minute,
		BanFor:       10 * time.Minute,
		MaxBan:       24 * time.Hour,

		Patience:           time.Minute,
		ForegroundPatience: 30 * time.Second,
	}
}

// What no owner has had to decide yet.
const (
	lookEvery   = time.Second           // how often slow requests and waiting flows are looked at
	sameDelay   = 20 * time.Millisecond // within a location nobody is told apart by less
	unknownRate = 128 << 10             // bytes per second assumed of a peer before anything is measured
	silence     = 3 * time.Second       // after which another host of the same location is asked, too
	stale       = time.Minute           // after which a rate is worth finding out again
	newPipeline = 2                     // open requests at a peer of unknown rate
	slowFactor  = 2                     // a request is moved when it would take this many times as long as elsewhere ...
	slowMargin  = time.Second           // ... and this much longer
	doubtAfter  = 3                     // setbacks in a row after which a peer is not counted on
	amends      = 64                    // chunks that make up for a lapse, and the most ever asked to be trusted again
	maxStrikes  = 3                     // wrong hashes after which a peer is banned
	forgetAfter = 24 * time.Hour        // strikes and bans are forgotten so long after the last
	copyShare   = 100                   // one chunk in so many may be asked for twice at the end of a content
)

// normal replaces values that could not work by the nearest that can.
func (c Config) normal() Config {
	c.MaxInFlight = max(c.MaxInFlight, content.MaxChunk)
	c.MaxPipeline = max(c.MaxPipeline, 1)
	c.BackOff = max(c.BackOff, time.Millisecond)
	c.MaxBackOff = max(c.MaxBackOff, c.BackOff)
	c.BanFor = max(c.BanFor, time.Second)
	c.MaxBan = max(c.MaxBan, c.BanFor)
	return c
}
