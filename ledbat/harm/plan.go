// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	defaultShare  = 0.015 // of the time; below 2 % with what it takes to be back at full rate
	defaultWarmup = 5 * time.Second
	probes        = 10 // in each window

	minWindow  = 250 * time.Millisecond
	maxWindow  = time.Second
	minSettle  = 50 * time.Millisecond
	maxSettle  = 1500 * time.Millisecond
	minBlock   = 10 * time.Second // so that pairs are independent
	idleAfter  = 4 * time.Second  // longer than any silence, in which flows are idle because of us
	grace      = 300 * time.Millisecond
	tooLate    = 20 * time.Millisecond
	orders     = 4 // trials in which each order comes up equally often
	planStream = 0x6861726d
)

// Config of a Plan.
type Config struct {
	Seed   uint64        // two plans over one path must not have the same
	Share  float64       // of the time in which our flows send, spent in silences; 0: 0.015
	Warmup time.Duration // how long flows send before the first block begins; 0: 5 s
}

// Path is what is known of a path when a trial begins.
type Path struct {
	RTT    time.Duration // smoothed, with what is queued now
	MinRTT time.Duration
	Queue  time.Duration // on the way there, as the controller sees it
}

// Do says what an Order is about.
type Do uint8

// The orders of a trial, each once but for Probe.
const (
	Begin   Do = iota // a trial begins: start its tallies
	Silence           // send no data until the end of Trial.Silence
	Probe             // send one probe over each path of the trial now
	End               // no more samples are expected: ask the tallies for their pairs
	Abandon           // forget the trial, and end its silence at once if there is one
)

func (d Do) String() string { return [...]string{"begin", "silence", "probe", "end", "abandon"}[d] }

// Order is what is to be done now.
type Order struct {
	Do    Do
	Trial Trial
}

type step struct {
	at time.Time
	do Do
}

// Plan decides when our flows over one path are silent and when probes are sent. It is a plain value of one owner: no
// locks, no clock.
//
// The calling protocol: Sending at least once a second while flows send, Stopped when none does or the path is dark,
// Advance when Deadline has come; after each of them Take until it says no.
type Plan struct {
	cfg  Config
	rand *rand.Rand
	path Path

	sent   time.Time // when flows were last known to send; zero: they do not
	block  Window    // the one under way, and the trial in it begins at at
	at     time.Time
	trials int
	first  [orders]bool // whether on comes first, for the trials of this round

	trial   Trial // under way if steps are left
	steps   [2*probes + 3]step
	next    int
	left    int
	pending bool // an Abandon is to be taken
	silent  time.Duration
}

// New is a plan that waits for flows.
func New(c Config) *Plan {
	if c.Share == 0 {
		c.Share = defaultShare
	}
	if c.Warmup == 0 {
		c.Warmup = defaultWarmup
	}
	p := &Plan{cfg: c, rand: rand.New(rand.NewPCG(c.Seed, planStream))}
	for i := range p.first {
		p.first[i] = i%2 == 0
	}
	return p
}

// Sending reports that flows send data, and what the path is like.
func (p *Plan) Sending(now time.Time, path Path) {
	p.path = path
	if p.sent.IsZero() {
		p.newBlock(now.Add(p.cfg.Warmup))
	}
	p.sent = now
}

// Stopped reports that no flow sends, or that nothing arrives.
func (p *Plan) Stopped(time.Time) {
	p.abandon()
	p.sent = time.Time{}
}

func (p *Plan) abandon() {
	p.pending = p.pending || p.left > 0
	p.left = 0
}

// settle is how long a trial that begins now gives our queue to drain: five times what it would take if nobody else sent, as
// the round trip contains the queue, and so long enough if others use four fifths of the bottleneck meanwhile.
func (p *Plan) settle() time.Duration {
	return min(max(p.path.RTT+4*p.path.Queue, minSettle), maxSettle)
}

// window is how long its windows are.
func (p *Plan) window() time.Duration { return min(max(4*p.path.MinRTT, minWindow), maxWindow) }

// newBlock begins a block, of a length that keeps to the share, and chooses where in it the trial is.
func (p *Plan) newBlock(now time.Time) {
	silence := p.settle() + p.window()
	length := max(minBlock, time.Duration(float64(silence)/p.cfg.Share))
	p.block = Window{now, now.Add(length)}
	p.at = now.Add(time.Duration(p.rand.Int64N(int64(max(length-2*silence, 1)))))
}

// Advance lets time pass.
func (p *Plan) Advance(now time.Time) {
	if p.sent.IsZero() {
		return
	}
	if now.Sub(p.sent) > idleAfter {
		p.Stopped(now)
		return
	}
	if p.left > 0 {
		return
	}
	if !p.at.IsZero() && !now.Before(p.at) {
		p.at = time.Time{}
		p.begin(now)
	}
	if !now.Before(p.block.To) && p.left == 0 {
		p.newBlock(now)
	}
}

// begin draws up a trial.
func (p *Plan) begin(now time.Time) {
	if p.trials%orders == 0 {
		p.rand.Shuffle(orders, func(i, j int) { p.first[i], p.first[j] = p.first[j], p.first[i] })
	}
	onFirst := p.first[p.trials%orders]
	p.trials++
	settle, window := p.settle(), p.window()
	t := Trial{Number: p.trials, Probes: probes}
	silence := now
	if onFirst {
		t.On = Window{now, now.Add(window)}
		silence = t.On.To
	}
	t.Off = Window{silence.Add(settle), silence.Add(settle + window)}
	t.Silence = Window{silence, t.Off.To}
	if !onFirst {
		t.On = Window{t.Off.To.Add(settle), t.Off.To.Add(settle + window)}
	}
	p.trial, p.next, p.left = t, 0, 0
	p.add(now, Begin)
	p.add(t.Silence.From, Silence)
	p.sample(t.On)
	p.sample(t.Off)
	last := t.On.To
	if t.Off.To.After(last) {
		last = t.Off.To
	}
	p.add(last.Add(p.path.RTT+grace), End)
	slices.SortStableFunc(p.steps[:p.left], func(a, b step) int { return a.at.Compare(b.at) })
}

func (p *Plan) add(at time.Time, do Do) {
	p.steps[p.left] = step{at, do}
	p.left++
}

// sample plans the probes of a window: one in each of equal parts, anywhere in it.
func (p *Plan) sample(w Window) {
	part := w.To.Sub(w.From) / probes
	for i := range probes {
		p.add(w.From.Add(time.Duration(i)*part+time.Duration(p.rand.Int64N(int64(part)))), Probe)
	}
}

// Deadline is when Advance, and then Take, wants to be called; zero: never.
func (p *Plan) Deadline() time.Time {
	switch {
	case p.sent.IsZero():
		return time.Time{}
	case p.left > 0:
		return p.steps[p.next].at
	case !p.at.IsZero():
		return p.at
	}
	return p.block.To
}

// Take returns the next thing that is to be done by now.
func (p *Plan) Take(now time.Time) (Order, bool) {
	if p.pending {
		p.pending = false
		return Order{Abandon, p.trial}, true
	}
	if p.left == 0 || now.Before(p.steps[p.next].at) {
		return Order{}, false
	}
	s := p.steps[p.next]
	// A silence that would come late, or that nothing was sent next to, tells nothing.
	if s.do == Silence && now.Sub(s.at) > tooLate || s.do == End && p.sent.Before(p.trial.On.From) {
		p.left = 0
		return Order{Abandon, p.trial}, true
	}
	p.next++
	p.left--
	if s.do == Silence {
		p.silent += p.trial.Silence.To.Sub(p.trial.Silence.From)
	}
	return Order{s.do, p.trial}, true
}

// Trials is how many trials were begun, and Silent how much time was ordered to be silent.
func (p *Plan) Trials() int { return p.trials }

// Silent is how much time was ordered to be silent in all.
func (p *Plan) Silent() time.Duration { return p.silent }

// String is the state in one line.
func (p *Plan) String() string {
	switch {
	case p.sent.IsZero():
		return fmt.Sprintf("plan waits for flows after %d trials, silent for %v in all", p.trials, p.silent)
	case p.left > 0:
		return fmt.Sprintf("plan in %v, %d steps left, silent for %v in all", p.trial, p.left, p.silent)
	}
	return fmt.Sprintf("plan between trials after %d, silent for %v in all", p.trials, p.silent)
}
