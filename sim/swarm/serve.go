// SPDX-License-Identifier: Apache-2.0

package swarm

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

const hubUnreachable = scheduler.HubUnreachable

// reportEvery is how often a conversation tells how far its fetches are.
const reportEvery = 250 * time.Millisecond

// serve begins to send what a core lets through.
func (w *world) serve(h *host, a agent.Serve) {
	to := w.byName[a.Peer]
	key := servingKey{to, a.Request}
	j := h.serving[key]
	if j == nil || !h.links[to] {
		return
	}
	if a.Kind == transfer.KindManifest {
		delete(h.serving, key)
		h.core.Released(a.Peer, a.Request)
		w.send(h, to, len(w.signed), func() { to.core.ManifestArrived(w.at(to), j.fetch, w.signed) })
		return
	}
	s := h.streams[to]
	if s == nil {
		s = &stream{from: h, to: to, pipes: []*pipe{h.uplink, to.down}, wan: h.location != to.location, moved: w.now}
		if s.wan {
			s.pipes = append(s.pipes, h.location.up, to.location.down)
		}
		s.cut = w.apart(h, to)
		h.streams[to] = s
	}
	w.move(s)
	j.stream = s
	s.jobs = append(s.jobs, j)
	w.flow(s)
	w.foresee(s)
	w.report(s)
}

// flow puts a stream into its pipes when it has something to send and may, and takes it out when not.
func (w *world) flow(s *stream) {
	switch on := len(s.jobs) > 0 && !s.cut; {
	case on && !s.on:
		s.moved = w.now
		w.fluid.enter(s)
	case !on && s.on:
		w.fluid.leave(s)
	}
}

// move accounts the bytes that a stream has carried at its rate until now.
func (w *world) move(s *stream) {
	dt := (w.now - s.moved).duration().Seconds()
	s.moved = w.now
	if dt <= 0 || s.rate == 0 || len(s.jobs) == 0 {
		return
	}
	each := s.rate * dt / float64(len(s.jobs))
	for _, j := range s.jobs {
		j.got = min(j.got+each, float64(j.item.size))
	}
}

// foresee plans when the first answer of a stream is complete at its rate.
func (w *world) foresee(s *stream) {
	s.version++
	if s.rate == 0 || len(s.jobs) == 0 {
		return
	}
	left := math.Inf(1)
	for _, j := range s.jobs {
		left = min(left, float64(j.item.size)-j.got)
	}
	version := s.version
	at := w.now + max(1, tick(math.Ceil(1000*left*float64(len(s.jobs))/s.rate)))
	w.agenda.plan(at, func() {
		if s.version == version {
			w.complete(s)
		}
	})
}

// complete hands over the answers of a stream that are whole.
func (w *world) complete(s *stream) {
	w.move(s)
	var whole []*job
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool {
		if float64(j.item.size)-j.got > 1 {
			return false
		}
		whole = append(whole, j)
		return true
	})
	for _, j := range whole {
		w.account(s, j, j.item.size)
		delete(s.from.serving, servingKey{s.to, j.item.request})
		s.from.core.Released(s.to.id.Peer, j.item.request)
		w.touch(s.from)
		w.deliver(letter{s.from, s.to, func() {
			s.to.core.Arrived(w.at(s.to), agent.Arrival{Peer: s.from.id.Peer, Fetch: j.fetch, ID: j.item.id, Good: true})
		}})
	}
	w.flow(s)
	if s.on {
		w.foresee(s)
	}
}

// account books what has arrived of an answer.
func (w *world) account(s *stream, j *job, got int64) {
	n := got - j.told
	j.told = got
	s.from.sent += n
	if s.wan {
		s.to.wanIn += n
	} else {
		s.to.lanIn += n
	}
}

// report tells the receiver every quarter of a second how far its fetches are.
func (w *world) report(s *stream) {
	if s.ticking {
		return
	}
	s.ticking = true
	life, sender := s.to.life, s.from.life
	w.agenda.plan(w.now+ticks(reportEvery), func() {
		s.ticking = false
		if s.to.life != life || s.from.life != sender || len(s.jobs) == 0 {
			return
		}
		w.move(s)
		before := int64(0)
		for _, j := range s.jobs {
			if got := int64(j.got); got > j.told {
				before += got - j.told
				w.account(s, j, got)
				s.to.core.Progressed(w.at(s.to), j.fetch, got)
			}
		}
		if before > 0 {
			s.to.core.Measured(w.at(s.to), s.from.id.Peer, float64(before)/reportEvery.Seconds(), 2*w.delay(s.from, s.to).duration())
		}
		w.foresee(s)
		w.touch(s.to)
		w.report(s)
	})
}

// cancel takes a fetch back.
func (w *world) cancel(h *host, a agent.Cancel) {
	from := w.byName[a.Peer]
	w.send(h, from, 3, func() { w.takeBack(from, servingKey{h, uint32(a.Fetch)}) })
}

func (w *world) takeBack(from *host, key servingKey) {
	j := from.serving[key]
	if j == nil {
		return
	}
	delete(from.serving, key)
	from.core.Released(key.to.id.Peer, key.request)
	if s := j.stream; s != nil {
		w.move(s)
		w.account(s, j, int64(j.got))
		s.jobs = slices.DeleteFunc(s.jobs, func(x *job) bool { return x == j })
		w.flow(s)
		w.foresee(s)
	}
}

// drop ends what two hosts send each other.
func (w *world) drop(a, b *host) {
	for _, s := range []*stream{a.streams[b], b.streams[a]} {
		if s == nil {
			continue
		}
		w.move(s)
		for _, j := range s.jobs {
			w.account(s, j, int64(j.got))
		}
		s.jobs = nil
		w.flow(s)
		delete(s.from.streams, s.to)
	}
	for _, pair := range [][2]*host{{a, b}, {b, a}} {
		for key := range pair[0].serving {
			if key.to == pair[1] {
				delete(pair[0].serving, key)
			}
		}
	}
}
