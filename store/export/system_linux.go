// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const canSyncAll = true

// syncAll makes everything on a folder's file system durable.
func syncAll(dir *os.File) error { return unix.Syncfs(int(dir.Fd())) }

// blockSize is what offsets have to be multiples of for blocks to be shared.
const blockSize = 4096

// share lets a file share the blocks of a chunk's file, from an offset on at which the file ends so far. It first makes
// sure that the chunk's file holds the verified data, through the descriptor whose blocks are shared. False: it could
// not, and the data is to be written.
func share(f *os.File, at int64, path string, data []byte) bool {
	if at%blockSize != 0 || path == "" {
		return false
	}
	chunk, err := os.Open(path)
	if err != nil {
		return false
	}
	defer chunk.Close()
	if !sharesBlocks(chunk) {
		return false
	}
	if !same(chunk, data) {
		return false
	}
	return unix.IoctlFileCloneRange(int(f.Fd()), &unix.FileCloneRange{
		Src_fd: int64(chunk.Fd()), Src_length: uint64(len(data)), Dest_offset: uint64(at),
	}) == nil
}

// sharesBlocks tells whether it is worth while to try.
func sharesBlocks(f *os.File) bool {
	var info unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &info) != nil {
		return false
	}
	switch uint32(info.Type) {
	case unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, bcachefsMagic, unix.NFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return true
	}
	return false
}

const bcachefsMagic = 0xca451a4e

// same tells whether a file holds exactly the data.
func same(f *os.File, data []byte) bool {
	buf := make([]byte, 64<<10)
	for len(data) > 0 {
		n, err := f.Read(buf)
		if n > len(data) || !bytes.Equal(buf[:n], data[:min(n, len(data))]) || err != nil {
			return false
		}
		data = data[n:]
	}
	_, err := f.Read(buf[:1])
	return err == io.EOF
}

// exchange swaps two names in one step.
func exchange(parent *os.Root, a, b string) bool {
	dir, err := parent.Open(".")
	if err != nil {
		return false
	}
	defer dir.Close()
	fd := int(dir.Fd())
	return unix.Renameat2(fd, a, fd, b, unix.RENAME_EXCHANGE) == nil
}
