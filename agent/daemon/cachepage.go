// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"net/http"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/store"
)

// scrubRest is how long the scrub rests for each chunk it has read, in times of what reading took: it takes a fifth of the
// disk's time and leaves the rest to others.
const scrubRest = 4

// cachePages adds what is about the cache to the local API.
func (d *Daemon) cachePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/cache", d.getCache)
	mux.HandleFunc("POST /api/v1/cache/gc", d.collect)
	mux.HandleFunc("POST /api/v1/cache/verify", d.scrub)
	mux.HandleFunc("GET /api/v1/contents/{ref}", d.getContent)
	mux.HandleFunc("DELETE /api/v1/contents/{ref}", d.deleteContent)
	mux.HandleFunc("POST /api/v1/contents/{ref}/pin", d.pin(true))
	mux.HandleFunc("POST /api/v1/contents/{ref}/unpin", d.pin(false))
}

func (d *Daemon) getCache(w http.ResponseWriter, _ *http.Request) {
	var v api.Cache
	if d.with(w, func(c *agent.Core, now time.Time) { v = c.Cache(now) }) {
		Answer(w, http.StatusOK, v)
	}
}

// removable refuses removals on a hub: what is published there is there for the others.
func (d *Daemon) removable() error {
	if d.o.Node.Identity.Role != fleet.RoleHub {
		return nil
	}
	return &api.Problem{Title: "a hub keeps what is published", Status: http.StatusForbidden, Code: api.CodeDenied}
}

func (d *Daemon) collect(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Free   int64 `json:"free_bytes"`
		DryRun bool  `json:"dry_run"`
	}
	err := Decode(w, r, &ask)
	if err == nil {
		err = d.removable()
	}
	if err == nil && ask.Free < 0 {
		err = &api.Problem{Title: "less than nothing cannot be freed", Status: http.StatusBadRequest, Code: api.CodeBadRequest}
	}
	if err != nil {
		Fail(w, err)
		return
	}
	var v api.Removed
	if d.with(w, func(c *agent.Core, now time.Time) { v = c.Collect(now, ask.Free, ask.DryRun) }) {
		Answer(w, http.StatusOK, v)
	}
}

func (d *Daemon) deleteContent(w http.ResponseWriter, r *http.Request) {
	if err := d.removable(); err != nil {
		Fail(w, err)
		return
	}
	var v api.Removed
	var err error
	dry := r.URL.Query().Get("dry_run") == "true"
	if !d.with(w, func(c *agent.Core, now time.Time) { v, err = c.Remove(now, r.PathValue("ref"), dry) }) {
		return
	}
	if err != nil {
		Fail(w, err)
		return
	}
	Answer(w, http.StatusOK, v)
}

func (d *Daemon) pin(on bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var err error
		if !d.with(w, func(c *agent.Core, now time.Time) { err = c.Pin(now, r.PathValue("ref"), on) }) {
			return
		}
		if err != nil {
			Fail(w, err)
			return
		}
		d.getContent(w, r)
	}
}

func (d *Daemon) getContent(w http.ResponseWriter, r *http.Request) {
	ref := r.PathValue("ref")
	find(d, w, noContent(ref), func(c *agent.Core, _ time.Time) (api.Content, bool) {
		v, _, ok := c.Find(ref)
		return v, ok
	})
}

// scrub reads and hashes all that is held, and rests in between. What is damaged is dropped; a flow that needs it fetches
// it again.
func (d *Daemon) scrub(w http.ResponseWriter, r *http.Request) {
	var ids []content.ID
	err := d.o.Store.Each(func(id content.ID, _ uint32) bool {
		ids = append(ids, id)
		return true
	})
	if err != nil {
		Fail(w, err)
		return
	}
	var v api.Scrub
	buf := make([]byte, 0, content.MaxChunk)
	for _, id := range ids {
		start := time.Now()
		data, err := d.o.Store.Get(id, buf)
		var corrupt *store.CorruptError
		switch {
		case err == nil:
			v.Chunks, v.Good, v.Bytes = v.Chunks+1, v.Good+1, v.Bytes+int64(len(data))
		case errors.Is(err, store.ErrNotFound): // it has left meanwhile
		case errors.As(err, &corrupt):
			v.Chunks, v.Damaged = v.Chunks+1, v.Damaged+1
			d.o.Log.Warn("a chunk was damaged on disk and is dropped", "err", err)
			d.do(func(c *agent.Core, now time.Time) { c.Damaged(now, id) })
		default:
			Fail(w, err)
			return
		}
		if r.Context().Err() != nil {
			return
		}
		if d.ctx.Err() != nil {
			Fail(w, &api.Problem{Title: "the daemon is shutting down", Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable})
			return
		}
		d.pause(min(scrubRest*time.Since(start), time.Second))
	}
	v.OK = v.Damaged == 0
	Answer(w, http.StatusOK, v)
}

// pause waits, but not beyond Close.
func (d *Daemon) pause(t time.Duration) {
	select {
	case <-time.After(t):
	case <-d.ctx.Done():
	}
}
