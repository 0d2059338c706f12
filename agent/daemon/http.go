// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// maxBody bounds what the local API reads of a request.
const maxBody = 1 << 20

// Handler serves the local API under /api/v1. Whoever can open the socket may do everything: the socket lies in a
// directory that only its owner may enter.
func (d *Daemon) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/status", d.getStatus)
	mux.HandleFunc("GET /api/v1/flows", d.getFlows)
	mux.HandleFunc("POST /api/v1/flows", d.postFlow)
	mux.HandleFunc("GET /api/v1/flows/{id}", d.getFlow)
	mux.HandleFunc("POST /api/v1/flows/{id}/pause", d.steer((*agent.Core).Pause))
	mux.HandleFunc("POST /api/v1/flows/{id}/resume", d.steer((*agent.Core).Resume))
	mux.HandleFunc("POST /api/v1/flows/{id}/cancel", d.steer((*agent.Core).Cancel))
	mux.HandleFunc("GET /api/v1/contents", d.getContents)
	mux.HandleFunc("POST /api/v1/contents/{ref}/verify", d.verify)
	d.cachePages(mux)
	mux.HandleFunc("GET /api/v1/why/{ref}", d.getWhy)
	mux.HandleFunc("GET /api/v1/peers", d.getPeers)
	mux.HandleFunc("GET /api/v1/policy", d.getPolicy)
	mux.HandleFunc("GET /api/v1/harm", d.getHarm)
	mux.HandleFunc("GET /api/v1/ledger", d.getLedger)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		Fail(w, &api.Problem{Title: "no such page", Status: http.StatusNotFound, Code: api.CodeNotFound, Detail: r.Method + " " + r.URL.Path})
	})
	return mux
}

// Answer writes a document.
func Answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the client may have gone; then nobody misses it
}

// Fail writes an error as a problem (RFC 9457).
func Fail(w http.ResponseWriter, err error) {
	var p *api.Problem
	if !errors.As(err, &p) {
		p = &api.Problem{Title: err.Error(), Status: http.StatusInternalServerError, Code: api.CodeInternal}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}

// with runs f in the goroutine that owns the core and waits; it answers by itself when the daemon is going away.
func (d *Daemon) with(w http.ResponseWriter, f func(*agent.Core, time.Time)) bool {
	if d.ask(f) {
		return true
	}
	Fail(w, &api.Problem{Title: "the daemon is shutting down", Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable})
	return false
}

func (d *Daemon) getStatus(w http.ResponseWriter, _ *http.Request) {
	id, stats := d.o.Node.Identity, d.o.Store.Stats()
	s := api.Status{Version: d.o.Version, Console: d.o.Console, Control: d.o.Controller, Role: string(id.Role), Peer: id.Peer, Location: id.Location, Fleet: id.Fleet,
		State: d.o.Node.Dir, LanCarrier: d.o.Carrier, LanPort: d.lanPort(), Addr: d.Addr().String(), Started: d.started.UTC(), Chunks: stats.Chunks, Bytes: stats.Bytes}
	if d.with(w, func(c *agent.Core, now time.Time) {
		s.Peers, s.Flows = c.Counts()
		held := c.Limits()
		s.Quota, s.Floor, s.Free = held.Quota, held.Floor, held.Free
		s.Received, s.Sent, s.Hub = d.counted, d.sent, c.Hub(now)
		s.Serving, s.Budget, s.Divided = c.Serving(now), d.budgetParts(now), c.Divided(now)
		s.Discovery = d.discovery(c)
		if d.observed.IsValid() {
			s.Observed = d.observed.String()
		}
	}) {
		s.Hub.Addr, s.Groups = d.o.Node.HubAddr, []api.GroupState{}
		d.groups.Each(func(place, state string) { s.Groups = append(s.Groups, api.GroupState{Location: place, State: state}) })
		Answer(w, http.StatusOK, s)
	}
}

func (d *Daemon) getFlows(w http.ResponseWriter, _ *http.Request) {
	var flows []api.Flow
	if d.with(w, func(c *agent.Core, now time.Time) { flows = c.Flows(now) }) {
		Answer(w, http.StatusOK, map[string]any{"flows": flows})
	}
}

func (d *Daemon) postFlow(w http.ResponseWriter, r *http.Request) {
	var g api.Get
	if err := Decode(w, r, &g); err != nil {
		Fail(w, err)
		return
	}
	if err := checkGet(g, time.Now()); err != nil {
		Fail(w, err)
		return
	}
	var f api.Flow
	if d.with(w, func(c *agent.Core, now time.Time) { f, _ = c.Flow(now, c.Get(now, g)) }) {
		Answer(w, http.StatusAccepted, f)
	}
}

func checkGet(g api.Get, now time.Time) error {
	bad := func(detail string) error {
		return &api.Problem{Title: "this cannot be fetched", Status: http.StatusBadRequest, Code: api.CodeBadRequest, Detail: detail}
	}
	if _, err := content.ParseID(g.Ref); err != nil {
		if err := content.ValidName(g.Ref); err != nil {
			return bad(fmt.Sprintf("%q is neither a content's name nor its id: %v", g.Ref, err))
		}
	}
	if g.Out != "" && !filepath.IsAbs(g.Out) {
		return bad(fmt.Sprintf("the output %q is not an absolute path", g.Out))
	}
	if g.Priority < -100 || g.Priority > 100 {
		return bad(fmt.Sprintf("priority %d is not between -100 and 100", g.Priority))
	}
	if g.Stage && g.Out != "" {
		return bad("what is staged is kept in the cache and not written out")
	}
	if !g.By.IsZero() && (g.By.Before(now) || g.By.After(now.Add(agent.MaxAhead))) {
		return bad(fmt.Sprintf("%s is not within a year from now", g.By.Format(time.RFC3339)))
	}
	if g.Window != "" {
		if _, err := window.Parse(g.Window); err != nil {
			return bad(fmt.Sprintf("the window %v", err))
		}
	}
	return nil
}

// Decode reads a JSON document; an unknown field is an error.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil && dec.Decode(new(any)) != io.EOF {
		err = errors.New("something follows the document")
	}
	if err != nil {
		return &api.Problem{Title: "the request is not understood", Status: http.StatusBadRequest, Code: api.CodeBadRequest, Detail: err.Error()}
	}
	return nil
}

func (d *Daemon) getFlow(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	find(d, w, noFlow(id), func(c *agent.Core, now time.Time) (api.Flow, bool) {
		f, ok := c.Flow(now, id)
		f.Budget = d.budgetParts(now)
		return f, ok
	})
}

// find answers with what is looked up, or with what is missing.
func find[T any](d *Daemon, w http.ResponseWriter, missing error, look func(*agent.Core, time.Time) (T, bool)) {
	var v T
	var ok bool
	if !d.with(w, func(c *agent.Core, now time.Time) { v, ok = look(c, now) }) {
		return
	}
	if !ok {
		Fail(w, missing)
		return
	}
	Answer(w, http.StatusOK, v)
}

func noFlow(ref string) error {
	return &api.Problem{Title: fmt.Sprintf("no flow %q here", ref), Status: http.StatusNotFound, Code: api.CodeNotFound, Hint: "ebb flow ls"}
}

func (d *Daemon) steer(how func(*agent.Core, time.Time, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var f api.Flow
		var err error
		if !d.with(w, func(c *agent.Core, now time.Time) {
			if err = how(c, now, r.PathValue("id")); err == nil {
				f, _ = c.Flow(now, r.PathValue("id"))
			}
		}) {
			return
		}
		if err != nil {
			Fail(w, err)
			return
		}
		Answer(w, http.StatusOK, f)
	}
}

func (d *Daemon) getContents(w http.ResponseWriter, _ *http.Request) {
	var list []api.Content
	if d.with(w, func(c *agent.Core, _ time.Time) { list = c.Contents() }) {
		Answer(w, http.StatusOK, map[string]any{"contents": list})
	}
}

// verify reads every chunk of a content again. What is damaged is dropped, so that the next get fetches it.
func (d *Daemon) verify(w http.ResponseWriter, r *http.Request) {
	var info api.Content
	var chunks []content.Chunk
	var ok bool
	if !d.with(w, func(c *agent.Core, _ time.Time) { info, chunks, ok = c.Find(r.PathValue("ref")) }) {
		return
	}
	if !ok {
		Fail(w, noContent(r.PathValue("ref")))
		return
	}
	v := api.Verify{Content: info.ID, Name: info.Name, Chunks: len(chunks)}
	buf := make([]byte, 0, content.MaxChunk)
	for _, x := range chunks {
		_, err := d.o.Store.Get(x.ID, buf)
		var corrupt *store.CorruptError
		switch {
		case err == nil:
			v.Good++
		case errors.Is(err, store.ErrNotFound):
			v.Missing++
		case errors.As(err, &corrupt):
			v.Damaged++
			d.do(func(c *agent.Core, now time.Time) { c.Damaged(now, x.ID) })
		default:
			Fail(w, err)
			return
		}
		if r.Context().Err() != nil {
			return
		}
	}
	v.OK = v.Good == v.Chunks
	Answer(w, http.StatusOK, v)
}

func noContent(ref string) error {
	return &api.Problem{Title: fmt.Sprintf("no content %q is known here", ref), Status: http.StatusNotFound, Code: api.CodeNotFound,
		Hint: "ebb content ls"}
}

func (d *Daemon) getWhy(w http.ResponseWriter, r *http.Request) {
	ref := r.PathValue("ref")
	find(d, w, noFlow(ref), func(c *agent.Core, now time.Time) (api.Why, bool) {
		why, ok := c.Why(now, ref)
		if ok && why.Flow.State == api.StateFetching {
			why.Reasons = append(why.Reasons, d.shortOfBudget(now)...)
		}
		return why, ok
	})
}

func (d *Daemon) getPeers(w http.ResponseWriter, _ *http.Request) {
	var list []api.Peer
	if !d.with(w, func(c *agent.Core, now time.Time) {
		list = c.Peers(now)
		for i := range list {
			if p := d.peers[list[i].Peer]; p != nil {
				list[i].Carrier = carriedBy(p.conn)
			}
			t := d.totals[list[i].Peer]
			if t == nil {
				continue
			}
			p := &list[i]
			p.Received, p.Sent = t.received, t.sent
			p.RTT, p.QueueDelay, p.Rate = t.stats.RTT.Seconds(), t.stats.QueueDelay.Seconds(), t.stats.Rate*8
		}
	}) {
		return
	}
	Answer(w, http.StatusOK, map[string]any{"peers": list})
}
