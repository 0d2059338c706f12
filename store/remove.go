// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/ebbproject/ebb/content"
)

// Delete removes chunks: durably from the index, then their files. Those not stored are fine. An error after the
// index was changed says that files are left over; the next Open removes them.
func (s *Store) Delete(ids ...content.ID) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	files := make([]file, len(ids))
	for i, id := range ids {
		files[i] = file{id: id}
	}
	_, err := s.drop(files)
	return err
}

// Evict removes chunks, in order of arrival, until at least the given number of bytes is freed or nothing is left
// that may go. It passes over those that keep returns true for; a nil keep keeps nothing. It returns the bytes freed,
// also beside an error.
func (s *Store) Evict(bytes int64, keep func(content.ID) bool) (freed int64, err error) {
	if bytes <= 0 {
		return 0, nil
	}
	if err := s.gate.enter(); err != nil {
		return 0, err
	}
	defer s.gate.leave()
	for from := uint64(0); freed < bytes; {
		victims, next, err := s.oldest(from, bytes-freed, keep)
		if err != nil || len(victims) == 0 {
			return freed, err
		}
		n, err := s.drop(victims)
		freed += n
		if err != nil {
			return freed, err
		}
		from = next
	}
	return freed, nil
}

// oldest returns chunks of at least the given number of bytes, or as many as one group takes, from a number on; next
// is where to go on.
func (s *Store) oldest(from uint64, bytes int64, keep func(content.ID) bool) (found []file, next uint64, err error) {
	v := s.journal.acquire()
	defer s.journal.release(v)
	err = v.between(numberKey(kindOrder, from), []byte{kindOrder + 1}, func(k, value []byte) error {
		f, err := parseOrder(k, value)
		if err != nil {
			return err
		}
		next = f.number + 1
		if keep != nil && keep(f.id) {
			return nil
		}
		found = append(found, f)
		if bytes -= int64(f.size); bytes <= 0 || len(found) == folderCapacity {
			return errStop
		}
		return nil
	})
	if err != nil {
		return nil, 0, s.readFailure(v, err)
	}
	return found, next, nil
}

// drop removes chunks in groups, and returns the bytes freed.
func (s *Store) drop(files []file) (freed int64, err error) {
	for part := range slices.Chunk(files, folderCapacity) {
		c := &change{drops: part}
		if err := s.change(c); err != nil {
			return freed, err
		}
		if err := s.clear(c.dropped); err != nil {
			return freed, err
		}
		for _, f := range c.dropped {
			freed += int64(f.size)
		}
	}
	return freed, nil
}

// clear removes files that are doomed in the journal, and lets it forget those that are gone.
func (s *Store) clear(files []file) error {
	gone, _, err := s.remove(files)
	s.doomed.add(gone, nil)
	return err
}

// discard removes files that the journal knows nothing of, and has it doom those that stay.
func (s *Store) discard(files []file) error {
	_, left, err := s.remove(files)
	s.doomed.add(nil, left)
	return err
}

// remove removes files, durably: those of a folder that cannot be synced count as left.
func (s *Store) remove(files []file) (gone, left []file, err error) {
	var errs []error
	byFolder := map[uint64][]file{}
	var order []uint64
	for _, f := range files {
		if err := s.fs.Remove(s.path(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, explain("removing "+s.path(f), err))
			left = append(left, f)
			continue
		}
		if byFolder[f.folder()] == nil {
			order = append(order, f.folder())
		}
		byFolder[f.folder()] = append(byFolder[f.folder()], f)
	}
	for _, folder := range order {
		if err := s.folders.sync(folder); err != nil {
			errs = append(errs, explain("syncing "+s.folders.path(folder), err))
			left = append(left, byFolder[folder]...)
			continue
		}
		gone = append(gone, byFolder[folder]...)
	}
	return gone, left, errors.Join(errs...)
}
