// SPDX-License-Identifier: Apache-2.0

package swarm

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Result is what came of a world.
type Result struct {
	Config Config

	Complete  int           // hosts that have the whole content
	Hosts     int           // of so many
	First     time.Duration // from the start to the first host that has it all, ...
	Median    time.Duration // ... the median, ...
	Last      time.Duration // ... and the last
	Locations []LocationResult

	// Bytes of messages that are not chunks: presence, haves, claims, requests.
	Control Traffic
	// ControlShare is what they are of all the LANs carried.
	ControlShare float64
	// Uploads: the most any host sent, and what they sent on average, in contents.
	MostSent, MeanSent float64

	Curve []Sample // one a second
}

// LocationResult is one location's.
type LocationResult struct {
	Name          string
	WAN           int64   // bytes of chunks that came in over its WAN link
	Amplification float64 // of these, how often the content
	LAN           int64   // bytes of chunks between its hosts
}

// Sample is the state at one second.
type Sample struct {
	Held     float64 // of the content, the mean of all hosts
	Crossed  float64 // of the content, what has come over the first location's WAN link
	Fetchers int     // hosts of the first location to which something is on its way from beyond it
}

// Run lets a world go on until all its hosts have the content, or its limit. The error is ErrConfig.
func Run(c Config) (Result, error) {
	c, err := c.filled()
	if err != nil {
		return Result{}, err
	}
	w := newWorld(c)
	w.run()
	r := w.result()
	if c.Over != nil {
		c.Over()
	}
	runtime.KeepAlive(w)
	return r, nil
}

// sample notes the state, once a second.
func (w *world) sample() {
	var s Sample
	for _, h := range w.hosts {
		s.Held += float64(h.held)
	}
	s.Held /= float64(len(w.hosts) * len(w.manifest.Chunks))
	for _, h := range w.locations[0].hosts {
		s.Crossed += float64(h.wanIn) / float64(w.c.Size)
	}
	for _, x := range w.hub.streams {
		if x.to.location == w.locations[0] && len(x.jobs) > 0 {
			s.Fetchers++
		}
	}
	w.curve = append(w.curve, s)
	w.agenda.plan(w.now+1000, w.sample)
}

func (w *world) result() Result {
	r := Result{Config: w.c, Hosts: len(w.hosts), Control: w.control, Curve: w.curve}
	var took []tick
	var sent, lan int64
	for _, l := range w.locations {
		x := LocationResult{Name: l.name}
		for _, h := range l.hosts {
			for _, s := range w.hub.streams {
				if s.to == h { // what is still on its way has crossed too
					w.move(s)
					for _, j := range s.jobs {
						w.account(s, j, int64(j.got))
					}
				}
			}
			x.WAN += h.wanIn
			x.LAN += h.lanIn
			if h.done {
				took = append(took, h.took)
			}
			sent += h.sent
			r.MostSent = max(r.MostSent, float64(h.sent)/float64(w.c.Size))
		}
		x.Amplification = float64(x.WAN) / float64(w.c.Size)
		r.Locations = append(r.Locations, x)
		lan += x.LAN
	}
	r.MeanSent = float64(sent) / float64(w.c.Size) / float64(len(w.hosts))
	r.ControlShare = float64(w.control.LAN) / float64(max(lan+w.control.LAN, 1))
	slices.Sort(took)
	if r.Complete = len(took); r.Complete > 0 {
		r.First, r.Median, r.Last = took[0].duration(), took[len(took)/2].duration(), took[len(took)-1].duration()
	}
	return r
}

// Amplification is the worst of all locations.
func (r Result) Amplification() float64 {
	worst := 0.0
	for _, l := range r.Locations {
		worst = max(worst, l.Amplification)
	}
	return worst
}

// Plot draws the course of a run as text: # what the hosts hold on average, w what has crossed the WAN link, both as
// parts of the content, and below it how many hosts fetched from beyond the location.
func (r Result) Plot() string {
	const columns, rows = 76, 10
	var grid [rows][columns]byte
	for i := range grid {
		for k := range grid[i] {
			grid[i][k] = ' '
		}
	}
	fetchers := make([]byte, columns)
	for k := range columns {
		s := r.Curve[k*(len(r.Curve)-1)/(columns-1)]
		for _, v := range []struct {
			at   float64
			mark byte
		}{{s.Crossed, 'w'}, {s.Held, '#'}} {
			row := min(int(v.at*rows), rows-1)
			grid[rows-1-row][k] = v.mark
		}
		fetchers[k] = "0123456789+"[min(s.Fetchers, 10)]
	}
	var b strings.Builder
	for i, line := range grid {
		fmt.Fprintf(&b, "%3d %% |%s\n", 100*(rows-1-i)/rows, strings.TrimRight(string(line[:]), " "))
	}
	fmt.Fprintf(&b, "fetch |%s\n", fetchers)
	fmt.Fprintf(&b, "      +%s\n       0%*s\n", strings.Repeat("-", columns), columns-1, time.Duration(len(r.Curve)-1)*time.Second)
	return b.String()
}
