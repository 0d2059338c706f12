// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler"
)

// Flows lists every flow that is remembered, oldest first.
func (c *Core) Flows(now time.Time) []api.Flow {
	live := map[content.ID]scheduler.FlowStatus{}
	for _, st := range c.sched.Flows(now) {
		live[st.Content] = st
	}
	list := make([]api.Flow, 0, len(c.order))
	for _, id := range c.order {
		list = append(list, c.view(now, c.flows[id], live))
	}
	return list
}

// Flow is one flow by its id.
func (c *Core) Flow(now time.Time, id string) (api.Flow, bool) {
	for _, f := range c.Flows(now) {
		if f.ID == id {
			return f, true
		}
	}
	return api.Flow{}, false
}

func (c *Core) view(now time.Time, f *flow, live map[content.ID]scheduler.FlowStatus) api.Flow {
	v := api.Flow{ID: f.id, Ref: f.ref, Location: c.cfg.Self.Location, State: f.state, Reason: f.code, Detail: f.detail, Out: f.out,
		Priority: c.effective(now, f), Created: f.created, Finished: f.finished, Sources: []api.PeerBytes{},
		Stage: f.stage, By: f.by, Window: f.window.String(), Risk: c.risk(now, f)}
	if !f.hours.IsZero() {
		v.Window = f.hours.String()
	}
	if f.closed && !f.ended() {
		v.Opens = f.change.UTC()
	}
	h := c.holdings[f.content]
	if !f.known || h == nil {
		if f.state == api.StateResolving && v.Reason == "" {
			v.Reason = scheduler.WaitingForManifest.String()
		}
		return v
	}
	v.Content, v.Name, v.Version, v.Type = f.content.String(), h.manifest.Name, h.manifest.Version, h.manifest.Type
	v.Size, v.Verified, v.Chunks, v.Have = h.manifest.Size(), h.bytes, len(h.chunks), h.count
	st := f.last
	if running, ok := live[f.content]; ok && !f.ended() {
		st = running
		v.Rate, v.InFlight = st.Rate*8, st.InFlight
		if f.state == api.StateFetching || f.state == api.StatePaused {
			v.Reason = st.Reason.String()
			if why := c.pausedBy(now, f); st.Reason == scheduler.PausedByPolicy && why != "" {
				v.Detail = why
			}
		}
	}
	v.Received, v.Wasted = st.Received, st.Rejected+st.Duplicate+st.Canceled
	for _, s := range st.Sources {
		if s.Bytes == 0 {
			continue
		}
		v.Sources = append(v.Sources, api.PeerBytes{Peer: string(s.Peer), Class: s.Class.String(), Bytes: s.Bytes})
		addSource(&v.From, s.Class, s.Bytes)
	}
	return v
}

func addSource(to *api.Sources, class scheduler.Class, bytes int64) {
	switch class {
	case scheduler.Subnet, scheduler.Location:
		to.LAN += bytes
	case scheduler.Origin:
		to.Origin += bytes
	default:
		to.WAN += bytes
	}
}

// Why says why a flow waits, the foremost reason first.
func (c *Core) Why(now time.Time, ref string) (api.Why, bool) {
	f := c.lastFlow(ref)
	if f == nil {
		return api.Why{}, false
	}
	view, _ := c.Flow(now, f.id)
	w := api.Why{Ref: ref, Flow: &view, Reasons: []api.Reason{}}
	switch {
	case f.known && (f.state == api.StateFetching || f.state == api.StatePaused):
		for _, x := range c.sched.Why(now, f.content) {
			switch x.Reason {
			case scheduler.PausedByPolicy:
				x.Detail = c.pausedBy(now, f)
			case scheduler.OutsideWindow:
				x.Detail = c.closedBy(now, f)
			}
			w.Reasons = append(w.Reasons, api.Reason{Code: x.Reason.String(), Detail: x.Detail, Hint: x.Reason.Remedy(), Peer: string(x.Peer),
				Count: x.Chunks})
		}
	case view.Reason != "":
		w.Reasons = append(w.Reasons, api.Reason{Code: view.Reason, Detail: view.Detail})
	default:
		w.Reasons = append(w.Reasons, api.Reason{Code: f.state, Detail: fmt.Sprintf("the flow is %s", f.state)})
	}
	if f.known {
		w.Reasons = append(w.Reasons, c.split(now, f.content)...)
	}
	if view.Risk != "" {
		w.Reasons = append(w.Reasons, api.Reason{Code: api.CodeLate, Detail: view.Risk,
			Hint: "ask for it earlier, without --window, or with a higher --priority"})
	}
	if c.hub.problem != "" {
		w.Reasons = append(w.Reasons, api.Reason{Code: c.hub.why.String(), Detail: c.hub.problem, Hint: c.hub.why.Remedy()})
	}
	return w, true
}

// lastFlow finds the newest flow by its id, its ref, or the name or id of its content.
func (c *Core) lastFlow(ref string) *flow {
	for i := len(c.order) - 1; i >= 0; i-- {
		f := c.flows[c.order[i]]
		if f.id == ref || f.ref == ref || f.known && (f.content.String() == ref || c.holdings[f.content] != nil && c.holdings[f.content].manifest.Name == ref) {
			return f
		}
	}
	return nil
}

// Contents lists every content whose manifest is known here.
func (c *Core) Contents() []api.Content {
	list := make([]api.Content, 0, len(c.holdings))
	for _, h := range c.sortedHoldings() {
		list = append(list, h.view())
	}
	return list
}

func (h *holding) view() api.Content {
	m := h.manifest
	v := api.Content{ID: h.id, Name: m.Name, Version: m.Version, Type: m.Type, Tree: m.Tree, Size: m.Size(), Chunks: len(h.chunks),
		Have: h.count, Complete: h.complete(), Pinned: h.pinned, Created: m.Created, Expires: m.Expires}
	for _, e := range m.Entries {
		if e.Kind == content.File {
			v.Files++
		}
	}
	return v
}

// Find returns the manifest of a content by its id or name, and the distinct chunks of it.
func (c *Core) Find(ref string) (api.Content, []content.Chunk, bool) {
	id, err := content.ParseID(ref)
	if err != nil {
		var ok bool
		if id, ok = c.names.Newest(ref); !ok {
			return api.Content{}, nil, false
		}
	}
	h := c.holdings[id]
	if h == nil {
		return api.Content{}, nil, false
	}
	return h.view(), h.chunks, true
}

// Peers lists everybody in the address book.
func (c *Core) Peers(now time.Time) []api.Peer {
	list := []api.Peer{}
	for _, name := range c.book.names() {
		p := c.book.people[name]
		v := api.Peer{Peer: name, Role: string(p.Role), Location: p.Location, Connected: p.connected}
		v.Class = c.book.Class(name).String()
		switch addr, ok := c.book.address(p); {
		case c.book.Refuses(now, name):
			ban := c.book.banned[name]
			v.Reason = fmt.Sprintf("banned until %s for %s", ban.until.UTC().Format(time.RFC3339), ban.why)
		case !ok:
			v.Reason = "its address is not known yet"
		case p.silent:
			v.Reason = "not heard for a while: it is dialled again, in case it has forgotten this host"
			v.Addr = addr.String()
		case !p.connected && now.Before(p.retryAt):
			v.Reason = fmt.Sprintf("not reachable, tried again in %s", p.retryAt.Sub(now).Round(100*time.Millisecond))
			v.Addr = addr.String()
		default:
			v.Addr = addr.String()
		}
		if p.apart && p.unanswered() && v.Reason != "" {
			v.Reason += "; the hub hears it"
		}
		c.refusal(now, &v)
		v.Reason = cmp.Or(c.rivals.tell(now, name), v.Reason)
		list = append(list, v)
	}
	return list
}

// Hub is what this host knows of its hub.
func (c *Core) Hub(now time.Time) api.HubStatus {
	twin := c.hub.twin
	if now.Before(c.twinUntil) {
		twin = cmp.Or(twin, c.twin)
	}
	return api.HubStatus{Reachable: c.hub.problem == "" && !c.hub.lastOK.IsZero(), LastSync: c.hub.lastOK, Error: c.hub.problem,
		Warning: c.hub.warning, Twin: twin, Through: c.through(now), Ahead: c.hub.ahead.Seconds()}
}

// Counts is how many conversations and unfinished flows there are.
func (c *Core) Counts() (peers, flows int) { return len(c.peers), len(c.openFlows()) }
