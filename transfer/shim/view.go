// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// Heard reports whether anything has ever been heard of the peer.
func (s *Shim) Heard() bool { return s.path.any }

// Dead reports whether the peer has been silent for too long.
func (s *Shim) Dead(now time.Time) bool { return s.clock(now)-s.path.heardAt >= s.cfg.DeadAfter }

// Remote is where the peer is now.
func (s *Shim) Remote() netip.AddrPort { return s.path.remote }

// Window is how many bytes the controller allows in flight.
func (s *Shim) Window() int { return s.ctrl.Window() }

// InFlight is how many bytes are in flight.
func (s *Shim) InFlight() int { return s.send.inFlight }

// Rate is the pace it asks for, in bytes a second; 0: none.
func (s *Shim) Rate() float64 { return s.ctrl.Rate() }

// RoundTrip is the smoothed round trip; 0 before the first sample.
func (s *Shim) RoundTrip() time.Duration { return s.send.rtt.smoothed }

// Dark reports whether only probes are sent.
func (s *Shim) Dark() bool { return s.path.dark }

// Limit is the size in bytes of the largest datagram to be sent now. It starts at 1200.
func (s *Shim) Limit() int { return s.path.limit() }

// Widen sets the size of the largest datagrams, once the path is known to take them. Should they begin to vanish, the limit falls back to
// 1200 until they are seen to pass again.
func (s *Shim) Widen(size int) { s.path.full, s.path.narrow = size, false }

// TooBig says that the system refuses datagrams of the present limit.
func (s *Shim) TooBig(now time.Time) { s.path.narrowDown(s.clock(now)) }

// Stats is a snapshot.
type Stats struct {
	RTT, MinRTT, QueueDelay time.Duration
	InFlight                int
	Datagrams               uint64 // sent
	BytesSent               uint64 // of UDP payload
	BytesReceived           uint64
	Lost, Spurious          uint64
	Retransmitted           uint64 // packets
	Timeouts                uint64
	Heard                   time.Time
}

// Stats returns a snapshot.
func (s *Shim) Stats() Stats {
	return Stats{
		RTT: s.send.rtt.smoothed, MinRTT: s.send.rtt.least, QueueDelay: s.ctrl.QueueDelay(), InFlight: s.send.inFlight,
		Datagrams: s.datas, BytesSent: s.sent, BytesReceived: s.received,
		Lost: s.send.losses, Spurious: s.send.spurious, Retransmitted: s.repeats, Timeouts: s.path.timeouts,
		Heard: s.start.Add(s.path.heardAt),
	}
}

// String is the state in one line.
func (s *Shim) String() string {
	return fmt.Sprintf("shim next %d, in flight %d B, rtt %v, %v, held %d, kept %d, lost %d (%d came late); %v",
		s.send.next(), s.send.inFlight, s.send.rtt.smoothed.Round(time.Microsecond), &s.path,
		len(s.guard.held), len(s.guard.kept), s.send.losses, s.send.spurious, s.ctrl)
}

// Use replaces the controller: the first one steered greetings, before the size of the datagrams was known.
func (s *Shim) Use(c ledbat.Controller) { s.ctrl, s.content = c, false }

// Disown takes what is in flight out of the account: greetings, of which the controller that follows them knows nothing, and which would
// fill its window.
func (s *Shim) Disown() { s.send.disown() }
