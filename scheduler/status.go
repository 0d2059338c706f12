// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Flows returns a snapshot of every flow, in the order they are served.
func (s *Scheduler) Flows(now time.Time) []FlowStatus {
	all := make([]FlowStatus, 0, len(s.flows))
	for _, f := range s.flows {
		all = append(all, s.status(now, f))
	}
	return all
}

// Flow returns a snapshot of one flow, if there is one.
func (s *Scheduler) Flow(now time.Time, id content.ID) (FlowStatus, bool) {
	f := s.byID[id]
	if f == nil {
		return FlowStatus{}, false
	}
	return s.status(now, f), true
}

// Rate is what arrives of a flow, in bytes a second; 0 when there is no such flow, or nothing has arrived yet.
func (s *Scheduler) Rate(now time.Time, id content.ID) float64 {
	if f := s.byID[id]; f != nil {
		return f.meter.lately(now)
	}
	return 0
}

func (s *Scheduler) status(now time.Time, f *flow) FlowStatus {
	status := FlowStatus{
		Content:    f.id,
		Type:       f.kind,
		Priority:   f.priority,
		Chunks:     len(f.chunks),
		HeldChunks: f.heldChunks,
		Bytes:      f.bytes,
		HeldBytes:  f.heldBytes,
		Received:   f.received,
		Rejected:   f.rejected,
		Canceled:   f.canceled,
		Copies:     f.copies,
		Rate:       f.meter.lately(now),
		Sources:    f.sourceStatus(),
	}
	if waits := s.Why(now, f.id); len(waits) > 0 {
		status.Reason = waits[0].Reason
	}
	for _, q := range f.asked {
		status.InFlight += q.size
		if q.other != nil {
			status.InFlight += q.other.size
		}
	}
	for _, size := range f.storing {
		status.InFlight += size
	}
	return status
}

// sourceStatus lists who gave or holds something, sorted by name.
func (f *flow) sourceStatus() []SourceStatus {
	var all []SourceStatus
	known := make(map[PeerID]bool)
	for _, src := range f.sources {
		if src == nil {
			continue
		}
		p := src.peer
		known[p.id] = true
		status := SourceStatus{Peer: p.id, Class: p.class, Chunks: src.holds()}
		if g := f.given[p.id]; g != nil {
			status.Bytes = g.bytes
		}
		for _, q := range p.open {
			if q.flow == f {
				status.Requests++
			}
		}
		all = append(all, status)
	}
	for id, g := range f.given {
		if !known[id] {
			all = append(all, SourceStatus{Peer: id, Class: g.class, Bytes: g.bytes, Lost: true})
		}
	}
	slices.SortFunc(all, func(a, b SourceStatus) int { return cmp.Compare(a.Peer, b.Peer) })
	return all
}
