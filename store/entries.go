// SPDX-License-Identifier: Apache-2.0

package store

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ebbproject/ebb/content"
)

// entries writes the changes of one group into a batch.
type entries struct {
	batch *pebble.Batch
	view  *view
	now   map[content.ID]file // what the group has changed so far; number 0: dropped

	added, dropped []file
	records        int
}

// find returns the file that holds a chunk. ErrNotFound.
func (v *view) find(id content.ID) (file, error) {
	value, err := v.get(chunkKey(id))
	if err != nil {
		return file{}, err
	}
	return parseChunkValue(id, value)
}

func (e *entries) find(id content.ID) (file, error) {
	f, ok := e.now[id]
	if !ok {
		return e.view.find(id)
	}
	if f.number == 0 {
		return file{}, ErrNotFound
	}
	return f, nil
}

func (e *entries) change(c *change) error {
	for _, f := range c.puts {
		spare, err := e.put(f)
		if err != nil {
			return err
		}
		if spare {
			c.spare = append(c.spare, f)
		}
	}
	for _, f := range c.drops {
		if err := e.drop(c, f); err != nil {
			return err
		}
	}
	for _, r := range c.records {
		if err := e.record(r); err != nil {
			return err
		}
	}
	return nil
}

func (e *entries) put(f file) (spare bool, err error) {
	switch _, err := e.find(f.id); err {
	case nil:
		return true, nil
	case ErrNotFound:
	default:
		return false, err
	}
	e.now[f.id] = f
	e.added = append(e.added, f)
	return false, putKeys(e.batch, f)
}

func putKeys(b *pebble.Batch, f file) error {
	if err := b.Set(chunkKey(f.id), chunkValue(f), nil); err != nil {
		return err
	}
	return b.Set(numberKey(kindOrder, f.number), orderValue(f), nil)
}

// drop takes a chunk out of the index and dooms its file, in one batch: so the file is found after a crash, whenever
// it is removed.
func (e *entries) drop(c *change, f file) error {
	held, err := e.find(f.id)
	if err == ErrNotFound || err == nil && f.number != 0 && f.number != held.number {
		return nil
	}
	if err != nil {
		return err
	}
	e.now[f.id] = file{}
	e.dropped = append(e.dropped, held)
	c.dropped = append(c.dropped, held)
	if err := e.batch.Delete(chunkKey(held.id), nil); err != nil {
		return err
	}
	if err := e.batch.Delete(numberKey(kindOrder, held.number), nil); err != nil {
		return err
	}
	return e.batch.Set(numberKey(kindDoomed, held.number), held.id[:], nil)
}

func (e *entries) record(r Record) error {
	e.records++
	if r.Value == nil {
		return e.batch.Delete(recordKey(r.Key), nil)
	}
	return e.batch.Set(recordKey(r.Key), r.Value, nil)
}

// doom forgets files that are gone and remembers files that could not be removed.
func (e *entries) doom(gone []uint64, fresh []file) error {
	for _, number := range gone {
		if err := e.batch.Delete(numberKey(kindDoomed, number), nil); err != nil {
			return err
		}
	}
	for _, f := range fresh {
		if err := e.batch.Set(numberKey(kindDoomed, f.number), f.id[:], nil); err != nil {
			return err
		}
	}
	return nil
}

// doomed is what the next commit has to say about files that no chunk needs. Nobody waits for it: until then a crash
// means that such a file is removed twice.
type doomed struct {
	mu    sync.Mutex
	gone  []uint64 // doomed in the journal, removed, and their folder synced
	fresh []file   // not doomed in the journal, and could not be removed
}

func (d *doomed) add(gone, fresh []file) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range gone {
		d.gone = append(d.gone, f.number)
	}
	d.fresh = append(d.fresh, fresh...)
}

func (d *doomed) list() (gone []uint64, fresh []file) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone[:len(d.gone):len(d.gone)], d.fresh[:len(d.fresh):len(d.fresh)]
}

// forget drops what list returned, now that it is in the journal.
func (d *doomed) forget(gone, fresh int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone, d.fresh = d.gone[gone:], d.fresh[fresh:]
}

func (d *doomed) pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.gone)+len(d.fresh) > 0
}
