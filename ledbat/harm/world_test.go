// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
)

const ms = time.Millisecond

// world is one bottleneck with other traffic that does not listen (open loop), and perhaps a flow of ours with its plan.
// As the other traffic of one seed is the same with and without us, what we add is known: the mean over the same instants,
// which nobody in the world knows of, of the queue with us less the queue without. Instants in a silence, or while our flow comes back
// from it, do not count: what is to be measured is what we add while we send.
type world struct {
	scene scene
	link  *link.Link[packet]
	now   time.Time

	cross  cross
	sample *rand.Rand
	loss   *rand.Rand
	peekAt time.Time

	own   *own // nil: the world without us
	acks  []packet
	acked int

	seen []glance
}

// glance is a look at the queue.
type glance struct {
	queue   time.Duration
	sending bool
}

// scene is what a world is made of.
type scene struct {
	seed    uint64
	rate    float64       // bit/s
	base    time.Duration // one way
	buffer  time.Duration
	bursts  float64 // rate of the on/off traffic while on, share of the link
	steady  float64 // Poisson traffic, share of the link
	lasts   time.Duration
	from    time.Duration // nothing counts before
	offset  time.Duration // of the receiver's clock
	drift   float64
	step    time.Duration // of the receiver's clock, halfway
	flow    func() ledbat.Controller
	trickle float64 // if above 0 our flow is one of that rate instead, share of the link
	size    int     // of its datagrams
	share   float64 // of silences
	lossy   bool    // the path loses every second probe
}

type packet struct {
	kind byte // 'o'wn, 'c'ross, 'p'robe
	size int
	sent time.Time
	back time.Time // when the acknowledgement is here
	took time.Duration
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// put and got are the only places that know the link's calls.
func (w *world) put(p packet) {
	p.sent = w.now
	w.link.Send(w.now, link.Datagram[packet]{Size: p.size, Payload: p})
}

func (w *world) got() (packet, bool) {
	d, ok := w.link.Take(w.now)
	return d.Payload, ok
}

func newWorld(s scene, withUs bool) *world {
	w := &world{scene: s, now: epoch, sample: rand.New(rand.NewPCG(s.seed, 2)),
		loss: rand.New(rand.NewPCG(s.seed, 3)), peekAt: epoch.Add(s.from)}
	w.link = link.New[packet](epoch, link.Config{Rate: s.rate, Delay: s.base, BufferTime: s.buffer})
	w.cross = newCross(s)
	if withUs {
		w.own = newOwn(s)
	}
	return w
}

// run lets the time of the scene pass.
func (w *world) run() {
	for end := epoch.Add(w.scene.lasts); w.now.Before(end); {
		next := w.peekAt
		sooner := func(t time.Time) {
			if !t.IsZero() && t.Before(next) {
				next = t
			}
		}
		sooner(w.cross.next)
		if w.own != nil {
			sooner(w.link.Deadline())
			if w.acked < len(w.acks) {
				sooner(w.acks[w.acked].back)
			}
			sooner(w.own.plan.Deadline())
			sooner(w.own.again)
		}
		if next.After(w.now) {
			w.now = next
		}
		w.turn()
	}
}

func (w *world) turn() {
	if !w.now.Before(w.peekAt) {
		w.seen = append(w.seen, glance{w.link.QueueDelay(w.now), w.own != nil && !w.now.Before(w.own.back)})
		w.peekAt = w.now.Add(time.Duration(w.sample.ExpFloat64() * float64(20*ms)))
	}
	for !w.now.Before(w.cross.next) {
		w.put(packet{kind: 'c', size: w.cross.size()})
	}
	for {
		p, ok := w.got()
		if !ok {
			break
		}
		if p.kind != 'c' {
			w.arrived(p)
		}
	}
	if w.own == nil {
		return
	}
	for w.acked < len(w.acks) && !w.now.Before(w.acks[w.acked].back) {
		w.own.heard(w.now, w.acks[w.acked])
		w.acked++
	}
	if w.acked > 1000 {
		w.acks = w.acks[:copy(w.acks, w.acks[w.acked:])]
		w.acked = 0
	}
	w.own.turn(w)
}

// arrived stamps a packet with the receiver's clock.
func (w *world) arrived(p packet) {
	if p.kind == 'p' && w.scene.lossy && w.loss.IntN(2) == 0 {
		return
	}
	age := w.now.Sub(epoch)
	clock := w.scene.offset + time.Duration(w.scene.drift*float64(age))
	if age > w.scene.lasts/2 {
		clock += w.scene.step
	}
	p.took = (w.now.Sub(p.sent) + clock) / time.Microsecond * time.Microsecond
	if p.took %= stampWrap; p.took >= stampWrap/2 {
		p.took -= stampWrap
	}
	p.back = w.now.Add(w.scene.base)
	w.acks = append(w.acks, p)
}

// cross is traffic that comes and goes as it likes: bursts of 1 s on average with as much silence between them, and Poisson
// arrivals of all sizes.
type cross struct {
	rand           *rand.Rand
	burst, steady  time.Duration // mean between packets; 0: none
	next           time.Time     // the sooner of the two
	burstAt, poiAt time.Time
	onUntil        time.Time
}

const (
	fullSize = 1500
	never    = 1000 * time.Hour
)

func newCross(s scene) cross {
	c := cross{rand: rand.New(rand.NewPCG(s.seed, 1)), burstAt: epoch, poiAt: epoch, next: epoch, onUntil: epoch}
	each := func(share float64, size int) time.Duration {
		if share == 0 {
			return 0
		}
		return time.Duration(float64(size*8) / (share * s.rate) * 1e9)
	}
	c.burst, c.steady = each(s.bursts, fullSize), each(s.steady, fullSize/2)
	if c.burst == 0 {
		c.burstAt = epoch.Add(never)
	}
	if c.steady == 0 {
		c.poiAt = epoch.Add(never)
	}
	c.choose()
	return c
}

// size is that of the packet due now, and the next one is chosen.
func (c *cross) size() (size int) {
	if c.poiAt.Before(c.burstAt) {
		size = c.rand.IntN(fullSize) + 1
		c.poiAt = c.poiAt.Add(time.Duration(c.rand.ExpFloat64() * float64(c.steady)))
	} else {
		size = fullSize
		if c.burstAt = c.burstAt.Add(c.burst); c.burstAt.After(c.onUntil) {
			c.burstAt = c.onUntil.Add(time.Duration(c.rand.ExpFloat64() * float64(time.Second)))
			c.onUntil = c.burstAt.Add(time.Duration(c.rand.ExpFloat64() * float64(time.Second)))
		}
	}
	c.choose()
	return size
}

func (c *cross) choose() {
	c.next = c.poiAt
	if c.burstAt.Before(c.next) {
		c.next = c.burstAt
	}
}

// own is our flow with its plan and its series.
type own struct {
	scene  scene
	ctrl   ledbat.Controller
	pacer  ledbat.Pacer
	flight int
	again  time.Time // when the pacer or the end of a silence allows more
	rtt    time.Duration
	least  time.Duration
	sent   int

	plan   *Plan
	tally  Tally
	series Series
	tick   time.Time
	silent time.Time // until then
	back   time.Time // until then it comes back
	paused bool
}

func newOwn(s scene) *own {
	o := &own{scene: s, plan: New(Config{Seed: s.seed, Share: s.share}), tick: epoch}
	if s.trickle == 0 {
		o.ctrl = s.flow()
	}
	return o
}

func (o *own) heard(now time.Time, p packet) {
	rtt := now.Sub(p.sent)
	o.rtt += (rtt - o.rtt) / 8
	if o.least == 0 || rtt < o.least {
		o.least, o.rtt = rtt, max(o.rtt, rtt)
	}
	if p.kind == 'p' {
		o.tally.Deliver(Sample{Sent: p.sent, Delay: p.took, RTT: rtt})
		return
	}
	o.flight -= p.size
	if o.ctrl != nil {
		o.ctrl.Acked(now, ledbat.Ack{Bytes: p.size, OneWayDelay: p.took, RTT: rtt, InFlight: o.flight})
		o.pacer.SetRate(o.ctrl.Rate())
	}
}

func (o *own) turn(w *world) {
	if !w.now.Before(o.tick) {
		path := Path{RTT: o.rtt, MinRTT: o.least, Queue: max(0, o.rtt-o.least)}
		o.plan.Sending(w.now, path)
		o.tick = o.tick.Add(250 * ms)
	}
	if d := o.plan.Deadline(); !d.IsZero() && !w.now.Before(d) {
		o.plan.Advance(w.now)
	}
	for {
		order, ok := o.plan.Take(w.now)
		if !ok {
			break
		}
		switch order.Do {
		case Begin:
			o.tally.Begin(order.Trial)
		case Silence:
			o.silent = order.Trial.Silence.To
			o.back = o.silent.Add(order.Trial.Off.From.Sub(order.Trial.Silence.From))
			o.paused = true
			if c, ok := o.ctrl.(ledbat.Pauser); ok {
				c.Paused(w.now)
			}
		case Probe:
			w.put(packet{kind: 'p', size: 80})
		case End:
			if p, v := o.tally.Pair(); v == Good {
				o.series.Add(p)
			} else {
				o.series.Void()
			}
		}
	}
	o.send(w)
	if o.tick.Before(o.again) || o.again.IsZero() {
		o.again = o.tick
	}
}

// send sends what window and pacer allow.
func (o *own) send(w *world) {
	o.again = time.Time{}
	if w.now.Before(o.silent) {
		o.again = o.silent
		return
	}
	if c, ok := o.ctrl.(ledbat.Pauser); ok && o.paused {
		c.Resumed(w.now)
	}
	o.paused = false
	if o.ctrl == nil {
		o.pacer.SetRate(o.scene.trickle * o.scene.rate / 8)
	}
	for o.ctrl == nil || o.flight == 0 || o.flight+o.scene.size <= o.ctrl.Window() {
		if !o.pacer.CanSend(w.now, o.scene.size) {
			o.again = o.pacer.Next()
			return
		}
		o.pacer.Sent(w.now, o.scene.size)
		o.flight += o.scene.size
		o.sent += o.scene.size
		if o.ctrl != nil {
			o.ctrl.Sent(w.now, o.scene.size)
		}
		w.put(packet{kind: 'o', size: o.scene.size})
	}
}

// outcome is what became of one seed.
type outcome struct {
	truth  time.Duration
	report Report
	sent   int // bytes of ours
	silent time.Duration
}

func (s scene) play() outcome {
	with, without := newWorld(s, true), newWorld(s, false)
	with.run()
	without.run()
	var truth time.Duration
	n := 0
	for i, g := range with.seen {
		if g.sending {
			truth += g.queue - without.seen[i].queue
			n++
		}
	}
	truth /= time.Duration(n)
	return outcome{truth: truth, report: with.own.series.Report(), sent: with.own.sent, silent: with.own.plan.Silent()}
}

func (o outcome) covered() bool { return o.report.Low <= o.truth && o.truth <= o.report.High }

func (o outcome) String() string {
	return fmt.Sprintf("truth %v, %v", o.truth.Round(time.Microsecond), o.report)
}

// summary is over many seeds.
type summary struct {
	runs, covered, zero, harm, none int
	truth, added, width             time.Duration // means
	spread                          float64       // of the error, ms
}

func (s *summary) add(o outcome) {
	s.runs++
	if o.covered() {
		s.covered++
	}
	if o.report.Low <= 0 && o.report.High >= 0 {
		s.zero++
	}
	switch o.report.Finding {
	case Harm:
		s.harm++
	case NoneFound:
		s.none++
	}
	s.truth += o.truth
	s.added += o.report.Added
	s.width += o.report.High - o.report.Low
	s.spread += math.Pow((o.report.Added-o.truth).Seconds()*1e3, 2)
}

func (s *summary) String() string {
	n, us := time.Duration(s.runs), time.Microsecond
	return fmt.Sprintf("%d runs: %d cover the truth, %d contain 0, %d harm, %d none found; truth %v, added %v, width %v, error %.2f ms rms",
		s.runs, s.covered, s.zero, s.harm, s.none, (s.truth / n).Round(us), (s.added / n).Round(us), (s.width / n).Round(us),
		math.Sqrt(s.spread/float64(s.runs)))
}
