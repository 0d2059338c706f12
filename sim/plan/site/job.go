// SPDX-License-Identifier: Apache-2.0

package site

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/sim/plan"
)

// job is an order at a location.
type job struct {
	order   int
	content int
	at      time.Duration // when it was given
	turn    scheduler.Turn
	size    float64
	metered bool // it may use a metered link
	blocked bool // it never may use this one

	heard, waits bool  // hosts know of it; would, were the hub not away
	hours        flips // when its window opens and closes
	open         bool
	paused       int

	front   float64 // bytes of the content that the location has; in a Direct one nobody asks
	cohorts []cohort
	hosts   int // of the location
	roomy   int // that have room for it
	rate    float64

	done    []time.Duration // of each host, since at
	crossed float64
	why     [reasons]float64 // seconds, by what they went for
}

// cohort is hosts that hold equally much.
type cohort struct {
	n    int
	got  float64
	off  bool // one that is switched off for itself
	full bool // and counted as complete
}

// settled is how many bytes do not matter: a rounding error.
const settled = .5

// active is how many hosts fetch: on, and not complete.
func (j *job) active() int {
	n := 0
	for _, c := range j.cohorts {
		if !c.off && !c.full {
			n += c.n
		}
	}
	return n
}

// bytes is how much has crossed the link for it.
func (j *job) bytes() int64 { return int64(math.Round(j.crossed)) }

func (j *job) finished() bool { return len(j.done) == j.roomy }

// newJob is what an order is at a location before anything has happened.
func (l *Location) newJob(f *Fleet, order int) job {
	s := f.Scenario
	o, class := s.Orders[order], s.Classes[l.Class]
	content := s.Contents[o.Content]
	hours := f.windows[order][class.Region]
	j := job{order: order, content: o.Content, at: o.At, size: float64(content.Size), metered: o.Metered, hours: hours, open: hours.open,
		turn: scheduler.Turn{Priority: o.Priority, Number: order}, blocked: class.Metered && !o.Metered}
	j.hosts, j.roomy = l.Hosts, l.Hosts
	if class.Hosts.Cache.A > 0 || class.Hosts.Cache.Kind != plan.Fixed {
		r := plan.Stream(f.Seed, l.Class, l.Index, forCache)
		j.roomy = 0
		for range l.Hosts {
			if class.Hosts.Cache.Draw(r) >= j.size {
				j.roomy++
			}
		}
	}
	old := 0
	if content.Overlap > 0 && class.Hosts.Held > 0 {
		r := plan.Stream(f.Seed, l.Class, l.Index, forHeld|plan.Purpose(o.Content)<<32)
		for range j.roomy {
			if r.Float64() < class.Hosts.Held {
				old++
			}
		}
	}
	if old > 0 {
		j.front = float64(content.Overlap * j.size)
		j.cohorts = append(j.cohorts, cohort{n: old, got: j.front})
	}
	if old < j.roomy {
		j.cohorts = append(j.cohorts, cohort{n: j.roomy - old})
	}
	return j
}

// split switches one host off: one of the largest cohort, for it is most likely one of them.
func (j *job) split() {
	most := -1
	for i, c := range j.cohorts {
		if !c.off && (most < 0 || c.n > j.cohorts[most].n) {
			most = i
		}
	}
	if most < 0 {
		return
	}
	c := j.cohorts[most]
	if j.cohorts[most].n--; j.cohorts[most].n == 0 {
		j.cohorts = slices.Delete(j.cohorts, most, most+1)
	}
	c.n, c.off = 1, true
	j.cohorts = append(j.cohorts, c)
}

// rejoin switches on who has been off longest.
func (j *job) rejoin() {
	for i := range j.cohorts {
		if j.cohorts[i].off {
			j.cohorts[i].off = false
			j.merge()
			return
		}
	}
}

// merge makes one of cohorts that hold equally much.
func (j *job) merge() {
	kept := j.cohorts[:0]
next:
	for _, c := range j.cohorts {
		for i := range kept {
			if k := &kept[i]; !c.off && !k.off && k.full == c.full && math.Abs(k.got-c.got) < settled {
				k.n += c.n
				continue next
			}
		}
		kept = append(kept, c)
	}
	j.cohorts = kept
}

// swarm moves a job on by a time, its front at j.rate and its hosts behind that at most at the rate of their links.
func (j *job) swarm(seconds, lan float64) {
	step := float64(j.rate * seconds)
	j.crossed += step
	if j.front += step; j.size-j.front < settled {
		j.front = j.size
	}
	most := float64(lan * seconds)
	for i := range j.cohorts {
		c := &j.cohorts[i]
		if c.off || c.full {
			continue
		}
		if c.got += min(most, j.front-c.got); j.front-c.got < settled {
			c.got = j.front
		}
	}
}

// alone moves a job on whose hosts fetch each for itself, at j.rate together.
func (j *job) alone(seconds, lan float64) {
	n := j.active()
	if n == 0 || j.rate == 0 {
		return
	}
	each := min(lan, j.rate/float64(n)) * seconds
	for i := range j.cohorts {
		c := &j.cohorts[i]
		if c.off || c.full {
			continue
		}
		step := min(each, j.size-c.got)
		j.crossed += float64(step * float64(c.n))
		if c.got += step; j.size-c.got < settled {
			c.got = j.size
		}
	}
}

// soon is after how many seconds something happens by itself: the front arrives at the end, hosts catch up with it, or are complete.
func (j *job) soon(lan float64, direct bool) float64 {
	soon := math.Inf(1)
	if direct {
		if n := j.active(); n > 0 && j.rate > 0 {
			each := min(lan, j.rate/float64(n))
			for _, c := range j.cohorts {
				if !c.off && !c.full {
					soon = min(soon, (j.size-c.got)/each)
				}
			}
		}
		return soon
	}
	if j.rate > 0 {
		soon = (j.size - j.front) / j.rate
	}
	for _, c := range j.cohorts {
		if c.off || c.full || j.front-c.got < settled {
			continue
		}
		if lan > j.rate {
			soon = min(soon, (j.front-c.got)/(lan-j.rate))
		}
		soon = min(soon, (j.size-c.got)/lan)
	}
	return soon
}

// complete enters who has everything now.
func (j *job) complete(now time.Duration) {
	found := false
	for i := range j.cohorts {
		c := &j.cohorts[i]
		if c.full || c.got < j.size {
			continue
		}
		c.full, found = true, true
		for range c.n {
			j.done = append(j.done, now-j.at)
		}
	}
	if found || len(j.cohorts) > 1 {
		j.merge()
	}
}
