// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer"
)

const (
	readers    = 2
	writers    = 2                      // groups stored at a time: more would only divide the same chunks into smaller ones
	groupMost  = 32                     // chunks committed at once
	groupLeast = 8                      // chunks worth a commit without waiting for more
	groupWait  = 20 * time.Millisecond  // for more
	storeRetry = 500 * time.Millisecond // how often a full or failing disk is tried again
)

// buffers are reused between reads of chunks; a chunk has at most content.MaxChunk bytes.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, content.AvgChunk*2); return &b }}

func release(b []byte) {
	if cap(b) >= content.AvgChunk {
		b = b[:0]
		buffers.Put(&b)
	}
}

// A writer stores chunks as they come, as many at once as have queued up, while others are being stored: so the disk has data to write while
// a folder and the journal are synced. A chunk that finds no room waits here, in memory, until there is room: nothing that was
// received is thrown away.
type writer struct {
	d       *Daemon
	waiting []agent.Store
	under   int   // groups that are being stored
	bytes   int64 // of these
	ended   chan attempt
	failing bool
}

// attempt is a group, and what came of storing it.
type attempt struct {
	group []agent.Store
	bytes int64
	again bool // begun after another had failed: if it does not, the disk takes chunks again
	err   error
}

func (d *Daemon) write() {
	defer d.running.Done()
	w := writer{d: d, ended: make(chan attempt)}
	clock := time.NewTimer(time.Hour)
	for ticking := false; ; {
		patient := true
		select {
		case <-d.toWrite.signal:
		case <-d.toEvict.signal:
		case a := <-w.ended:
			w.attempted(a)
			if a.err != nil {
				ticking = true
				clock.Reset(storeRetry)
				continue
			}
		case <-clock.C:
			ticking, patient = false, false
		case <-d.ctx.Done():
			for ; w.under > 0; w.under-- {
				<-w.ended
			}
			return
		}
		w.waiting = append(w.waiting, d.toWrite.all()...)
		// A chunk that was to leave and is fetched anew is in both mailboxes, and the order counts: what is to be
		// removed was put in first, so it is looked for last and done first.
		d.evict(d.toEvict.all())
		if again := w.begin(patient); again > 0 && !ticking {
			ticking = true
			clock.Reset(again)
		}
	}
}

// begin stores what waits as far as it may, and says when to look again though nothing has happened; 0: no need. Who is patient waits a
// moment for more.
func (w *writer) begin(patient bool) (again time.Duration) {
	for len(w.waiting) > 0 && (w.under == 0 || w.under < writers && !w.failing) {
		n := min(len(w.waiting), groupMost)
		if n < groupLeast && patient && !w.failing {
			if w.under > 0 {
				return 0
			}
			return groupWait
		}
		a := attempt{group: slices.Clone(w.waiting[:n]), again: w.failing}
		for _, s := range a.group {
			a.bytes += int64(len(s.Data))
		}
		if err := w.d.keepsFloor(w.bytes + a.bytes); err != nil {
			if w.under > 0 {
				return 0 // what is being stored may be counted twice
			}
			w.failed(err)
			return storeRetry
		}
		w.waiting = slices.Delete(w.waiting, 0, n)
		w.under++
		w.bytes += a.bytes
		go func() {
			a.err = w.d.put(a.group)
			w.ended <- a
		}()
	}
	return 0
}

// attempted takes note of how storing a group has ended.
func (w *writer) attempted(a attempt) {
	w.under--
	w.bytes -= a.bytes
	switch {
	case a.err != nil:
		w.waiting = slices.Concat(a.group, w.waiting)
		w.failed(a.err)
	case a.again && w.failing:
		w.failing = false
		w.d.do(func(c *agent.Core, now time.Time) { c.StoreReady(now) })
	}
}

func (w *writer) failed(err error) {
	if w.failing {
		return
	}
	w.failing = true
	w.d.o.Log.Error("chunks cannot be written; fetching waits until they can", "err", err)
	full := errors.Is(err, store.ErrNoSpace)
	w.d.do(func(c *agent.Core, now time.Time) { c.StoreFailed(now, full) })
}

// put stores a group, tells the core, and gives the buffers back to the conversations that brought them.
func (d *Daemon) put(group []agent.Store) error {
	blobs := make([]store.Blob, len(group))
	for i, s := range group {
		blobs[i] = store.Blob{ID: s.ID, Data: s.Data, Verified: true} // in conversation.received
	}
	if err := d.o.Store.Put(blobs...); err != nil {
		return err
	}
	d.do(func(c *agent.Core, now time.Time) {
		for _, s := range group {
			c.Stored(now, s.ID)
			d.toPeer(s.Peer, recycle{s.Data})
		}
	})
	return nil
}

// read reads what peers requested, for the conversation to send.
func (d *Daemon) read() {
	defer d.running.Done()
	for {
		select {
		case <-d.toRead.signal:
		case <-d.ctx.Done():
			return
		}
		for {
			s, ok, more := d.toRead.one()
			if !ok {
				break
			}
			if more {
				d.toRead.wake()
			}
			d.serve(s)
		}
	}
}

func (d *Daemon) serve(s agent.Serve) {
	if s.Kind == transfer.KindManifest {
		raw, err := d.o.Store.Lookup(agent.ManifestKey(s.ID))
		if err != nil || len(raw) > int(s.Size) {
			d.decline(s, transfer.ReasonNotHeld)
			return
		}
		d.answer(s, raw)
		return
	}
	buf := *buffers.Get().(*[]byte)
	data, err := d.o.Store.Get(s.ID, buf)
	var corrupt *store.CorruptError
	switch {
	case errors.As(err, &corrupt):
		d.o.Log.Warn("a chunk was damaged on disk and is dropped", "err", err)
		d.do(func(c *agent.Core, now time.Time) { c.Damaged(now, s.ID) })
		d.decline(s, transfer.ReasonCorrupt)
	case err != nil:
		d.decline(s, transfer.ReasonNotHeld)
	case len(data) != int(s.Size):
		release(data)
		d.decline(s, transfer.ReasonNotHeld)
	default:
		d.answer(s, data)
	}
}

func (d *Daemon) answer(s agent.Serve, data []byte) {
	d.do(func(*agent.Core, time.Time) { d.toPeer(s.Peer, answer{s.Request, data, s.Content}) })
}

func (d *Daemon) decline(s agent.Serve, why transfer.Reason) {
	d.do(func(c *agent.Core, _ time.Time) {
		c.Released(s.Peer, s.Request)
		d.toPeer(s.Peer, agent.Decline{Peer: s.Peer, Request: s.Request, Reason: why})
	})
}
