// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ebbproject/ebb/fleet/week"
	"github.com/ebbproject/ebb/store"
)

const (
	keyWeek = "hub/weeks/" // and a location
	// saveWeeks is how often what was learnt is made durable; no more than that is lost in a crash.
	saveWeeks = 10 * time.Minute
)

// weeks is what the hub remembers of the WAN links of locations. Under Server.mu.
type weeks struct {
	by      map[string]*week.Memory
	fresh   map[string]bool // not saved
	sampled time.Time
	saved   time.Time
}

// restoreWeeks reads what is remembered; what is damaged is left out, and learnt again.
func (s *Server) restoreWeeks() error {
	s.weeks = weeks{by: map[string]*week.Memory{}, fresh: map[string]bool{}, saved: s.o.Clock()}
	return s.o.Store.Scan(keyWeek, func(key string, value []byte) bool {
		m, err := week.Decode(value)
		if err != nil {
			s.o.Log.Error("left out of the hub's journal", "record", key, "err", err)
			return true
		}
		s.weeks.by[strings.TrimPrefix(key, keyWeek)] = m
		return true
	})
}

// watchWeeks takes a sample of every location that fetches, and answers what is to be made durable. Under mu.
func (s *Server) watchWeeks(now time.Time) (due []store.Record) {
	w := &s.weeks
	if now.Sub(w.sampled) >= week.Every {
		w.sampled = now
		s.board.Fetching(now, func(location string, wan float64) {
			m := w.by[location]
			if m == nil {
				m = &week.Memory{}
				w.by[location] = m
			}
			m.Saw(now, wan)
			w.fresh[location] = true
		})
	}
	if now.Sub(w.saved) < saveWeeks {
		return nil
	}
	w.saved = now
	return w.take()
}

// take answers what is not saved yet, which counts as saved from then on.
func (w *weeks) take() (due []store.Record) {
	for location := range w.fresh {
		due = append(due, store.Record{Key: keyWeek + location, Value: w.by[location].Encode()})
	}
	clear(w.fresh)
	return due
}

// keepWeeks makes it durable. What fails is said, and saved with the next sample of its location.
func (s *Server) keepWeeks(due []store.Record) {
	if len(due) == 0 {
		return
	}
	if err := s.o.Store.Record(due...); err != nil {
		s.o.Log.Error("what was learnt of the links by the hour of the week was not saved", "locations", len(due), "err", err)
	}
}

// Week is what the hub has learnt of a location's WAN link.
type Week struct {
	Location string    `json:"location"`
	Capacity float64   `json:"capacity_bits_per_second"`
	Load     []float64 `json:"load"` // what others use of it, 0 to 1, by the hour of the week from Monday 00:00 of the hub's clock; -1: not known
}

func (s *Server) getWeeks(w http.ResponseWriter, _ *http.Request) {
	list := []Week{}
	s.mu.Lock()
	for location, m := range s.weeks.by {
		if load, known := m.Load(); known > 0 {
			list = append(list, Week{Location: location, Capacity: m.Capacity(), Load: load[:]})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Week) int { return strings.Compare(a.Location, b.Location) })
	answer(w, map[string]any{"weeks": list})
}
