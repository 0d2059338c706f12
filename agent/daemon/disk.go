// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"sync"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer"
)

const (
	readers    = 2
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

// write commits chunks as they come, as many at once as have queued up. A chunk that finds no room waits here, in
// memory, until there is room: nothing that was received is thrown away.
func (d *Daemon) write() {
	defer d.running.Done()
	var group []agent.Store
	failing := false
	retry := time.NewTimer(time.Hour)
	for {
		select {
		case <-d.toWrite.signal:
		case <-d.toEvict.signal:
		case <-retry.C:
		case <-d.ctx.Done():
			return
		}
		group = append(group, d.toWrite.all()...)
		if 0 < len(group) && len(group) < groupLeast {
			d.pause(groupWait)
			group = append(group, d.toWrite.all()...)
		}
		// A chunk that was to leave and is fetched anew is in both mailboxes, and the order counts: what is to be
		// removed was put in first, so it is looked for last and done first.
		d.evict(d.toEvict.all())
		for len(group) > 0 {
			n := min(len(group), groupMost)
			err := d.put(group[:n])
			if err != nil {
				if !failing {
					failing = true
					d.storeFailed(err)
				}
				retry.Reset(storeRetry)
				break
			}
			group = group[n:]
			if failing {
				failing = false
				d.do(func(c *agent.Core, now time.Time) { c.StoreReady(now) })
			}
		}
	}
}

// pause waits, but not beyond Close.
func (d *Daemon) pause(t time.Duration) {
	select {
	case <-time.After(t):
	case <-d.ctx.Done():
	}
}

// put stores a group, tells the core, and gives the buffers back to the conversations that brought them.
func (d *Daemon) put(group []agent.Store) error {
	blobs := make([]store.Blob, len(group))
	bytes := 0
	for i, s := range group {
		blobs[i] = store.Blob{ID: s.ID, Data: s.Data, Verified: true} // in conversation.received
		bytes += len(s.Data)
	}
	if err := d.keepsFloor(int64(bytes)); err != nil {
		return err
	}
	if err := d.o.Store.Put(blobs...); err != nil {
		return err
	}
	done := append([]agent.Store(nil), group...)
	d.do(func(c *agent.Core, now time.Time) {
		for _, s := range done {
			c.Stored(now, s.ID)
			d.toPeer(s.Peer, recycle{s.Data})
		}
	})
	return nil
}

func (d *Daemon) storeFailed(err error) {
	d.o.Log.Error("chunks cannot be written; fetching waits until they can", "err", err)
	full := errors.Is(err, store.ErrNoSpace)
	d.do(func(c *agent.Core, now time.Time) { c.StoreFailed(now, full) })
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
