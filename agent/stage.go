// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler"
)

// MaxAhead bounds how far ahead a deadline may lie.
const MaxAhead = 366 * 24 * time.Hour

// plan is what a flow was asked to observe besides the content: to be here by a time, and to come in certain hours only.
type plan struct {
	order  uint64    // the version of the order that it is for; 0: of none
	repair bool      // nobody asked for it: the location has too few copies
	stage  bool      // it is for later: what has come stays until by
	by     time.Time // zero: whenever
	window window.Window
	hours  window.Window // that hold, as of the last reconcile: the window, or what a policy says
	closed bool          // they are
	change time.Time     // when they open or close next; zero: never
	rate   float64       // bytes per second while it was fetched, smoothed; 0: not known yet
	rated  time.Time     // when it was last looked at
}

// awaited says that somebody on this host waits for it.
func (p *plan) awaited() bool { return p.order == 0 && !p.repair && !p.stage }

// rateEvery is how often at most the rate of a flow with a deadline is looked at; eight looks make the mean.
const rateEvery = time.Second

// measured takes a rate in bytes a second into the mean. One of 0 says that nothing is fetched, not how fast.
func (p *plan) measured(now time.Time, rate float64) {
	p.rated = now
	if p.rate == 0 {
		p.rate = rate
	}
	if rate > 0 {
		p.rate += (rate - p.rate) / 8
	}
}

// planned takes over what was asked for; a window that cannot be read, which the edge refuses, is none.
func planned(g api.Get) plan {
	w, _ := window.Parse(g.Window)
	return plan{stage: g.Stage, by: g.By, window: w}
}

// local is the time on the wall clock of the host.
func (c *Core) local(now time.Time) time.Time {
	if c.cfg.Zone == nil {
		return now.UTC()
	}
	return now.In(c.cfg.Zone)
}

// heldBack is why a flow may not be fetched now; None: it may.
func (c *Core) heldBack(now time.Time, f *flow) scheduler.Reason {
	f.closed, f.change = false, time.Time{}
	f.hours, _ = c.hours(now, f)
	if !f.hours.IsZero() {
		f.closed, f.change = !f.hours.Open(c.local(now)), f.hours.Next(c.local(now))
	}
	switch {
	case f.state == api.StatePaused:
		return scheduler.PausedByUser
	case c.verdict(now, f).Paused != nil:
		return scheduler.PausedByPolicy
	case f.closed:
		return scheduler.OutsideWindow
	}
	return scheduler.None
}

// keepHours opens and closes windows, and measures what deadlines are judged by.
func (c *Core) keepHours(now time.Time) {
	for _, f := range c.openFlows() {
		if !f.known {
			continue
		}
		if !f.by.IsZero() && now.Sub(f.rated) >= rateEvery {
			f.measured(now, c.sched.Rate(now, f.content))
		}
		if !f.hours.IsZero() && f.closed == f.hours.Open(c.local(now)) { // or the clock was set
			c.reconcile(now, f.content)
		}
	}
}

func (c *Core) nextHours() (first time.Time) {
	for _, f := range c.openFlows() {
		if f.known && !f.change.IsZero() && (first.IsZero() || f.change.Before(first)) {
			first = f.change
		}
	}
	return first
}

// risk says why a flow will not be here in time, as things are; empty: nothing speaks against it. The window is not broken
// for that.
func (c *Core) risk(now time.Time, f *flow) string {
	h := c.holdings[f.content]
	if f.by.IsZero() || !f.known || h == nil || f.ended() || h.complete() {
		return ""
	}
	if !now.Before(f.by) {
		return fmt.Sprintf("it was to be here by %s", f.by.UTC().Format(time.RFC3339))
	}
	open := f.hours.OpenUntil(c.local(now), f.by)
	switch {
	case open == 0:
		return fmt.Sprintf("its window %s does not open before %s", f.hours, f.by.UTC().Format(time.RFC3339))
	case f.rate == 0:
		return ""
	}
	takes := time.Duration(min(float64(h.size-h.onDisk)/f.rate, MaxAhead.Seconds()) * float64(time.Second))
	if takes <= open {
		return ""
	}
	return fmt.Sprintf("at %.1f Mbit/s the rest takes %s, and there are %s left", f.rate*8/1e6, takes.Round(time.Second), open.Round(time.Second))
}

// staged reports whether a content was fetched for a time that is still to come.
func (c *Core) staged(now time.Time, id content.ID) bool {
	for _, f := range c.flows {
		if f.stage && f.known && f.content == id && f.state == api.StateDone && now.Before(f.by) {
			return true
		}
	}
	return false
}

// unstage lets go of what was fetched ahead.
func (c *Core) unstage(f *flow) {
	f.stage = false
	c.saveFlow(f)
	c.keeper.Changed()
}
