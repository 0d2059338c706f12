// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"cmp"
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/group"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
)

const (
	mss     = 1440
	headers = 28 // bytes of IPv4 and UDP
)

// A Setup is one world: a link each way, we, and the others.
type Setup struct {
	Forward, Reverse link.Config
	Weather          Weather
	Ours             Ours
	Also             []Ours    // more of ours, with controllers of their own
	Others           []Traffic // the primary
	Background       []Traffic // is there in any case, and not measured
}

// Weather changes rate and delay of the forward link at random, each time evenly distributed; the zero Weather does not.
type Weather struct {
	Every     time.Duration
	Low, High float64       // bit/s
	Delay     time.Duration // one way: as much more or less as this
}

// Ours is what we do. The zero Ours is one flow that begins at once.
type Ours struct {
	Controller string          // "": the one that the scenario is run for
	Target     time.Duration   // 0: the default
	Starts     []time.Duration // of each flow; nil: one that begins at 0
	After      time.Duration   // all of them begin so much later beside the primary
	Stop       time.Duration   // 0: never
	Grouped    bool            // one controller for all
	NotECT     bool
	Clock      sim.Clock   // the receivers'
	Pauses     []sim.Pause // of the senders
	Site       Site
}

// evenly is n flows that begin one after the other.
func evenly(n int, every time.Duration) []time.Duration {
	starts := make([]time.Duration, n)
	for i := range starts {
		starts[i] = time.Duration(i) * every
	}
	return starts
}

// who is in a world.
type who struct {
	we, others bool
}

// A world is one that has run.
type world struct {
	Setup
	path   *sim.Path
	ours   []*sim.Bulk
	others []*foreign
	length time.Duration
	late   time.Duration // by how much the others begin later than the Setup says
	early  link.Stats    // of the forward link after 5 s
}

// Check says whether there are controllers as these flows want them: the error is that of ledbat.New.
func (o Ours) Check() error {
	_, err := ledbat.New(o.Controller, o.config())
	return err
}

// config is as it ships, with datagrams of 1440 bytes.
func (o Ours) config() ledbat.Config {
	c := ledbat.Default()
	c.MSS = mss
	if o.Target != 0 {
		c.Target = o.Target
	}
	return c
}

func (o Ours) controller() ledbat.Controller {
	c, err := ledbat.New(o.Controller, o.config())
	if err != nil {
		panic(err) // Jobs has checked it, or who called Play
	}
	return c
}

// play runs a world.
func (s Setup) play(controller string, present who, seed uint64, length time.Duration) *world {
	s.Forward.Seed, s.Reverse.Seed = 2*seed, 2*seed+1
	s.Forward.Schedule = s.schedule(seed, length)
	w := sim.NewWorld()
	p := w.Path(s.Forward, s.Reverse)
	out := &world{Setup: s, path: p, length: length}
	r := stream(seed, forStarts)
	us := within(&r, 100*time.Millisecond)
	out.late = within(&r, 500*time.Millisecond).Truncate(sim.SampleEvery)
	w.At(startUp, func(time.Time) { out.early = p.Forward[0].Stats() })
	for _, t := range s.Background {
		t.add(w, p, s.Reverse.Rate, seed)
	}
	if present.others {
		for i, t := range s.Others {
			t.Start += out.late
			out.others = append(out.others, t.add(w, p, s.Forward.Rate, seed*100+uint64(i))...)
		}
	}
	if !present.we {
		w.Run(length)
		return out
	}
	if present.others {
		us += s.Ours.After
	}
	s.Ours.Controller = cmp.Or(s.Ours.Controller, controller)
	if s.Ours.Site.Hosts > 0 {
		out.ours = s.Ours.addSite(w, p, us)
	} else {
		out.ours = s.Ours.add(w, p, us)
	}
	w.Run(length)
	return out
}

// add puts our flows on a path.
func (o Ours) add(w *sim.World, p *sim.Path, after time.Duration) []*sim.Bulk {
	starts := o.Starts
	if starts == nil {
		starts = []time.Duration{0}
	}
	var g *group.Group
	if o.Grouped {
		g = group.New(o.controller(), mss)
	}
	var flows []*sim.Bulk
	for i, at := range starts {
		c := sim.FlowConfig{MSS: mss, Headers: headers, Start: at + after, Stop: o.Stop, Clock: o.Clock, Pauses: o.Pauses, NotECT: o.NotECT}
		c.Clock.Offset += time.Duration(i) * 17 * time.Minute // no two hosts' clocks agree
		if g != nil {
			c.Group = g
		} else {
			c.Controller = o.controller()
		}
		flows = append(flows, w.Flow(p, c))
	}
	return flows
}

// schedule is that of the forward link, and the weather's if there is any.
func (s Setup) schedule(seed uint64, length time.Duration) link.Schedule {
	c := s.Weather
	if c.Every == 0 {
		return s.Forward.Schedule
	}
	r := stream(seed, forWeather)
	var out link.Schedule
	for at := c.Every; at < length; at += c.Every {
		rate := c.Low + float64((c.High-c.Low)*uniform(&r))
		delay := s.Forward.Delay + within(&r, 2*c.Delay) - c.Delay
		out.Steps = append(out.Steps, link.Step{At: at, Rate: rate, Delay: max(0, delay)})
	}
	return out
}

// capacity is how many bytes of payload of ours the forward link can carry between two moments.
func (w *world) capacity(from, to time.Duration) float64 {
	bits, rate, at := 0.0, w.Forward.Rate, time.Duration(0)
	add := func(until time.Duration) {
		if a, b := max(at, from), min(until, to); b > a {
			bits += float64(rate * (b - a).Seconds())
		}
		at = until
	}
	s := w.Forward.Schedule
	for base := time.Duration(0); len(s.Steps) > 0; base += s.Period {
		for _, step := range s.Steps {
			add(base + step.At)
			rate = step.Rate
		}
		if s.Period == 0 || base+s.Period >= to {
			break
		}
	}
	add(max(at, to))
	if p := w.Forward.Policer.Rate; p > 0 {
		bits = min(bits, float64(p*(to-from).Seconds()))
	}
	if t := w.Forward.Trace; t != nil {
		bits = t.Rate() * (to - from).Seconds()
	}
	return bits / 8 * mss / (mss + headers)
}

// What the random streams of a seed are for, here.
const (
	forStarts = 101 + iota
	forWeather
)

// stream is the random stream of a seed for one purpose. splitmix64 spreads the seed, so that neighbours have nothing in common.
func stream(seed, purpose uint64) rand.PCG {
	spread := func(z uint64) uint64 {
		z += 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	var p rand.PCG
	p.Seed(spread(seed), spread(seed^purpose*0xd1342543de82ef95))
	return p
}

// uniform is evenly distributed in [0, 1).
func uniform(p *rand.PCG) float64 { return float64(p.Uint64()>>11) / (1 << 53) }

func within(p *rand.PCG, d time.Duration) time.Duration {
	return time.Duration(float64(d) * uniform(p))
}
