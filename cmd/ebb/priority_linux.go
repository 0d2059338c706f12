// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ioprio_set(2): class idle, for one thread.
const (
	ioprioWhoProcess = 1
	ioprioIdle       = 3 << 13
)

// lowerPriority makes the people at this machine go first, for CPU and disk. On Linux priority belongs to threads:
// those that exist get it here, later ones inherit it. What the system refuses is left as it is.
func lowerPriority() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, 10)
			_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, uintptr(id), ioprioIdle)
		}
	}
}
