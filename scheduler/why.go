// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Why says what each missing chunk of a content waits for, the foremost reason first. Every
// distinct chunk is counted under exactly one. The answer is nil for an unknown content.
func (s *Scheduler) Why(now time.Time, id content.ID) []Wait {
	f := s.byID[id]
	if f == nil {
		return nil
	}
	missing := f.distinct - f.held.count
	stopped := func(r Reason) []Wait {
		return []Wait{{Reason: r, Chunks: missing, Detail: chunks(missing) + " missing"}}
	}
	switch {
	case f.done():
		return []Wait{{Reason: Complete, Detail: chunks(len(f.chunks)) + " stored"}}
	case f.paused != None:
		return stopped(f.paused)
	case s.stopped != None:
		return stopped(s.stopped)
	case s.room <= 0 && s.inFlight == 0:
		return stopped(s.tight)
	}
	waits := s.underWay(now, f)
	if len(s.peers) == 0 && f.rarity.ready > 0 {
		return append(waits, Wait{Reason: NoPeers, Chunks: f.rarity.ready, Detail: chunks(f.rarity.ready) + " missing"})
	}
	return append(waits, s.obstacles(now, f)...)
}

// underWay tells what is asked for and what is being stored: delivering peers first, the silent
// ones last.
func (s *Scheduler) underWay(now time.Time, f *flow) []Wait {
	type work struct {
		peer   *peer
		chunks int
		bytes  int64
	}
	perPeer := make([]work, len(s.slots))
	for _, q := range f.asked {
		w := &perPeer[q.peer.slot]
		w.peer = q.peer
		w.chunks++
		w.bytes += q.size - q.got
	}
	var waits []Wait
	for _, w := range perPeer {
		switch {
		case w.peer == nil:
		case w.peer.stalled:
			waits = append(waits, Wait{Reason: Stalled, Peer: w.peer.id, Chunks: w.chunks,
				Detail: fmt.Sprintf("%d KiB asked of %s, silent for %s", w.bytes>>10, w.peer.id,
					now.Sub(w.peer.lastByte).Round(time.Second))})
		default:
			waits = append(waits, Wait{Reason: Fetching, Peer: w.peer.id, Chunks: w.chunks,
				Detail: fmt.Sprintf("%d KiB to come from %s at %d KiB/s", w.bytes>>10, w.peer.id,
					int64(w.peer.meter.at(now))>>10)})
		}
	}
	slices.SortStableFunc(waits, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Peer, b.Peer))
	})
	elsewhere := f.distinct - f.held.count - len(f.asked) - len(f.storing) - f.rarity.ready
	storing := Wait{Reason: Storing, Chunks: len(f.storing), Detail: chunks(len(f.storing)) + " being written"}
	shared := Wait{Reason: Fetching, Chunks: elsewhere,
		Detail: chunks(elsewhere) + " on the way for another content too"}
	stalled := slices.IndexFunc(waits, func(w Wait) bool { return w.Reason == Stalled })
	if stalled < 0 {
		stalled = len(waits)
	}
	for _, w := range []Wait{storing, shared} {
		if w.Chunks > 0 {
			waits = slices.Insert(waits, stalled, w)
			stalled++
		}
	}
	return waits
}

// obstacle is why one source is not asked for what it holds; None: it may be asked.
func (s *Scheduler) obstacle(now time.Time, src *source) (r Reason, until time.Time) {
	p := src.peer
	switch {
	case p.banned(now):
		return PeersBanned, p.record.until
	case p.stalled:
		return Stalled, time.Time{}
	case p.quiet(now):
		return p.refusal.reason(), p.quietUntil
	case now.Before(src.quietUntil):
		return PeersRefused, src.quietUntil
	case p.hasRoom(&s.config):
		return None, time.Time{}
	}
	for _, q := range p.open {
		if q.flow.priority > src.flow.priority {
			return HigherPriorityFirst, time.Time{}
		}
	}
	return PeersBusy, time.Time{}
}

// mayAsk returns which of the chunks x of a word a source without obstacle is not asked for, for the
// reason given. Fetching stands for those that it is to be asked for.
func (s *Scheduler) mayAsk(now time.Time, src *source, w int, x uint64, reason Reason) uint64 {
	local, ours := src.peer.class.local(), x
	if !local {
		ours &= src.flow.crossing(now, w)
	}
	switch reason {
	case LeftToNearer:
		return s.left(now, src, w, x)
	case LeftToNeighbour:
		x &^= ours
		return x &^ s.left(now, src, w, x)
	case Fetching:
		ours &^= s.left(now, src, w, ours)
		if local || ours == 0 {
			return ours
		}
		if src.relieved(now) {
			return 0
		}
		for y := ours; y != 0; y &= y - 1 {
			if s.tooSlow(now, src, first(w, y)) {
				ours &^= y & -y
			}
		}
		return ours
	}
	return 0
}

// ofChunks reports whether a source without obstacle may leave a chunk for the reason, or ask for it: see mayAsk.
func (r Reason) ofChunks() bool { return r == Fetching || r == LeftToNeighbour || r == LeftToNearer }

// closest is the order in which the reasons claim the chunks that wait: of several sources of a
// chunk, the one closest to being asked explains it.
var closest = []Reason{Fetching, HigherPriorityFirst, PeersBusy, LeftToNeighbour, LeftToNearer,
	PeersRefused, HolderRate, HolderSlots, HolderCPU, HolderDisk, HolderBattery, HolderVPN, HolderMetered, Stalled, PeersBanned}

// obstacles sorts the ready chunks by what keeps them from being asked for.
func (s *Scheduler) obstacles(now time.Time, f *flow) []Wait {
	left := make([]uint64, len(f.held.words)) // the chunks not yet explained
	for l := range f.levels {
		for w, x := range f.levels[l].words {
			left[w] |= x
		}
	}
	var waits []Wait
	for _, reason := range closest {
		found, peers := Wait{Reason: reason}, 0
		before := slices.Clone(left)
		for _, src := range f.sources {
			if src == nil {
				continue
			}
			obstacle, until := s.obstacle(now, src)
			if obstacle != None && obstacle != reason || obstacle == None && !reason.ofChunks() {
				continue
			}
			holds := false
			for w := range before {
				x := before[w] & src.word(w)
				if x != 0 && obstacle == None {
					x = s.mayAsk(now, src, w, x, reason)
				}
				found.Chunks += bits.OnesCount64(left[w] & x)
				left[w] &^= x
				holds = holds || x != 0
			}
			if holds {
				peers++
				found.Peer = src.peer.id
				if found.Until.IsZero() || until.Before(found.Until) {
					found.Until = until
				}
			}
		}
		wait := s.tell(found, peers)
		if reason == LeftToNeighbour {
			wait.Detail += ", " + f.fetchers()
		}
		waits = append(waits, wait)
	}
	rest := 0
	for _, x := range left {
		rest += bits.OnesCount64(x)
	}
	waits = append(waits, s.tell(Wait{Reason: NoHolder, Chunks: rest}, 0))
	return slices.DeleteFunc(waits, func(w Wait) bool { return w.Chunks == 0 })
}

func chunks(n int) string {
	if n == 1 {
		return "1 chunk"
	}
	return fmt.Sprintf("%d chunks", n)
}

// tell puts a wait into words.
func (s *Scheduler) tell(w Wait, peers int) Wait {
	w.Detail = chunks(w.Chunks)
	switch {
	case peers == 1:
		w.Detail += fmt.Sprintf(", held by %s", w.Peer)
	case peers > 1:
		w.Detail += fmt.Sprintf(", held by %d hosts", peers)
		w.Peer = ""
	}
	if w.Reason == Fetching {
		w.Detail += ", to be asked for now"
		if s.starved != nil {
			w.Reason = s.starvedFor()
			w.Detail = fmt.Sprintf("%s, while %d KiB are under way", chunks(w.Chunks), s.inFlight>>10)
		}
	}
	return w
}
