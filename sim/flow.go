// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// FlowConfig is one flow.
type FlowConfig struct {
	Controller ledbat.Controller
	MSS        int           // the size of every datagram
	Start      time.Duration // when it begins to have data
	Stop       time.Duration // when it ends; 0: never
	Source     Source
	Clock      Clock
	// ReportEvery is after how many datagrams the receiver reports at the latest; 0: 16, as the shim does.
	ReportEvery int
}

// A Source says when the application has data. The zero Source always has some.
type Source struct {
	On, Off time.Duration // data for On, none for Off, and so on; Off 0: always on
	Rate    float64       // bytes a second that it makes while on; 0: as much as is asked for
}

// A Clock is the receiver's, as the sender sees it.
type Clock struct {
	Offset time.Duration
	Skew   float64 // parts per million
	Steps  []ClockStep
}

// A ClockStep sets the clock by that much.
type ClockStep struct {
	At, By time.Duration
}

// stamp is what the clock shows, in microseconds, when the world has run for d.
func (c Clock) stamp(d time.Duration) uint32 {
	t := d + c.Offset + time.Duration(c.Skew*float64(d/time.Microsecond)/1000)
	for _, s := range c.Steps {
		if d >= s.At {
			t += s.By
		}
	}
	return uint32(t / time.Microsecond)
}

// A Sample is what is known of a flow at one moment.
type Sample struct {
	Window    int           // bytes
	Delivered int64         // bytes that have arrived
	Believed  time.Duration // the queue delay that the controller believes in
}

// A Flow is a sender and a receiver.
type Flow struct {
	Trace    []Sample // one every SampleEvery
	Lost     int      // datagrams the sender gave up
	Timeouts int      // how often nothing was heard for a CTO

	world    *World
	path     *Path
	cfg      FlowConfig
	ctl      ledbat.Controller
	pacer    ledbat.Pacer
	sender   sender
	receiver receiver
	deadline time.Time // earliest of the deadlines below; zero: never
}

// Flow adds a flow to a path.
func (w *World) Flow(p *Path, c FlowConfig) *Flow {
	if c.ReportEvery == 0 {
		c.ReportEvery = reportDatagrams
	}
	f := &Flow{world: w, path: p, cfg: c, ctl: c.Controller, deadline: w.start.Add(c.Start)}
	w.flows = append(w.flows, f)
	return f
}

// String is the controller's state.
func (f *Flow) String() string { return f.ctl.String() }

// advance does what is due.
func (f *Flow) advance() {
	now := f.world.now
	if d := f.ctl.Deadline(); !d.IsZero() && !d.After(now) {
		f.ctl.Advance(now)
	}
	if d := f.receiver.reportBy; !d.IsZero() && !d.After(now) {
		f.report()
	}
	if f.sender.flight > 0 && !f.sender.heard.Add(f.ctl.CTO()).After(now) {
		f.timedOut()
	}
	f.pump()
}

// pump sends what may be sent, and finds the next deadline.
func (f *Flow) pump() {
	now := f.world.now
	f.deadline = time.Time{}
	f.by(f.receiver.reportBy)
	f.by(f.ctl.Deadline())
	f.pacer.SetRate(f.ctl.Rate())
	size := f.cfg.MSS
	for f.sender.flight == 0 || f.sender.flight+size <= f.ctl.Window() {
		if at := f.dataAt(now); at.After(now) || at.IsZero() {
			f.by(at)
			break
		}
		if !f.pacer.CanSend(now, size) {
			f.by(f.pacer.Next())
			break
		}
		f.send(size)
	}
	if f.sender.flight > 0 {
		f.by(f.sender.heard.Add(f.ctl.CTO()))
	}
}

func (f *Flow) by(t time.Time) {
	if !t.IsZero() && (f.deadline.IsZero() || t.Before(f.deadline)) {
		f.deadline = t
	}
}

// dataAt is when the application has a datagram's worth of data: now or later; zero: never.
func (f *Flow) dataAt(now time.Time) time.Time {
	d := now.Sub(f.world.start)
	if d < f.cfg.Start {
		return f.world.start.Add(f.cfg.Start)
	}
	if f.cfg.Stop > 0 && d >= f.cfg.Stop {
		return time.Time{}
	}
	s := f.cfg.Source
	if s.Off > 0 {
		if phase := (d - f.cfg.Start) % (s.On + s.Off); phase >= s.On {
			return now.Add(s.On + s.Off - phase)
		}
	}
	if s.Rate > 0 {
		// What is not taken at once is not made: the application waits for its last datagram to leave.
		return later(now, f.sender.last.Add(time.Duration(float64(f.cfg.MSS)/s.Rate*float64(time.Second))))
	}
	return now
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
