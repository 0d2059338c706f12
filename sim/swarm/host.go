// SPDX-License-Identifier: Apache-2.0

package swarm

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer"
)

// host is a core with its disk and its links.
type host struct {
	id           fleet.Identity
	addr         string
	location     *location
	side         int // of a divided LAN
	down, uplink *pipe
	skew         time.Duration // of its clock

	core    *agent.Core
	up      bool
	life    int // counts restarts; what was on its way to an earlier life is lost
	holds   []bool
	held    int
	records map[string][]byte
	links   map[*host]bool
	streams map[*host]*stream // to others
	serving map[servingKey]*job
	dirty   bool
	wake    tick
	done    bool
	took    tick

	wanIn, lanIn, sent int64 // bytes of chunks
}

type servingKey struct {
	to      *host
	request uint32
}

// serveItem is what is served.
type serveItem struct {
	request uint32
	kind    transfer.Kind
	id      content.ID
	size    int64
}

func (w *world) add(l *location, role fleet.Role, number int) *host {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", w.c.Seed, l.name, number))
	h := &host{id: fleet.Identity{Fleet: "00000000000000ff", Role: role, Location: l.name, Peer: fleet.PeerName(sum[:])}, location: l,
		side: number % 2, down: &pipe{capacity: w.c.LAN / 8}, uplink: &pipe{capacity: w.c.LAN / 8}, holds: make([]bool, len(w.manifest.Chunks)),
		records: map[string][]byte{}}
	h.skew = time.Duration(int(sum[0])%13-6) * time.Hour
	n := len(w.byName)
	h.addr = fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255)
	w.byName[h.id.Peer] = h
	if role != fleet.RoleHub {
		w.hosts = append(w.hosts, h)
		l.hosts = append(l.hosts, h)
	}
	return h
}

// boot starts a host, or starts it again with what its disk remembers.
func (w *world) boot(h *host) {
	h.life++
	h.up, h.wake = true, 0
	h.links, h.streams, h.serving = map[*host]bool{}, map[*host]*stream{}, map[servingKey]*job{}
	h.core = agent.New(w.at(h), agent.Config{Self: h.id, Publishers: []ed25519.PublicKey{w.publisher.Public().(ed25519.PublicKey)},
		Seed: w.c.Seed<<20 + uint64(h.life), Held: func(id content.ID) bool { i, ok := w.index[id]; return ok && h.holds[i] }})
	h.core.HubKnown(w.at(h), fleet.Member{Peer: w.hub.id.Peer, Role: fleet.RoleHub, Location: w.hub.id.Location, Lan: w.hub.addr, Wan: w.hub.addr})
	if problems := h.core.Restore(w.at(h), h.records); len(problems) > 0 {
		panic(problems[0]) // what it wrote itself
	}
	w.touch(h)
}

// obey carries out what a core wants.
func (w *world) obey(h *host) {
	if !h.up {
		return
	}
	now := w.at(h)
	if at := h.core.Deadline(); !at.IsZero() && !at.After(now) {
		h.core.Advance(now)
	}
	for a, ok := h.core.Take(now); ok; a, ok = h.core.Take(now) {
		w.carryOut(h, a)
	}
	at := h.core.Deadline()
	if at.IsZero() {
		return
	}
	due := max(ticks(at.Add(-h.skew).Sub(epoch)), w.now+1)
	if h.wake > w.now && h.wake <= due {
		return
	}
	h.wake = due
	life := h.life
	w.agenda.plan(due, func() {
		if h.life == life && h.wake == due {
			w.touch(h)
		}
	})
}

func (w *world) carryOut(h *host, a agent.Action) {
	switch a := a.(type) {
	case agent.Record:
		if a.Value == nil {
			delete(h.records, a.Key)
		} else {
			h.records[a.Key] = a.Value
		}
	case agent.Sync:
		w.sync(h, a)
	case agent.Resolve:
		w.later(h, 2*w.c.WANDelay, func() { w.resolve(h, a) })
	case agent.Dial:
		w.dial(h, w.byName[a.Peer])
	case agent.Hangup:
		w.hangup(h, w.byName[a.Peer])
	case agent.Store:
		w.later(h, 5*time.Millisecond, func() { w.stored(h, a.ID) })
	case agent.Export:
		w.later(h, 10*time.Millisecond, func() { h.core.Exported(w.at(h), a.Flow, "", "") })
	case agent.Serve:
		w.serve(h, a)
	case agent.Cancel:
		w.cancel(h, a)
	default:
		w.speak(h, a)
	}
}

// speak carries out what is a message to a peer.
func (w *world) speak(h *host, a agent.Action) {
	name := h.id.Peer
	switch a := a.(type) {
	case agent.Follow:
		to := w.byName[a.Peer]
		w.send(h, to, 34, func() { to.core.Interested(w.at(to), name, a.Content, a.On) })
	case agent.Announce:
		to := w.byName[a.Peer]
		size := len(a.Have.Append(nil))
		w.send(h, to, size, func() { to.core.PeerHas(w.at(to), name, a.Have) })
	case agent.Stand:
		to := w.byName[a.Peer]
		wire := a.Stand.Append(nil)
		w.send(h, to, len(wire), func() { to.core.PeerStands(w.at(to), name, parsed(wire).(transfer.Stand)) })
	case agent.Claim:
		to := w.byName[a.Peer]
		wire := a.Claim.Append(nil)
		w.send(h, to, len(wire), func() { to.core.PeerClaims(w.at(to), name, parsed(wire).(transfer.Claim)) })
	case agent.Fetch:
		to := w.byName[a.Peer]
		s := agent.Serve{Peer: name, Request: uint32(a.Fetch), Kind: a.Kind, ID: a.ID, Size: a.Size}
		w.send(h, to, 42, func() {
			to.serving[servingKey{h, s.Request}] = &job{fetch: a.Fetch, item: serveItem{s.Request, s.Kind, s.ID, int64(s.Size)}}
			to.core.Requested(w.at(to), s, a.Priority)
		})
	case agent.Decline:
		to := w.byName[a.Peer]
		if j := h.serving[servingKey{to, a.Request}]; j != nil {
			delete(h.serving, servingKey{to, a.Request})
			w.send(h, to, 3, func() { to.core.Refused(w.at(to), name, j.fetch, a.Reason) })
		}
	}
}

func parsed(wire []byte) transfer.Message {
	m, err := transfer.Parse(wire)
	if err != nil {
		panic(fmt.Sprintf("swarm: a host said what no host may say: %v", err))
	}
	return m
}

// later lets something happen at a host, unless it has died by then.
func (w *world) later(h *host, d time.Duration, do func()) {
	life := h.life
	w.agenda.plan(w.now+ticks(d), func() {
		if h.up && h.life == life {
			do()
			w.touch(h)
		}
	})
}

func (w *world) stored(h *host, id content.ID) {
	i := w.index[id]
	if h.holds[i] {
		return
	}
	h.holds[i] = true
	h.held++
	h.core.Stored(w.at(h), id)
	if h.held == len(h.holds) && !h.done {
		h.done, h.took = true, w.now-w.start
		w.finished++
	}
}

// sync is an exchange of news with the hub.
func (w *world) sync(h *host, a agent.Sync) {
	w.later(h, 2*w.c.WANDelay, func() {
		if w.hubAway {
			h.core.SyncFailed(w.at(h), hubUnreachable, "the hub does not answer")
			return
		}
		r := a.Request
		r.Lan = h.addr
		reply := w.directory.Answer(w.time(), h.id, r, w.directory.Announced(w.time(), h.id, r))
		for i := range reply.Peers {
			reply.Peers[i].Wan = reply.Peers[i].Lan
		}
		w.control.WAN += int64(memberBytes*len(reply.Peers) + 8*frame)
		h.core.Synced(w.at(h), reply)
	})
}

// memberBytes is about what a member takes in the hub's reply.
const memberBytes = 180

func (w *world) resolve(h *host, a agent.Resolve) {
	if w.hubAway {
		h.core.Unresolved(w.at(h), a.Ref, hubUnreachable, "the hub does not answer")
		return
	}
	w.control.WAN += int64(len(w.signed))
	h.core.Resolved(w.at(h), a.Ref, w.signed)
}

// dial connects two hosts, unless one does not answer.
func (w *world) dial(h, to *host) {
	d := 6 * w.delay(h, to).duration() // the handshake takes three round trips
	if !to.up || w.apart(h, to) {
		d = 10 * time.Second
	}
	w.later(h, d, func() {
		switch {
		case to.up && !w.apart(h, to):
			w.connect(h, to)
		case h.links[to]:
			h.core.PeerNotReached(w.at(h), to.id.Peer)
		default:
			h.core.PeerDown(w.at(h), to.id.Peer)
		}
	})
}

func (w *world) connect(a, b *host) {
	if a.links[b] && b.links[a] {
		a.core.PeerNotReached(w.at(a), b.id.Peer) // the other dial was faster
		return
	}
	w.drop(a, b)
	a.links[b], b.links[a] = true, true
	for _, pair := range [][2]*host{{a, b}, {b, a}} {
		pair[0].core.PeerUp(w.at(pair[0]), pair[1].id)
		rtt := 2 * w.delay(a, b).duration()
		pair[0].core.Measured(w.at(pair[0]), pair[1].id.Peer, 0, rtt)
		w.touch(pair[0])
	}
}

func (w *world) hangup(a, b *host) {
	w.drop(a, b)
	for _, pair := range [][2]*host{{a, b}, {b, a}} {
		if h := pair[0]; h.up && h.links[pair[1]] {
			delete(h.links, pair[1])
			h.core.PeerDown(w.at(h), pair[1].id.Peer)
			w.touch(h)
		}
	}
}
