// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

var dawn = time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)

// tick is the grain of the world's clock.
const tick = 50 * time.Millisecond

// world is a handful of hosts and the paths between them, as fluids: every host serves its clients
// in turn at its own rate, and what comes from beyond a location shares its link.
type world struct {
	t       rapid.TB
	now     time.Time
	nodes   []*node
	links   map[string]float64 // location -> bytes per second down
	later   []event
	log     []string // what happened, when somebody listens
	listens bool
	relaxed int // check the invariants every so many ticks; 0: always
	ticks   int
}

type event struct {
	at time.Time
	do func()
}

// node is a host. Those with a scheduler fetch, all serve.
type node struct {
	name  PeerID
	site  string
	rate  float64 // bytes per second it serves
	rtt   time.Duration
	mood  string          // "", silent, lies, busy, not-held, policy, dribbles
	holds map[string]bool // "content" for all of it, "content#index" for one
	gone  bool
	s     *Scheduler
	room  int64 // bytes its disk still takes; negative: no end
	queue []*job
	full  bool // its disk refused something

	narrow   float64 // bytes per second it takes from beyond its site, if less than the link; 0: all
	wan, lan int64
}

type job struct {
	client *node
	fetch  Fetch
	start  time.Time
	got    float64
	told   int64
}

func newWorld(t rapid.TB) *world {
	return &world{t: t, now: dawn, links: make(map[string]float64)}
}

func (w *world) node(name PeerID) *node {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

func (w *world) say(format string, args ...any) {
	if w.listens {
		at := w.now.Sub(dawn).Seconds()
		w.log = append(w.log, fmt.Sprintf("%7.2fs  ", at)+fmt.Sprintf(format, args...))
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(tick)
		w.step()
	}
}

// until lets time pass until the condition holds, and reports whether it came to hold.
func (w *world) until(limit time.Duration, holds func() bool) bool {
	for end := w.now.Add(limit); w.now.Before(end); {
		if holds() {
			return true
		}
		w.now = w.now.Add(tick)
		w.step()
	}
	return holds()
}

func (w *world) step() {
	for len(w.later) > 0 && !w.later[0].at.After(w.now) {
		do := w.later[0].do
		w.later = w.later[1:]
		do()
	}
	w.ticks++
	w.move()
	for _, n := range w.nodes {
		if n.s != nil && !n.gone {
			w.drain(n)
		}
	}
}

func (w *world) after(d time.Duration, do func()) {
	at := w.now.Add(d)
	i, _ := slices.BinarySearchFunc(w.later, at, func(e event, t time.Time) int {
		if e.at.After(t) {
			return 1
		}
		return -1
	})
	w.later = slices.Insert(w.later, i, event{at, do})
}

// move carries bytes for one tick: of each pair of hosts, the oldest job.
func (w *world) move() {
	type lane struct {
		server *node
		job    *job
	}
	var lanes []lane
	perServer, perSite := make(map[*node]int), make(map[string]int)
	for _, server := range w.nodes {
		if server.gone || server.mood == "silent" {
			continue
		}
		seen := make(map[*node]bool)
		for _, j := range server.queue {
			if seen[j.client] || j.start.After(w.now) {
				continue
			}
			seen[j.client] = true
			lanes = append(lanes, lane{server, j})
			perServer[server]++
			if server.site != j.client.site {
				perSite[j.client.site]++
			}
		}
	}
	for _, l := range lanes {
		rate := l.server.rate / float64(perServer[l.server])
		if link := w.links[l.job.client.site]; link > 0 && l.server.site != l.job.client.site {
			rate = min(rate, link/float64(perSite[l.job.client.site]))
		}
		if n := l.job.client.narrow; n > 0 && l.server.site != l.job.client.site {
			rate = min(rate, n)
		}
		if l.server.mood == "dribbles" {
			rate = 200
		}
		w.carry(l.server, l.job, rate*tick.Seconds())
	}
}

func (w *world) carry(server *node, j *job, bytes float64) {
	client := j.client
	j.got += bytes
	got := min(int64(j.got), int64(j.fetch.Chunk.Size))
	if server.site == client.site {
		client.lan += got - j.told
	} else {
		client.wan += got - j.told
	}
	j.told = got
	if got < int64(j.fetch.Chunk.Size) {
		client.s.Progress(w.now, j.fetch.Request, got)
		return
	}
	server.queue = slices.DeleteFunc(server.queue, func(o *job) bool { return o == j })
	right := server.mood != "lies"
	name := w.name(j.fetch)
	if !right {
		w.say("%s sent %s with a wrong hash", server.name, name)
	} else {
		w.say("%s sent %s", server.name, name)
	}
	if client.s.Received(w.now, j.fetch.Request, right) {
		w.store(client, j.fetch)
	}
}

// store writes a chunk, if there is room, and tells the neighbours.
func (w *world) store(n *node, f Fetch) {
	size := int64(f.Chunk.Size)
	if n.room >= 0 && n.room < size {
		w.say("no room for %s", w.name(f))
		n.full = true
		n.s.StoreFailed(w.now, f.Content, f.Index, DiskFull)
		return
	}
	if n.room >= 0 {
		n.room -= size
	}
	n.s.Stored(w.now, f.Content, f.Index)
	n.holds[w.name(f)] = true
	for _, other := range w.nodes {
		if other.s != nil && other != n && other.s.peers[n.name] != nil {
			w.after(tick, func() {
				other.s.PeerHas(w.now, n.name, f.Content,
					Holding{Delta: true, Spans: []Span{{First: uint32(f.Index), Count: 1}}})
			})
		}
	}
}

// drain does what a scheduler wants done.
func (w *world) drain(n *node) {
	for {
		a, ok := n.s.Take(w.now)
		if !ok {
			break
		}
		w.do(n, a)
	}
	if w.relaxed == 0 || w.ticks%w.relaxed == 0 {
		check(w.t, n.s, w.now)
	}
}

func (w *world) do(n *node, a Action) {
	switch a := a.(type) {
	case Fetch:
		again := ""
		if a.Copy {
			again = " too"
		}
		w.say("ask %s for %s%s", a.Peer, w.name(a), again)
		f, p := n.s.byID[a.Content], n.s.peers[a.Peer]
		if !a.Copy && f.nearer(min(p.class, Near), int(f.rank[a.Index]/64))&(1<<(f.rank[a.Index]%64)) != 0 {
			w.t.Fatalf("%s asked %s for %s, which a nearer peer of the location holds", n.name, a.Peer, w.name(a))
		}
		w.request(n, w.node(a.Peer), a)
	case Cancel:
		w.say("cancel request %d at %s", a.Request, a.Peer)
		if server := w.node(a.Peer); server != nil {
			server.queue = slices.DeleteFunc(server.queue, func(j *job) bool {
				return j.client == n && j.fetch.Request == a.Request
			})
		}
	case Ban:
		w.say("ban %s for %s", a.Peer, a.Until.Sub(w.now))
	case Done:
		w.say("%s is complete", nameOf(a.Content))
	case Say:
		w.tell(n, a.Peer, func(to *node) { to.s.PeerClaims(w.now, n.name, a.Content, a.Claim) })
	case Stand:
		w.tell(n, a.Peer, func(to *node) { to.s.PeerStands(w.now, n.name, a.Content, a.Weight) })
	}
}

// tell carries a word from one host to another.
func (w *world) tell(from *node, peer PeerID, do func(to *node)) {
	w.after(tick, func() {
		if to := w.node(peer); to != nil && to.s != nil && !to.gone && !from.gone && to.s.peers[from.name] != nil {
			do(to)
		}
	})
}

func (w *world) request(client, server *node, f Fetch) {
	if server == nil || server.gone {
		w.t.Fatalf("%s asked %s, who is not there", client.name, f.Peer)
	}
	refusal := map[string]Refusal{"busy": RefusedBusy, "not-held": RefusedNotHeld, "policy": RefusedPolicy,
		"unknown": RefusedUnknown, "too-many": RefusedTooMany}[server.mood]
	if refusal == 0 && server.s != nil && !server.holds[w.name(f)] {
		refusal = RefusedNotHeld
	}
	if refusal != 0 {
		w.after(server.rtt, func() {
			w.say("%s refuses %s", server.name, w.name(f))
			client.s.Refused(w.now, f.Request, refusal)
		})
		return
	}
	server.queue = append(server.queue, &job{client: client, fetch: f, start: w.now.Add(server.rtt)})
}

// leave takes a host away, and comes tells it to another.
func (w *world) leave(n *node) {
	n.gone, n.queue = true, nil
	for _, other := range w.nodes {
		if other.s != nil {
			other.s.PeerLost(w.now, n.name)
		}
		other.queue = slices.DeleteFunc(other.queue, func(j *job) bool { return j.client == n })
	}
}

func (w *world) comes(to, n *node, class Class) {
	n.gone = false
	to.s.PeerJoined(w.now, n.name, class)
	to.s.PeerMeasured(w.now, n.name, 0, n.rtt)
}

// Contents of the tests are named; their ids and chunks follow from the name.

var contentNames = make(map[content.ID]string)

func idOf(name string) content.ID {
	id := content.Sum([]byte(name))
	contentNames[id] = name
	return id
}

func nameOf(id content.ID) string { return contentNames[id] }

func (w *world) name(f Fetch) string { return fmt.Sprintf("%s#%d", nameOf(f.Content), f.Index) }

// chunksOf makes n chunks of one size, or of sizes between a quarter and all of it.
func chunksOf(name string, n int, size uint32, random *rand.Rand) []content.Chunk {
	chunks := make([]content.Chunk, n)
	for i := range chunks {
		chunks[i] = content.Chunk{ID: content.Sum(fmt.Appendf(nil, "%s#%d", name, i)), Size: size}
		if random != nil {
			chunks[i].Size = size/4 + random.Uint32N(size*3/4)
		}
	}
	return chunks
}

func newNode(name PeerID, site string, rate float64) *node {
	return &node{name: name, site: site, rate: rate, rtt: tick, room: -1, holds: make(map[string]bool)}
}

func (w *world) lines() string {
	text := strings.Join(w.log, "\n")
	w.log = nil
	return text
}
