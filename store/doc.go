// SPDX-License-Identifier: Apache-2.0

// Package store keeps chunks and small records on a disk that may lose power at any moment.
//
// # Words
//
// A chunk is bytes named by their SHA-256. It is stored when it is whole on disk and the journal says so; only then do
// Has, Get and Each know of it. A record is a key with a value, for the few facts of the rooms above that must survive:
// flows, manifests, the highest version seen. The journal is a pebble database with the records and the index of
// chunks. Durable means: there after a power cut.
//
// # On disk
//
//	DIR/lock                     held while a Store is open, or Repair runs
//	DIR/journal/                 pebble
//	DIR/chunks/00001f/ID-3a7     chunk file 0x3a7 of folder 0x1f: the bytes of chunk ID and nothing else
//	DIR/journal.damaged/         what Repair set aside
//
// Chunk files carry numbers in order of arrival, 1024 to a folder. A number is used once, so that removing a chunk and
// storing it again never touch the same name, and no call waits for another over a name. Filling folders one after the
// other makes the chunks of one commit share one folder, and so one folder sync; folders named by the first digits of
// the id would need a sync for nearly each chunk. It also makes eviction, oldest first, empty whole folders.
//
// There is no renaming: a file that the journal does not name does not count, whatever its name.
//
// # The order of things
//
// Put: write and sync the file, sync its folder, then write and sync the journal. So the journal never names a chunk
// that is not whole. Delete and Evict: take the chunk out of the index and doom its file in one journal commit, remove
// the file, sync the folder, and with the next commit forget the doomed file. So no file is left over for good.
//
// After a crash, files may lie about that the journal does not name. Those that were being removed are doomed in the
// journal; those that were being written are in the last two folders, because no folder is begun while a file in the
// one before the last is of open fate. Open removes both, and looks at no other chunk file: opening takes as long as
// reading the index, not the chunks.
//
// Concurrent calls share syncs: files are written and synced side by side, then one of the callers syncs folders and
// journal for all that wait.
//
// On Linux and a local disk, chunk files are written past the page cache (see package direct), with the same syncs
// after it: storing chunks for others does not push out what the users of the machine have in memory, and costs a
// fraction of the processor time. They are read in the ordinary way.
//
// Readers see the last state that is known to be durable, never a newer one.
//
// # When the disk fails
//
// A failed sync means that nothing written since the last good one is known to be there. A file that cannot be synced
// is removed and its Put fails; a folder that cannot be synced gets no more files; a journal that cannot be written or
// synced is opened anew, as after a power cut, before the next change (see guard). What was acknowledged stays, and
// stays readable meanwhile. A full disk is ErrNoSpace and passes: Put leaves 16 MiB to the journal, so that chunks can
// still be deleted and records written. A store that is opened on a full disk is read, and changes try to open its journal anew.
//
// Get hashes what it reads, every time. A chunk file that is missing, truncated or changed is dropped from the index
// and removed, and reported as a *CorruptError, so that the chunk is fetched again. An input error is not damage: the
// chunk stays. A damaged journal is a *DamagedError, which names the command that calls Repair.
//
// # Not promised
//
// The order of arrival is the order of Evict; use does not make a chunk younger (who knows contents, as agent/cache does,
// chooses better and calls Delete). Damage at the very end of the log,
// after a crash, cannot be told from the end that the crash itself left; a clean Close leaves nothing there. Each chunk
// is whole or absent; a Put of more than 256 chunks may store some of them when it fails. Several chunks may briefly
// occupy the disk twice when callers store the same one at the same time. On Windows, folders are not synced, because
// the system offers no such call.
package store
