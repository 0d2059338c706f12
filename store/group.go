// SPDX-License-Identifier: Apache-2.0

package store

import (
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ebbproject/ebb/content"
)

// A change is what one call wants of the journal. It takes effect as a whole or not at all.
type change struct {
	puts    []file // written and synced, their folder not yet
	drops   []file // chunks to leave the index; number 0 stands for whichever file holds the chunk
	records []Record

	// Set by whoever leads the group.
	settled bool
	err     error
	spare   []file // of puts: the chunk was there already, the file is not needed
	dropped []file // of drops: what was there, now without an entry
	unsure  bool   // the commit failed; revive will tell, and settle the files
}

// A group gathers the changes of concurrent calls, so that they share the syncs of folders and journal. There is no
// goroutine for it: of the calls that wait, the one that gets the lead works for all.
type group struct {
	mu      sync.Mutex
	waiting []*change

	lead   sync.Mutex
	unsure []file // of failed commits: the journal may or may not name them; guarded by lead
	failed bool   // JournalFailed was told; guarded by lead
}

// change makes a change durable.
func (s *Store) change(c *change) error {
	s.group.mu.Lock()
	s.group.waiting = append(s.group.waiting, c)
	s.group.mu.Unlock()

	s.group.lead.Lock()
	defer s.group.lead.Unlock()
	if !c.settled {
		s.leadLocked()
	}
	return c.err
}

// lead commits what waits, and with it what is doomed.
func (s *Store) lead() {
	s.group.lead.Lock()
	defer s.group.lead.Unlock()
	s.leadLocked()
}

func (s *Store) leadLocked() {
	s.group.mu.Lock()
	cs := s.group.waiting
	s.group.waiting = nil
	s.group.mu.Unlock()
	for _, c := range cs {
		c.settled = true // when the lead is given back, which is when others look
	}
	if err := s.revive(); err != nil {
		for _, c := range cs {
			c.err = err
		}
		return
	}
	var told Commit
	start := time.Now()
	s.syncFolders(cs)
	told.Folders = time.Since(start)
	cs = slices.DeleteFunc(cs, func(c *change) bool { return c.err != nil })
	start = time.Now()
	if err := s.commit(cs, &told); err != nil {
		s.refuse(cs, err)
		return
	}
	told.Journal = time.Since(start)
	if s.events.Committed != nil && told.Chunks+told.Dropped+told.Records > 0 {
		s.events.Committed(told)
	}
}

// syncFolders makes the names of files durable, each folder once. A change whose folder fails is refused: its files
// count as not written.
func (s *Store) syncFolders(cs []*change) {
	done := map[uint64]error{}
	for _, c := range cs {
		for _, f := range c.puts {
			err, ok := done[f.folder()]
			if !ok {
				err = s.folders.sync(f.folder())
				done[f.folder()] = err
				if err != nil {
					s.folders.retire(f.folder())
				}
			}
			if err != nil && c.err == nil {
				c.err = explain("syncing "+s.folders.path(f.folder()), err)
			}
		}
	}
}

// commit writes the changes to the journal in one batch.
func (s *Store) commit(cs []*change, told *Commit) error {
	gone, fresh := s.doomed.list()
	e := entries{now: map[content.ID]file{}}
	err := s.journal.commit(func(b *pebble.Batch, v *view) error {
		e.batch, e.view = b, v
		for _, c := range cs {
			if err := e.change(c); err != nil {
				return s.readFailure(v, err)
			}
		}
		return e.doom(gone, fresh)
	})
	if err != nil {
		return err
	}
	s.doomed.forget(len(gone), len(fresh))
	for _, f := range e.added {
		s.count(f, +1)
	}
	for _, f := range e.dropped {
		s.count(f, -1)
	}
	told.Chunks, told.Dropped, told.Records = len(e.added), len(e.dropped), e.records
	return nil
}

// refuse gives changes back whose commit failed. When the journal itself failed, it may hold them nevertheless.
func (s *Store) refuse(cs []*change, err error) {
	failed := s.journal.failure() != nil
	for _, c := range cs {
		c.err = explain("writing the journal", err)
		c.spare, c.dropped = nil, nil
		if failed {
			c.unsure = true
			s.group.unsure = append(s.group.unsure, c.puts...)
		}
	}
}

// revive opens the journal anew if it has failed, and finds out what became of the changes that were refused then.
func (s *Store) revive() error {
	failure := s.journal.failure()
	if failure == nil && !s.group.failed {
		return nil
	}
	if !s.group.failed && s.events.JournalFailed != nil {
		s.events.JournalFailed(failure)
	}
	s.group.failed = true
	if failure != nil {
		if err := s.journal.reopen(); err != nil {
			return explain("the journal has failed, and opening it again does too", err)
		}
	}
	if err := s.resolve(); err != nil {
		return err
	}
	s.group.failed = false
	if s.events.JournalReopened != nil {
		s.events.JournalReopened()
	}
	return nil
}

// resolve settles the files of commits that failed by what the journal holds after all.
func (s *Store) resolve() error {
	v := s.journal.acquire()
	defer s.journal.release(v)
	if err := s.recount(v); err != nil {
		return s.readFailure(v, err)
	}
	var unneeded []file
	for _, f := range s.group.unsure {
		held, err := v.find(f.id)
		if err != nil && err != ErrNotFound {
			return s.readFailure(v, err)
		}
		if held.number != f.number {
			unneeded = append(unneeded, f)
		}
	}
	_ = s.discard(unneeded)
	s.folders.settle(s.group.unsure)
	s.group.unsure = nil
	return s.sweep(v)
}
