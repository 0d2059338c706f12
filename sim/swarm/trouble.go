// SPDX-License-Identifier: Apache-2.0

package swarm

import "time"

// silentAfter is how long nothing is heard of a host before it is taken for silent.
const silentAfter = 5 * time.Second

// trouble plans what befalls the first location.
func (w *world) trouble() {
	if w.c.KillEvery > 0 {
		w.agenda.plan(w.start+ticks(w.c.KillEvery), w.killFetcher)
	}
	if w.c.PartitionFor > 0 {
		at := w.start + ticks(w.c.PartitionAt)
		w.agenda.plan(at, func() { w.cut(func() { w.divided = true }) })
		w.agenda.plan(at+ticks(w.c.PartitionFor), func() { w.heal(func() { w.divided = false }) })
	}
	if w.c.HubAwayFor > 0 {
		at := w.start + ticks(w.c.HubAwayAt)
		w.agenda.plan(at, func() { w.cut(func() { w.hubAway = true }) })
		w.agenda.plan(at+ticks(w.c.HubAwayFor), func() { w.heal(func() { w.hubAway = false }) })
	}
}

// killFetcher kills the host of the first location that has most on its way from beyond it.
func (w *world) killFetcher() {
	w.agenda.plan(w.now+ticks(w.c.KillEvery), w.killFetcher)
	var victim *host
	most := 0
	for _, h := range w.locations[0].hosts {
		n := 0
		for _, s := range w.hub.streams {
			if s.to == h {
				n += len(s.jobs)
			}
		}
		if h.up && n > most {
			victim, most = h, n
		}
	}
	if victim != nil {
		w.kill(victim)
	}
}

// kill ends a host without a word. Its peers notice that it is silent, and it comes back.
func (w *world) kill(h *host) {
	h.up = false
	h.life++
	for _, other := range append([]*host{w.hub}, w.hosts...) {
		if !h.links[other] {
			continue
		}
		w.drop(h, other)
		w.later(other, silentAfter, func() {
			if !h.up || !h.links[other] {
				other.core.PeerSilent(h.id.Peer, true)
			}
		})
	}
	h.links = map[*host]bool{}
	w.agenda.plan(w.now+ticks(w.c.DownFor), func() { w.boot(h) })
}

// cut divides the network.
func (w *world) cut(change func()) {
	change()
	w.eachLink(func(a, b *host) {
		if !w.apart(a, b) {
			return
		}
		w.stop(a, b, true)
		w.later(a, silentAfter, func() {
			if w.apart(a, b) {
				a.core.PeerSilent(b.id.Peer, true)
			}
		})
	})
}

// heal joins it again: what waited arrives, and what stood still goes on.
func (w *world) heal(change func()) {
	was := make(map[[2]*host]bool)
	w.eachLink(func(a, b *host) { was[[2]*host{a, b}] = w.apart(a, b) })
	change()
	w.eachLink(func(a, b *host) {
		if was[[2]*host{a, b}] && !w.apart(a, b) {
			w.stop(a, b, false)
			a.core.PeerSilent(b.id.Peer, false)
			w.touch(a)
		}
	})
	waiting := w.waiting
	w.waiting = nil
	for _, l := range waiting {
		if w.apart(l.from, l.to) {
			w.waiting = append(w.waiting, l)
			continue
		}
		w.deliver(l)
	}
}

// eachLink visits every connection, from both ends.
func (w *world) eachLink(visit func(a, b *host)) {
	all := append([]*host{w.hub}, w.hosts...)
	for _, a := range all {
		for _, b := range all {
			if a.up && a.links[b] {
				visit(a, b)
			}
		}
	}
}

func (w *world) stop(a, b *host, cut bool) {
	if s := a.streams[b]; s != nil {
		w.move(s)
		s.cut = cut
		w.flow(s)
		w.foresee(s)
	}
}
