// SPDX-License-Identifier: Apache-2.0

//go:build unix

package stage

import (
	"syscall"
	"time"
)

// rusage is the CPU time that this process has used.
func rusage() (user, system time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}
