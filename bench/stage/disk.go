// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"errors"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// group is how many chunks are stored at once, about as many as queue up while the group before is synced.
const group = 8

// Disk is what a store cost.
type Disk struct {
	Put     Cost // hash, write, sync
	Get     Cost // read from the page cache, hash
	Journal Journal
}

// Journal sums up the commits of a store.
type Journal struct {
	Commits int
	Folders time.Duration // syncing chunk folders
	Journal time.Duration // writing and syncing the journal
	took    []time.Duration
}

// P99 is the time that one commit of a hundred takes longer than, in the journal alone.
func (j *Journal) P99() time.Duration {
	if len(j.took) == 0 {
		return 0
	}
	slices.Sort(j.took)
	return j.took[len(j.took)*99/100]
}

// Committed adds a commit; it fits store.Events.
func (j *Journal) Committed(c store.Commit) {
	j.Commits++
	j.Folders += c.Folders
	j.Journal += c.Journal
	j.took = append(j.took, c.Journal)
}

// Store puts chunks into a new store in the folder dir, durably, as fast as it takes them, and reads them back.
func Store(dir string, bytes int64) (d Disk, err error) {
	s, err := store.Open(dir, store.Options{Events: store.Events{Committed: d.Journal.Committed}})
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	list := blobs(bytes)
	bytes = int64(len(list)) * content.AvgChunk
	d.Put, err = measure(bytes, func() error {
		for part := range slices.Chunk(list, group) {
			if err := s.Put(part...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	d.Get, err = measure(bytes, func() error {
		buf := make([]byte, 0, content.MaxChunk)
		for _, b := range list {
			if _, err := s.Get(b.ID, buf); err != nil {
				return err
			}
		}
		return nil
	})
	return d, err
}
