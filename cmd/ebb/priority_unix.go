// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package main

import "golang.org/x/sys/unix"

// lowerPriority makes the people at this machine go first, for CPU; the priority of the disk is left to the service manager (launchd's
// LowPriorityIO). What the system refuses is left as it is.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10) }
