// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"fmt"
	"net/netip"
	"time"
)

// path is where the peer is and whether it can be reached.
type path struct {
	remote  netip.AddrPort
	highest uint64 // sequence number of the newest datagram heard
	any     bool   // highest means something
	heardAt time.Duration
	spoke   time.Duration // when anything was last sent

	dark     bool          // a whole timeout went unanswered: only probes leave
	wait     time.Duration // between probes while dark
	probeAt  time.Duration // when the next is due while dark; 0: at once
	probed   time.Duration // when the last one left
	asked    bool          // a probe is wanted now
	timeouts uint64

	full      int  // size of the largest datagrams sent; 0: not known yet
	narrow    bool // datagrams above floorSize vanish
	bigLost   int  // datagrams above floorSize lost since one landed
	smallPass bool // a small one landed since a big one did
	widenAt   time.Duration
	widen     bool // a probe of full size is wanted
}

const (
	// floorSize is the UDP payload that every path is expected to take: RFC 9000, section 14: "QUIC MUST NOT be used if the network
	// path cannot support a maximum datagram size of at least 1200 bytes."
	floorSize  = 1200
	blackHole  = 12               // so many large datagrams lost in a row, while others arrive, are no accident
	widenEvery = 30 * time.Second // tries whether the path has become wide again
)

// heard records a datagram of the peer's, and follows it to a new address. Only the newest datagram moves the
// path, so that a delayed one cannot move it back (WireGuard's rule; RFC 9000, section 9.3: "only changes the address to which
// it sends packets in response to the highest-numbered non-probing packet").
func (p *path) heard(now time.Duration, seq uint64, from netip.AddrPort) {
	p.heardAt = now
	if p.dark && p.probed+firstProbeAfter < p.probeAt {
		p.probeAt = p.probed + firstProbeAfter // the peer is back: is the way there open too?
	}
	if p.any && seq <= p.highest {
		return
	}
	p.highest, p.any = seq, true
	if from == p.remote || !from.IsValid() {
		return
	}
	p.remote = from
	p.bigLost, p.asked = 0, true
}

// darken notes a timeout.
func (p *path) darken(now time.Duration) {
	p.timeouts++
	if p.smallPass && p.bigLost >= blackHole/2 { // a few may have met a full buffer: at its floor a controller has no others under way
		p.narrowDown(now)
	}
	if p.dark {
		return
	}
	p.dark, p.wait, p.probeAt = true, firstProbeAfter, now
}

// light notes that something was acknowledged, and reports whether that ends the dark.
func (p *path) light() bool {
	was := p.dark
	p.dark = false
	return was
}

// probeDue reports whether a probe is to leave now, and reckons with it.
func (p *path) probeDue(now time.Duration) bool {
	switch {
	case p.dark && now >= p.probeAt:
		p.probeAt = now + p.wait
		p.wait = min(2*p.wait, probeEvery)
	case p.asked:
	case !p.dark && now-p.spoke >= keepaliveEvery:
	case p.narrow && !p.dark && now >= p.widenAt:
		p.widenAt = now + widenEvery
		p.widen = true
	default:
		return false
	}
	p.probed = now
	p.asked = false
	return true
}

func (p *path) deadline() time.Duration {
	switch {
	case p.dark:
		return p.probeAt
	case p.narrow:
		return min(p.widenAt, p.spoke+keepaliveEvery)
	}
	return p.spoke + keepaliveEvery
}

// landed notes that a datagram of that size arrived over there.
func (p *path) landed(size int) {
	if size > floorSize {
		p.bigLost, p.smallPass = 0, false
		if size >= p.full {
			p.narrow = false
		}
		return
	}
	p.smallPass = true
}

// lost notes that a datagram of that size did not, although later ones did.
func (p *path) lost(now time.Duration, size int) {
	if size <= floorSize {
		return
	}
	if p.bigLost++; p.bigLost >= blackHole && p.smallPass {
		p.narrowDown(now)
	}
}

func (p *path) narrowDown(now time.Duration) {
	if p.narrow {
		return
	}
	p.narrow, p.widenAt = true, now+widenEvery
}

// limit is the largest datagram to be sent now.
func (p *path) limit() int {
	if p.narrow || p.full == 0 {
		return floorSize
	}
	return p.full
}

func (p *path) String() string {
	state := "lit"
	if p.dark {
		state = "dark"
	}
	return fmt.Sprintf("path %s to %v, up to %d B", state, p.remote, p.limit())
}
