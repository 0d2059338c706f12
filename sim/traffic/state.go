// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"time"
)

// Every model prints its state in one line, for whoever looks for what went wrong.

func (s *Sender) String() string {
	state := "open"
	switch {
	case s.over:
		state = "stopped"
	case s.done > 0:
		state = fmt.Sprintf("done at %v", s.done)
	case s.backoff > 0:
		state = fmt.Sprintf("%d timeouts in a row", s.backoff)
	case s.recovering():
		state = "recovering"
	}
	return fmt.Sprintf("%v; %s, %d in flight, round trip %v (%v at least), %d segments acknowledged, %d sent again, %d timeouts",
		s.ctl, state, s.flight, round(s.srtt), round(s.minRTT), s.cum, s.retransmissions, s.timeouts)
}

func (r *reno) String() string { return "reno " + r.windows() }

// windows is the state of every window-based control.
func (r *reno) windows() string {
	if r.cwnd < r.ssthresh {
		return fmt.Sprintf("window %.1f, slow start", r.cwnd)
	}
	return fmt.Sprintf("window %.1f", r.cwnd)
}

func (c *cubic) String() string {
	if !c.running {
		return fmt.Sprintf("cubic %s, maximum %.1f", c.windows(), c.max)
	}
	return fmt.Sprintf("cubic %s, maximum %.1f %.2f s after %v", c.windows(), c.max, c.k, round(c.epoch))
}

func (m bbrMode) String() string {
	return [...]string{bbrStartup: "Startup", bbrDrain: "Drain", bbrProbeBW: "ProbeBW", bbrProbingRTT: "ProbeRTT"}[m]
}

func (b *bbr) String() string {
	return fmt.Sprintf("bbr window %.0f, %v x%.2f, %.2f Mbit/s, %v since %v", b.cwnd, b.mode, b.gain, b.bandwidth.largest()*full*8/1e6,
		round(b.minRTT), round(b.minAt))
}

func (c *copa) String() string {
	mode := "alone"
	if c.round-c.emptied > copaPatience {
		mode = "competing"
	}
	return fmt.Sprintf("copa window %.1f, %s, 1/delta %.1f, velocity %.0f, standing %v", c.cwnd, mode, c.inverse, c.velocity, round(c.standing))
}

func (r *Receiver) String() string {
	return fmt.Sprintf("receiver: %d bytes, segments below %d, %d packets not acknowledged, %d marks", r.delivered, r.cum, r.pending, r.marks)
}

func (t *Transfers) String() string {
	return fmt.Sprintf("%s: %d running in %d slots, %d ended, %d packets sent again", t.cfg.Control, t.running, len(t.slots), len(t.over),
		t.Retransmissions())
}

func (p *Pages) String() string {
	if since, ok := p.Loading(); ok {
		return fmt.Sprintf("%v; %d pages, %d objects to come since %v", p.Transfers, len(p.reader.loads), p.reader.left, round(since))
	}
	return fmt.Sprintf("%v; %d pages, the next at %v", p.Transfers, len(p.reader.loads), round(p.reader.next))
}

func (r *Receivers) String() string {
	return fmt.Sprintf("receivers: %d bytes in %d slots", r.delivered, len(r.slots))
}

func (t *Talker) String() string {
	return fmt.Sprintf("talker: %d packets, the next at %v", t.sent, t.when(t.sent))
}

func (l *Listener) String() string {
	return fmt.Sprintf("listener: %d of %d bytes", l.delivered, int64(l.talker.sent)*int64(l.talker.cfg.Payload))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
