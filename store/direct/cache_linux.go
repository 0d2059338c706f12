// SPDX-License-Identifier: Apache-2.0

package direct

import "golang.org/x/sys/unix"

// Supported tells whether there is a way past the page cache on this system.
const Supported = true

const bcachefsMagic = 0xca451a4e // linux/magic.h has it, x/sys does not

// worthTrying tells whether a file lies on a file system that writes to a local disk past the page cache. Those over a
// network trade one wait for many; those in memory have nothing but the cache, though some take the flag.
func worthTrying(fd uintptr) bool {
	var info unix.Statfs_t
	if unix.Fstatfs(int(fd), &info) != nil {
		return false
	}
	switch uint32(info.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, bcachefsMagic,
		unix.OVERLAYFS_SUPER_MAGIC:
		return true
	}
	return false
}

// avoidCache sets or clears O_DIRECT, see open(2) and fcntl(2).
func avoidCache(fd uintptr, on bool) error {
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if on {
		flags |= unix.O_DIRECT
	} else {
		flags &^= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(fd, unix.F_SETFL, flags)
	return err
}
