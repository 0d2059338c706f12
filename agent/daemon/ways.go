// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet/pulse"
)

// sending is how long after the last byte a way to another location is still worth telling of: the longest time between two news.
const sending = 12 * time.Second

// ways is how the paths to other locations are to which something was sent lately, those with the longest queues where there are
// many. It is called by the goroutine that owns the core.
func (d *Daemon) ways(now time.Time, most int) []pulse.Way {
	var list []pulse.Way
	for _, t := range d.totals {
		if t.location == d.o.Node.Identity.Location || now.Sub(t.sentAt) > sending {
			continue
		}
		queue := float64(t.stats.QueueDelay.Microseconds()) / 1e3
		i := slices.IndexFunc(list, func(w pulse.Way) bool { return w.To == t.location })
		if i < 0 {
			list = append(list, pulse.Way{To: t.location, Queue: queue})
			continue
		}
		list[i].Queue = max(list[i].Queue, queue)
	}
	slices.SortFunc(list, func(a, b pulse.Way) int { return cmp.Or(cmp.Compare(b.Queue, a.Queue), cmp.Compare(a.To, b.To)) })
	list = list[:min(len(list), most)]
	if found := d.trials.found.Load(); found != nil {
		for i := range list {
			list[i].Harm = harmOf(*found, list[i].To)
		}
	}
	return list
}

// Ways is all of them, for who shares the process with the daemon.
func (d *Daemon) Ways() (list []pulse.Way) {
	d.ask(func(_ *agent.Core, now time.Time) { list = d.ways(now, math.MaxInt) })
	return list
}

func harmOf(found []api.HarmTo, location string) *pulse.Harm {
	for _, h := range found {
		if h.Location == location && h.Added != nil {
			return &pulse.Harm{Verdict: h.Verdict, Added: *h.Added, Low: *h.Low, High: *h.High}
		}
	}
	return nil
}
