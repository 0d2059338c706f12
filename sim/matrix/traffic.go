// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"time"

	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

// Kind is what other traffic does.
type Kind int

// The kinds of other traffic.
const (
	Bulk  Kind = iota // Flows of TCP without end
	Calls             // Flows calls of 64 kbit/s
	Pages             // Flows people who read the web
	Short             // transfers that begin at random and need Load of the link
)

// Kinds are the names of the kinds, in their order.
func Kinds() []string { return []string{"bulk", "calls", "pages", "short"} }

// Traffic is one kind of other traffic.
type Traffic struct {
	Kind        Kind
	Control     string // of TCP: one of Controls
	Flows       int    // 0: one
	Start, Stop time.Duration
	ECN         bool
	Load        float64 // of Short
	Size        int64   // mean, in bytes, of a transfer or of an object of a page; 0: 100,000 and 20,000
	Back        bool    // its data goes where ours comes from
}

// name is what a reader knows it by.
func (t Traffic) name() string {
	if t.Kind == Bulk {
		return t.Control
	}
	return Kinds()[t.Kind]
}

// Controls are the congestion controls that TCP may have.
func Controls() []string { return []string{"reno", "cubic", "bbr", "copa"} }

// flowsApart is how much later each flow of several begins.
const flowsApart = 100 * time.Millisecond

// think is how long somebody looks at a page.
const think = 2 * time.Second

// A foreign flow is one of other traffic, and how it fares.
type foreign struct {
	*sim.Flow
	call      *traffic.Listener
	transfers func() []traffic.Completion
	running   func() int // transfers, or pages, that have not ended
}

// add puts one kind of traffic on a path.
func (t Traffic) add(w *sim.World, p *sim.Path, rate float64, seed uint64) []*foreign {
	if t.Back {
		p = &sim.Path{Forward: p.Reverse, Reverse: p.Forward}
	}
	var all []*foreign
	first := t.Start
	for i := range max(1, t.Flows) {
		t.Start = first + time.Duration(i)*flowsApart
		all = append(all, t.one(w, p, rate, seed*1000+uint64(i)))
	}
	return all
}

func (t Traffic) one(w *sim.World, p *sim.Path, rate float64, seed uint64) *foreign {
	switch t.Kind {
	case Calls:
		s, r := traffic.NewCall(traffic.CallConfig{Start: t.Start, Stop: t.Stop})
		return &foreign{Flow: w.Add(p, s, r), call: r}
	case Pages:
		s, r := traffic.NewPages(traffic.PageConfig{
			Sizes: traffic.Sizes{Mean: t.Size}, Think: think, Control: t.Control, Start: t.Start, Stop: t.Stop, Seed: seed,
		})
		loading := func() int {
			if _, ok := s.Loading(); ok {
				return 1
			}
			return 0
		}
		return &foreign{Flow: w.Add(p, s, r), transfers: s.Loads, running: loading}
	case Short:
		size := t.Size
		if size == 0 {
			size = 100_000
		}
		s, r := traffic.NewPoisson(traffic.PoissonConfig{
			Load: t.Load, LinkRate: rate, Sizes: traffic.Sizes{Mean: size}, Control: t.Control, Start: t.Start, Stop: t.Stop, Seed: seed,
		})
		return &foreign{Flow: w.Add(p, s, r), transfers: s.Completions, running: s.Running}
	}
	s, r := traffic.NewTCP(traffic.Config{Control: t.Control, Start: t.Start, Stop: t.Stop, ECN: t.ECN, Seed: seed})
	return &foreign{Flow: w.Add(p, s, r)}
}
