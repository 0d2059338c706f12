// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// Sizes on the wire, in bytes, with the headers of IPv4 and TCP with time stamps.
const (
	Payload = 1448 // of a full segment
	headers = 52
	full    = Payload + headers // a full packet; an acknowledgement is only headers
)

// Config is one bulk flow of TCP.
type Config struct {
	Control   string        // "reno", "cubic", "bbr" or "copa"
	Start     time.Duration // when it begins
	Stop      time.Duration // when it falls silent; 0: never
	Bytes     int64         // to be transferred; 0: no end
	ECN       bool          // ECT(0), and a mark counts as a loss (RFC 3168)
	Handshake bool          // one round trip before the first byte
	Seed      uint64        // of what the control leaves to chance
}

// NewTCP returns the two ends of a flow, for World.Add. It panics if there is no such control.
func NewTCP(c Config) (*Sender, *Receiver) {
	s := newSender(c)
	if c.Bytes > 0 {
		s.begin(c.Bytes)
	} else {
		s.endless()
	}
	return s, &Receiver{}
}

func newSender(c Config) *Sender {
	s := &Sender{cfg: c, ctl: newControl(c), records: make([]record, 64), again: queue{items: make([]uint64, 64)}}
	s.restart()
	s.start = c.Start
	return s
}

// endless gives the sender data without end.
func (s *Sender) endless() {
	s.first, s.unit = s.seq, 0
	if s.opening {
		s.first++
	}
	s.end = numberMask
}

// begin gives the sender a transfer. What it had is done with.
func (s *Sender) begin(bytes int64) {
	segments := uint64((bytes + Payload - 1) / Payload)
	s.first, s.unit, s.done = s.seq, segments, 0
	s.tail = int32(bytes - int64(segments-1)*Payload)
	if s.opening {
		s.first++ // the opening packet has a sequence of its own
	}
	s.end = s.first + segments
}

// control is a congestion control. Windows are in packets, rates in packets a second.
type control interface {
	restart(seed uint64)
	// acked is called for every acknowledgement that acknowledges something.
	acked(s *Sender, a *ack)
	// congested is called at the first loss or mark of a round.
	congested(s *Sender, now time.Duration)
	timedOut(s *Sender, now time.Duration)
	// idled is called when the flow sends again after it had nothing in flight for some time.
	idled(s *Sender, now, quiet time.Duration)
	window() float64
	// rate is 0 if packets are not paced.
	rate() float64
	// prr says whether the Proportional Rate Reduction applies.
	prr() bool
}

func newControl(c Config) control {
	switch c.Control {
	case "reno":
		return &reno{}
	case "cubic":
		return &cubic{}
	case "bbr":
		return &bbr{}
	case "copa":
		return &copa{}
	}
	panic(fmt.Sprintf("traffic: no congestion control %q: have reno, cubic, bbr and copa", c.Control))
}

var (
	_ sim.Viewer  = (*Sender)(nil)
	_ sim.Machine = (*Sender)(nil)
	_ sim.Counter = (*Receiver)(nil)
	_ sim.Machine = (*Receiver)(nil)
)
