// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// PoissonConfig is many short transfers that begin independently of each other, each a connection of its own.
type PoissonConfig struct {
	Load     float64 // share of LinkRate that they need, headers included
	LinkRate float64 // bit/s
	Sizes    Sizes
	Control  string        // as in Config
	Start    time.Duration // nothing begins before
	Stop     time.Duration // nothing begins from then on; 0: never
	Seed     uint64
}

// Arrivals say when short transfers begin.
type Arrivals interface {
	// Next is when the next one begins and how many bytes it has; sim.Never: there are no more, and it is not asked again.
	Next() (at time.Duration, bytes int64)
}

// Poisson is the Arrivals of a PoissonConfig.
type Poisson struct {
	cfg             PoissonConfig
	arrivals, sizes rand.PCG
	distance        time.Duration // mean, between beginnings
	last            time.Duration
}

// Arrivals are when these transfers begin.
func (c PoissonConfig) Arrivals() *Poisson {
	wire := c.Sizes.mean() * full / Payload
	return &Poisson{
		cfg: c, arrivals: stream(c.Seed, forArrivals), sizes: stream(c.Seed, forSizes),
		distance: time.Duration(wire * 8 / (c.Load * c.LinkRate) * 1e9), last: c.Start,
	}
}

// Next implements Arrivals.
func (p *Poisson) Next() (at time.Duration, bytes int64) {
	p.last += exponential(&p.arrivals, p.distance)
	if p.cfg.Stop > 0 && p.last >= p.cfg.Stop {
		return sim.Never, 0
	}
	return p.last, p.cfg.Sizes.draw(&p.sizes)
}

// NewPoisson returns the two ends of all of them.
func NewPoisson(c PoissonConfig) (*Transfers, *Receivers) {
	return NewShort(c.Arrivals(), c.Control, c.Seed)
}

// NewShort returns the two ends of transfers that begin when they are said to, each a connection of its own with the control of a Config.
func NewShort(a Arrivals, control string, seed uint64) (*Transfers, *Receivers) {
	p := &short{arrivals: a}
	p.next, p.bytes = a.Next()
	return newTransfers(Config{Control: control, Handshake: true, Seed: seed}, p)
}

type short struct {
	arrivals Arrivals
	next     time.Duration
	bytes    int64
}

func (p *short) due() time.Duration { return p.next }

func (p *short) act(_ time.Duration, t *Transfers) {
	slot := t.slot()
	t.connect(slot)
	t.begin(p.next, slot, p.bytes)
	p.next, p.bytes = p.arrivals.Next()
}

func (p *short) ended(_ time.Duration, slot int32, t *Transfers) { t.free = append(t.free, slot) }

// RequestConfig is a request every so often over one connection that stays open. One that finds the last unanswered waits.
type RequestConfig struct {
	Bytes   int64 // of an answer
	Every   time.Duration
	Control string        // as in Config
	Start   time.Duration // of the first request
	Stop    time.Duration // no request from then on; 0: never
}

// NewRequests returns the two ends. The Completions count from when a request was due.
func NewRequests(c RequestConfig) (*Transfers, *Receivers) {
	return newTransfers(Config{Control: c.Control}, &requests{cfg: c, next: c.Start})
}

type requests struct {
	cfg  RequestConfig
	next time.Duration
	busy bool
}

func (r *requests) due() time.Duration {
	if r.busy || r.cfg.Stop > 0 && r.next >= r.cfg.Stop {
		return sim.Never
	}
	return r.next
}

func (r *requests) act(_ time.Duration, t *Transfers) {
	if len(t.slots) == 0 {
		t.connect(t.slot())
	}
	r.busy = true
	t.begin(r.next, 0, r.cfg.Bytes)
	r.next += r.cfg.Every
}

func (r *requests) ended(now time.Duration, _ int32, t *Transfers) {
	r.busy = false
	if r.due() <= now {
		r.act(now, t)
	}
}

// OnOffConfig is a bulk transfer for some time, then silence, and so on. Each time is a new connection.
type OnOffConfig struct {
	On, Off     time.Duration
	Control     string // as in Config
	Start, Stop time.Duration
	Seed        uint64
}

// NewOnOff returns the two ends.
func NewOnOff(c OnOffConfig) (*Transfers, *Receivers) {
	return newTransfers(Config{Control: c.Control, Handshake: true, Seed: c.Seed}, &onOff{cfg: c, next: c.Start, slot: -1})
}

type onOff struct {
	cfg  OnOffConfig
	next time.Duration
	slot int32 // of the transfer; -1: silence
}

func (o *onOff) due() time.Duration {
	if o.slot < 0 && o.cfg.Stop > 0 && o.next >= o.cfg.Stop {
		return sim.Never
	}
	return o.next
}

func (o *onOff) act(now time.Duration, t *Transfers) {
	if slot := o.slot; slot >= 0 {
		o.slot = -1
		o.next += o.cfg.Off
		t.end(slot)
		t.settle(now, slot)
		return
	}
	o.slot = t.slot()
	t.connect(o.slot)
	t.begin(now, o.slot, 0)
	o.next += o.cfg.On
	if o.cfg.Stop > 0 {
		o.next = min(o.next, o.cfg.Stop)
	}
}

func (o *onOff) ended(_ time.Duration, slot int32, t *Transfers) { t.free = append(t.free, slot) }
