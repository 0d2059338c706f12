// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"io/fs"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// folders gives out places for chunk files: numbers, in folders of folderCapacity, filled one after the other.
//
// Files are written in the order of arrival, so the chunks of one group commit lie in one folder and one sync makes
// all their names durable, and the chunks that are evicted together lie together as well.
//
// Invariant: files whose fate is open (placed, not yet in the journal and not yet removed) are only in the last two
// folders. A restart therefore finds everything that a crash left behind by listing these two.
type folders struct {
	fs   vfs.FS
	root string

	mu      sync.Mutex
	settled *sync.Cond     // a writer count went down
	next    uint64         // the next number to give out; 0 never is
	made    int64          // the last folder made, with its name synced; -1: none
	writers map[uint64]int // files of open fate, by folder
}

func newFolders(fsys vfs.FS, root string, next uint64) *folders {
	f := &folders{fs: fsys, root: root, next: max(next, 1), made: -1, writers: map[uint64]int{}}
	f.settled = sync.NewCond(&f.mu)
	return f
}

func (f *folders) path(folder uint64) string { return f.fs.PathJoin(f.root, folderName(folder)) }

// place gives numbers to files, all in one folder, and opens their fate: settle must follow for each. It takes all
// numbers at once because it may have to wait for files placed long ago, and who waits must not hold any.
func (f *folders) place(files []file) error {
	n := uint64(len(files))
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		if f.next%folderCapacity+n > folderCapacity {
			f.next = (f.next/folderCapacity + 1) * folderCapacity
		}
		folder := f.next / folderCapacity
		if int64(folder) == f.made {
			break
		}
		if folder >= 2 && f.writers[folder-2] > 0 {
			f.settled.Wait()
			continue
		}
		if err := f.make(folder); err != nil {
			return err
		}
	}
	for i := range files {
		files[i].number = f.next
		f.next++
	}
	f.writers[files[0].folder()] += len(files)
	return nil
}

func (f *folders) make(folder uint64) error {
	if err := f.fs.MkdirAll(f.path(folder), 0o700); err != nil {
		return err
	}
	if err := syncFolder(f.fs, f.root); err != nil {
		return err
	}
	f.made = int64(folder)
	return nil
}

// settle says that the fate of files is known.
func (f *folders) settle(files []file) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range files {
		folder := one.folder()
		if f.writers[folder]--; f.writers[folder] == 0 {
			delete(f.writers, folder)
		}
	}
	f.settled.Broadcast()
}

// retire gives no more places in a folder whose sync has failed: what the kernel still believes about it is unknown.
func (f *folders) retire(folder uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next/folderCapacity == folder {
		f.next = (folder + 1) * folderCapacity
	}
}

// sync makes the names in a folder durable. A folder that will get no more files and is empty is removed instead.
func (f *folders) sync(folder uint64) error {
	f.mu.Lock()
	full := int64(folder)+1 < f.made // nobody has a place in it any more: see the invariant
	f.mu.Unlock()
	if full && f.fs.Remove(f.path(folder)) == nil {
		return syncFolder(f.fs, f.root)
	}
	err := syncFolder(f.fs, f.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return syncFolder(f.fs, f.root) // somebody else has just removed it
	}
	return err
}

// syncFolder makes the names in one directory durable.
func syncFolder(fsys vfs.FS, path string) error {
	dir, err := fsys.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// listFolders returns the numbers of the folders that exist, in order. None is fine.
func listFolders(fsys vfs.FS, root string) ([]uint64, error) {
	names, err := fsys.List(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []uint64
	for _, name := range names {
		if n, ok := parseFolderName(name); ok {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, err
}

// listFiles returns the chunk files in one folder, in order of their numbers. Other names are left alone.
func listFiles(fsys vfs.FS, path string, folder uint64) ([]file, error) {
	names, err := fsys.List(path)
	if err != nil {
		return nil, err
	}
	var found []file
	for _, name := range names {
		if f, ok := parseFileName(folder, name); ok {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b file) int { return int(int64(a.number) - int64(b.number)) })
	return found, nil
}
