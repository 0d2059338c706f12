// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/lane"
	"github.com/ebbproject/ebb/sim/plan/site"
)

// Run is one replica. Advance each part, from as many goroutines as there are parts if you like; when all have returned, Meet; until
// Meet says false.
type Run struct {
	scenario *plan.Scenario
	fleet    *site.Fleet
	roster   *site.Roster
	sums     []*site.Sum // of each part
	played   int         // locations
}

// New prepares a replica in so many parts. The scenario must not change while it is played. The error is ledbat.ErrUnknownController.
func New(s *plan.Scenario, seed uint64, parts int) (*Run, error) {
	if _, err := lane.New(lane.Config{Down: 1e6, Up: 1e6, Controller: s.Controller}, lane.Foreground{}, 0); err != nil {
		return nil, err
	}
	r := &Run{scenario: s, fleet: site.New(s, seed), roster: site.NewRoster(s)}
	for range max(parts, 1) {
		r.sums = append(r.sums, r.fleet.NewSum())
	}
	return r, nil
}

// Advance plays the next location of a part, 0 to one less than there are.
func (r *Run) Advance(part int) {
	if r.played+part >= r.roster.Len() {
		return
	}
	class, index := r.roster.At(r.roster.Spread(r.played + part))
	p := &player{fleet: r.fleet, Location: r.fleet.Location(class, index)}
	p.play(r.scenario.Horizon)
	r.sums[part].Events += p.events
	r.sums[part].Enter(p.Location)
}

// Meet lets the parts meet, and reports whether there is more to play.
func (r *Run) Meet() bool {
	r.played = min(r.played+len(r.sums), r.roster.Len())
	return r.played < r.roster.Len()
}

// Progress is how many of the locations have been played, 0..1.
func (r *Run) Progress() float64 { return float64(r.played) / float64(r.roster.Len()) }

// Outcome is what has come of the locations that were played.
func (r *Run) Outcome() plan.Outcome { return r.fleet.Outcome(r.sums) }

// Play plays a whole replica. The error is ledbat.ErrUnknownController.
func Play(s *plan.Scenario, seed uint64) (plan.Outcome, error) {
	r, err := New(s, seed, 1)
	if err != nil {
		return plan.Outcome{}, err
	}
	for again := true; again; again = r.Meet() {
		r.Advance(0)
	}
	return r.Outcome(), nil
}

// step is how often a location hears what has arrived.
const step = 100 * time.Millisecond
