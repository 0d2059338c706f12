// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/ledbat/harm"
)

// watch and unwatch tell the experiments of a connection. What is sent inside our own location is in nobody's way over a WAN.
func (d *Daemon) watch(id fleet.Identity, conn any) {
	if c, ok := conn.(hushable); ok && id.Location != d.o.Node.Identity.Location {
		d.trials.mail.put(func(now time.Time) { d.trials.joined(now, id, c) })
	}
}

func (d *Daemon) unwatch(id fleet.Identity, conn any) {
	if c, ok := conn.(hushable); ok {
		d.trials.mail.put(func(time.Time) { d.trials.left(id, c) })
	}
}

// report fills in what was measured.
func (x *trials) report(location string, h *api.Harm) {
	for _, name := range slices.Sorted(maps.Keys(x.places)) {
		if location != "" && location != name {
			continue
		}
		p := x.places[name]
		h.Locations = append(h.Locations, harmTo("", name, p.series.Report()))
		for _, peer := range slices.Sorted(maps.Keys(p.paths)) {
			h.Paths = append(h.Paths, harmTo(peer, name, p.paths[peer].series.Report()))
		}
	}
}

func harmTo(peer, location string, r harm.Report) api.HarmTo {
	v := api.HarmTo{Peer: peer, Location: location, Pairs: r.Pairs, Probes: r.Probes, Void: r.Void, Since: r.Since.UTC()}
	if r.Since.IsZero() {
		v.Since = time.Time{}
	}
	switch r.Finding {
	case harm.Harm:
		v.Verdict = api.VerdictHarm
	case harm.NoneFound:
		v.Verdict = api.VerdictNoneFound
	default:
		v.Verdict = api.VerdictNoEvidence
	}
	if r.Estimated() {
		v.Added, v.Low, v.High = inMS(r.Added), inMS(r.Low), inMS(r.High)
	}
	return v
}

func inMS(d time.Duration) *float64 {
	ms := float64(d.Microseconds()) / 1e3
	return &ms
}

func (d *Daemon) getHarm(w http.ResponseWriter, r *http.Request) {
	location := r.URL.Query().Get("location")
	known := []string{d.o.Node.Identity.Location}
	if !d.with(w, func(c *agent.Core, now time.Time) {
		for _, p := range c.Peers(now) {
			known = append(known, p.Location)
		}
	}) {
		return
	}
	h := api.Harm{Locations: []api.HarmTo{}, Paths: []api.HarmTo{}}
	done := make(chan struct{})
	d.trials.mail.put(func(time.Time) {
		d.trials.report(location, &h)
		close(done)
	})
	select {
	case <-done:
	case <-d.ctx.Done():
		Fail(w, &api.Problem{Title: "the daemon is shutting down", Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable})
		return
	}
	if location != "" && len(h.Locations) == 0 && !slices.Contains(known, location) {
		Fail(w, &api.Problem{Title: fmt.Sprintf("no location %q is known here", location), Status: http.StatusNotFound,
			Code: api.CodeNotFound, Hint: "ebb peer ls"})
		return
	}
	Answer(w, http.StatusOK, h)
}
