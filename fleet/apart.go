// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"time"
)

// Who is apart. A host that gets no answer from a neighbour cannot tell a LAN that is divided from a neighbour that is dead: either way
// nothing comes. The hub cannot tell it either, because it speaks to both sides over the WAN and to no LAN at all. Together they can:
//
//   - the host knows when it last tried in vain to reach the neighbour, and says so with its news;
//   - the hub knows that the neighbour's daemon was there before that, and was heard after it.
//
// Only then are the two *apart*: each lives, and one does not reach the other. Who died is not heard any more, who was started again was
// not there before, and of neither it is said that the LAN is divided. Where the hub hears only one side nobody knows that the other
// lives, and nothing is said.

// Unanswered is a neighbour that a host would talk to, and that does not answer it.
type Unanswered struct {
	Peer  string `json:"peer"`
	Tried int64  `json:"tried"` // milliseconds since the last attempt to reach it began, which has failed
}

const (
	// MaxUnanswered bounds the neighbours of which one report says that they do not answer.
	MaxUnanswered = 32
	// late is by how much a report may be older than it seems when it comes: it goes by way of others, who gather for a while.
	late = 5 * time.Second
	// judged is after how long each attempt can be judged: until then everybody who is there has reported.
	judged = late + 15*time.Second
)

// attempt is when a host last tried in vain to reach a neighbour, by the hub's clock.
type attempt struct {
	peer   string
	at     time.Time
	before bool // the attempt before showed that they are apart; it counts until this one can be judged
}

// shows reports whether a neighbour was there before an attempt to reach it, and after.
func (a attempt) shows(o *entry) bool {
	return !a.at.Before(o.born.Add(late)) && !o.Seen.Before(a.at.Add(late))
}

// tried enters what a member says of those that do not answer it.
func (d *Directory) tried(now time.Time, e *entry, list []Unanswered) {
	last := e.vain
	e.vain = nil
	for _, u := range list[:min(len(list), MaxUnanswered)] {
		a := attempt{peer: u.Peer, at: now.Add(-time.Duration(max(u.Tried, 0)) * time.Millisecond)}
		i := slices.IndexFunc(last, func(x attempt) bool { return x.peer == a.peer })
		if o := d.members[a.peer]; i >= 0 && o != nil {
			again := a.at.Sub(last[i].at) < late // the same attempt, or as good as that
			a.before = last[i].shows(o) || again && last[i].before
		}
		e.vain = append(e.vain, a)
	}
}

// Apart lists the neighbours that a member does not reach although they were there before it tried and after, by name.
func (d *Directory) Apart(now time.Time, peer string) (names []string) {
	e := d.members[peer]
	if e == nil || Silent(now, e.Seen) {
		return nil
	}
	for _, a := range e.vain {
		o := d.members[a.peer]
		if o == nil || o.Location != e.Location || o.Link == VPN || Silent(now, o.Seen) {
			continue
		}
		if a.shows(o) || a.before && now.Sub(a.at) < judged {
			names = append(names, a.peer)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Divided counts the hosts of each location that do not reach another one of it, or are not reached by it, though both are there; a
// location that is one is not listed.
func (d *Directory) Divided(now time.Time) map[string]int {
	hosts := map[string]map[string]bool{}
	for name, e := range d.members {
		if len(e.vain) == 0 {
			continue
		}
		for _, other := range d.Apart(now, name) {
			if hosts[e.Location] == nil {
				hosts[e.Location] = map[string]bool{}
			}
			hosts[e.Location][name], hosts[e.Location][other] = true, true
		}
	}
	counts := map[string]int{}
	for location, apart := range hosts {
		counts[location] = len(apart)
	}
	return counts
}
