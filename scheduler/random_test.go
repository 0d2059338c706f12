// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler/lease"
)

// chaos is a world in which anything happens to one fetching host, drawn by draw.
type chaos struct {
	*world
	us    *node
	names []string // contents
	sizes map[string]int
	draw  func(n int) int // 0 to n-1
}

var moods = []string{"", "", "", "silent", "lies", "busy", "not-held", "policy", "unknown", "too-many", "dribbles"}

func newChaos(t rapid.TB, draw func(n int) int) *chaos {
	w := newWorld(t)
	us := newNode("us", "here", 1<<20)
	c := Default("us")
	c.Seed = uint64(draw(1000))
	c.MaxInFlight = int64(4+draw(29)) << 20
	us.s = New(w.now, c)
	w.nodes = append(w.nodes, us)
	x := &chaos{world: w, us: us, sizes: make(map[string]int), draw: draw}
	for i := range 1 + draw(3) {
		x.names = append(x.names, fmt.Sprintf("content%d", i))
	}
	for i := range 1 + draw(6) {
		p := newNode(PeerID(fmt.Sprintf("p%d", i)), "there", float64(int64(20<<10)<<draw(9)))
		p.rtt = time.Duration(draw(300)) * time.Millisecond
		p.gone = true
		w.nodes = append(w.nodes, p)
	}
	return x
}

func (x *chaos) someContent() string { return x.names[x.draw(len(x.names))] }

// add starts the flow of a content. Contents share some chunks, and repeat one.
func (x *chaos) add(name string) {
	if x.us.s.byID[idOf(name)] != nil {
		return
	}
	n := x.draw(60)
	chunks := chunksOf(name, n, 1<<20, rand.New(rand.NewPCG(1, uint64(n))))
	common := chunksOf("common", 5, 256<<10, nil)
	for i := 0; i < min(n, 5); i++ {
		chunks[i] = common[i]
		chunks[n-1-i] = common[0]
	}
	x.sizes[name] = n
	if err := x.us.s.AddFlow(x.now, FlowSpec{Content: idOf(name), Chunks: chunks, Priority: x.draw(2)}); err != nil {
		x.t.Fatal(err)
	}
}

// happen does one random thing.
func (x *chaos) happen() {
	s, p, name := x.us.s, x.nodes[1+x.draw(len(x.nodes)-1)], x.someContent()
	id := idOf(name)
	n := x.sizes[name]
	switch x.draw(16) {
	case 0:
		x.add(name)
	case 1, 2:
		x.comes(x.us, p, Class(x.draw(classes)))
	case 3:
		x.leave(p)
	case 4:
		p.mood = moods[x.draw(len(moods))]
	case 5:
		s.Pause(x.now, id, PausedByUser)
	case 6, 7:
		s.Resume(x.now, id)
	case 8:
		s.SetPriority(x.now, id, x.draw(3))
	case 9:
		s.PeerHas(x.now, p.name, id, Holding{All: true})
	case 10, 11:
		h := Holding{Delta: x.draw(3) > 0}
		for range x.draw(4) {
			h.Spans = append(h.Spans, Span{First: uint32(x.draw(n + 1)), Count: uint32(x.draw(20))})
		}
		if h.Delta && x.draw(4) == 0 {
			h.Lost = []Span{{First: uint32(x.draw(n + 1)), Count: uint32(x.draw(9))}}
		}
		s.PeerHas(x.now, p.name, id, h)
	case 12:
		if n > 0 {
			s.Dropped(x.now, id, x.draw(n))
		}
	case 13:
		if x.draw(2) == 0 {
			x.us.room = int64(x.draw(4)) << 20
		}
	case 14:
		x.us.room, x.us.full = -1, false
		s.StoreReady(x.now)
	case 15:
		switch x.draw(5) {
		case 0:
			s.RemoveFlow(x.now, id)
		case 1:
			x.claims(p, id, n)
		case 3:
			s.PeerWants(x.now, p.name, id, x.draw(4) > 0)
			s.PeerStands(x.now, p.name, id, x.draw(5))
		case 2:
			if n > 0 {
				s.Stored(x.now, id, x.draw(n))
			}
		}
	}
	x.drain(x.us)
	for range x.draw(40) {
		x.now = x.now.Add(tick)
		x.step()
	}
}

// claims lets a peer say something about a lease, sensible or not.
func (x *chaos) claims(p *node, id content.ID, n int) {
	who := x.nodes[x.draw(len(x.nodes))].name
	x.us.s.PeerClaims(x.now, p.name, id, lease.Claim{Range: uint32(x.draw(n + 1)), Token: uint64(x.draw(4)), Holder: string(who),
		Life: uint32(x.draw(2)), Weight: x.draw(6), Beat: uint32(x.draw(5)), State: lease.State(x.draw(3)),
		Left: time.Duration(x.draw(20)) * time.Second, Bytes: uint64(x.draw(3)) << 20})
}

// calm lets everything go on, and one honest complete source come and stay.
func (x *chaos) calm() {
	s := x.us.s
	x.us.room = -1
	s.StoreReady(x.now)
	honest := newNode("honest", "there", 512<<10)
	x.nodes = append(x.nodes, honest)
	x.comes(x.us, honest, Class(x.draw(classes)))
	for _, name := range x.names {
		x.add(name)
		s.Resume(x.now, idOf(name))
		s.PeerHas(x.now, "honest", idOf(name), Holding{All: true})
	}
}

func (x *chaos) complete() bool {
	for _, f := range x.us.s.flows {
		if !f.done() {
			return false
		}
	}
	return true
}

func (x *chaos) why() string {
	var b strings.Builder
	for _, name := range x.names {
		for _, wait := range x.us.s.Why(x.now, idOf(name)) {
			fmt.Fprintf(&b, "%s: %s: %s\n", name, wait.Reason, wait.Detail)
		}
	}
	return b.String()
}

// Whatever happens, the invariants hold; and once one honest complete source stays, everything
// completes, whoever else stalls, lies, refuses or dribbles.
func TestEverythingCompletes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "draw") }
		x := newChaos(rt, draw)
		for range 10 + draw(60) {
			x.happen()
		}
		x.calm()
		if !x.until(2*time.Hour, x.complete) {
			rt.Fatalf("not complete after two hours: %s\n%s", x.us.s, x.why())
		}
		if x.us.s.inFlight != 0 || len(x.us.s.open) != 0 {
			rt.Fatalf("complete, but %s", x.us.s)
		}
	})
}

// The same seed and the same events give the same actions.
func TestSameSeedSameTrace(t *testing.T) {
	trace := func(seed uint64) string {
		random := rand.New(rand.NewPCG(seed, 0))
		x := newChaos(t, random.IntN)
		x.listens = true
		for range 60 {
			x.happen()
		}
		x.calm()
		x.until(time.Hour, x.complete)
		return x.lines() + x.us.s.String() + x.why()
	}
	for seed := range uint64(8) {
		one, two := trace(seed), trace(seed)
		if one != two {
			t.Fatalf("seed %d: two traces", seed)
		}
		if seed > 0 && one == trace(seed-1) {
			t.Fatalf("seeds %d and %d: one trace", seed-1, seed)
		}
	}
}
