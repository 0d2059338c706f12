// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/ebbproject/ebb/content"
)

// Where things lie in a state directory, and what the keys of the journal look like. Every form here has exactly one
// accepted spelling; what does not parse is not ours.
const (
	lockName       = "lock"
	journalName    = "journal"
	freshName      = "journal.new"     // Repair builds here
	setAsideName   = "journal.damaged" // Repair leaves the old one here
	chunksName     = "chunks"
	formatVersion  = 1
	folderCapacity = 1024 // chunk files a folder; see doc.go for why
)

// A file is one chunk file. Numbers are given out once and never again, so that a file that is being removed and a
// file that is being written never share a name, even when they hold the same chunk.
type file struct {
	id     content.ID
	number uint64
	size   uint32
}

func (f file) folder() uint64 { return f.number / folderCapacity }

// name is the file's name inside its folder: the id first, for people who look for it.
func (f file) name() string {
	return fmt.Sprintf("%s-%03x", f.id, f.number%folderCapacity)
}

func folderName(folder uint64) string { return fmt.Sprintf("%06x", folder) }

func parseFolderName(name string) (uint64, bool) {
	n, err := strconv.ParseUint(name, 16, 54)
	return n, err == nil && folderName(n) == name
}

// parseFileName reads what file.name writes; the size is not in it.
func parseFileName(folder uint64, name string) (file, bool) {
	hexID, low, ok := strings.Cut(name, "-")
	if !ok {
		return file{}, false
	}
	id, err := content.ParseID(hexID)
	if err != nil {
		return file{}, false
	}
	n, err := strconv.ParseUint(low, 16, 16)
	if err != nil || n >= folderCapacity {
		return file{}, false
	}
	f := file{id: id, number: folder*folderCapacity + n}
	return f, f.name() == name
}

// Keys of the journal. The first byte tells the kind.
//
//	c ID             -> number, size    the index: this chunk is whole on disk, in that file
//	o number         -> ID, size        the same in order of arrival, for eviction
//	d number         -> ID              a file that no chunk needs any more and that may still be on disk
//	r key            -> value           a record
//	v                -> format version
const (
	kindChunk  = 'c'
	kindOrder  = 'o'
	kindDoomed = 'd'
	kindRecord = 'r'
)

var versionKey = []byte{'v'}

func chunkKey(id content.ID) []byte { return append([]byte{kindChunk}, id[:]...) }

func numberKey(kind byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, number)
}

func parseNumberKey(k []byte) (uint64, error) {
	if len(k) != 9 {
		return 0, malformed("key %x", k)
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}

func parseChunkKey(k []byte) (id content.ID, err error) {
	if len(k) != 1+len(id) {
		return id, malformed("key %x", k)
	}
	return content.ID(k[1:]), nil
}

func recordKey(key string) []byte { return append([]byte{kindRecord}, key...) }

// chunkValue is what the index says of a chunk: 8 bytes number, 4 bytes size.
func chunkValue(f file) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, f.number), f.size)
}

func parseChunkValue(id content.ID, v []byte) (file, error) {
	if len(v) != 12 {
		return file{}, malformed("index entry of chunk %s", id)
	}
	return file{id: id, number: binary.BigEndian.Uint64(v), size: binary.BigEndian.Uint32(v[8:])}, nil
}

// orderValue is the counterpart in order of arrival: the id, 4 bytes size.
func orderValue(f file) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(nil), f.id[:]...), f.size)
}

func parseOrder(k, v []byte) (file, error) {
	n, err := parseNumberKey(k)
	if err != nil || len(v) != len(content.ID{})+4 {
		return file{}, malformed("order entry %x", k)
	}
	split := len(content.ID{})
	return file{id: content.ID(v[:split]), number: n, size: binary.BigEndian.Uint32(v[split:])}, nil
}

func parseDoomed(k, v []byte) (file, error) {
	n, err := parseNumberKey(k)
	if err != nil || len(v) != len(content.ID{}) {
		return file{}, malformed("entry of doomed file %x", k)
	}
	return file{id: content.ID(v), number: n}, nil
}

// malformed is how bytes that passed pebble's checksums and still are not ours are reported; damage recognises it.
type malformedError string

func (e malformedError) Error() string { return string(e) }

func malformed(format string, args ...any) error {
	return malformedError(fmt.Sprintf(format, args...) + " is malformed")
}

// after returns the first key that lies behind all keys beginning with prefix, or nil if there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}
