// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/site"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// Run is one replica. Advance each part, from as many goroutines as there are parts if you like; when all have returned, Meet; until
// Meet says false.
type Run struct {
	scenario *plan.Scenario
	fleet    *site.Fleet
	roster   *site.Roster
	table    *yield.Table
	sums     []*site.Sum // of each part

	batch int // where nothing is shared: how many locations have been played

	shared bool
	all    []*place // where links are shared; nil: played to its end
	over   int      // of all, how many are
	links  links
	now    time.Duration
	until  time.Duration   // of the next meeting
	common []time.Duration // what happens to many at once, from the last that has on
}

// batchSize is how many locations a part plays between two meetings where nothing is shared.
const batchSize = 64

var infinite = math.Inf(1)

// New prepares a replica in so many parts. The scenario must not change while it is played; the table is only read.
func New(s *plan.Scenario, seed uint64, table *yield.Table, parts int) *Run {
	r := &Run{scenario: s, fleet: site.New(s, seed), roster: site.NewRoster(s), table: table, shared: s.Origin > 0}
	for range max(parts, 1) {
		r.sums = append(r.sums, r.fleet.NewSum())
	}
	for _, c := range s.Classes {
		r.shared = r.shared || s.Regions[c.Region].Link > 0
	}
	if r.shared {
		r.gather()
	}
	return r
}

func (r *Run) place(number int) *place {
	class, index := r.roster.At(number)
	return newPlace(r.fleet, r.table, number, r.fleet.Location(class, index))
}

// Advance plays a part, 0 to one less than there are, up to the next meeting.
func (r *Run) Advance(part int) {
	sum := r.sums[part]
	if r.shared {
		for i := part; i < len(r.all); i += len(r.sums) {
			if x := r.all[i]; x != nil {
				sum.Events += x.play(r.until)
			}
		}
		return
	}
	for i := part; i < batchSize*len(r.sums) && r.batch+i < r.roster.Len(); i += len(r.sums) {
		x := r.place(r.roster.Spread(r.batch + i))
		sum.Events += x.play(r.scenario.Horizon)
		sum.Enter(x.Location)
	}
}

// Meet lets the parts meet, and reports whether there is more to play.
func (r *Run) Meet() bool {
	if !r.shared {
		r.batch += batchSize * len(r.sums)
		return r.batch < r.roster.Len()
	}
	for i, x := range r.all {
		if x != nil && x.Done() {
			r.leave(i)
		}
	}
	r.now = r.until
	if r.over < len(r.all) {
		r.divide()
	}
	return r.over < len(r.all)
}

// leave counts a location, which is not played any more.
func (r *Run) leave(i int) {
	r.sums[0].Enter(r.all[i].Location)
	r.all[i] = nil
	r.over++
}

// Progress is how much has been played, 0..1: of the locations, or of the time if that is more.
func (r *Run) Progress() float64 {
	if !r.shared {
		return min(float64(r.batch)/float64(r.roster.Len()), 1)
	}
	return max(float64(r.over)/float64(len(r.all)), r.now.Seconds()/r.scenario.Horizon.Seconds())
}

// Outcome ends the replica and says what has come of it. Before Meet has said false, it is that of a sample of the locations, or, where links
// are shared, of all of them as far as they were played.
func (r *Run) Outcome() plan.Outcome {
	for i, x := range r.all {
		if x != nil {
			r.leave(i)
		}
	}
	return r.fleet.Outcome(r.sums)
}

// Play plays a whole replica.
func Play(s *plan.Scenario, seed uint64, table *yield.Table) plan.Outcome {
	r := New(s, seed, table, 1)
	for again := true; again; again = r.Meet() {
		r.Advance(0)
	}
	return r.Outcome()
}

// sortedOnce are the moments at which something happens to many, in order.
func sortedOnce(list []time.Duration) []time.Duration {
	slices.Sort(list)
	return slices.Compact(list)
}
