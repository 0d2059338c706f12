// SPDX-License-Identifier: Apache-2.0

package main

import "golang.org/x/sys/windows"

// lowerPriority makes the people at this machine go first, for CPU. The background mode of Windows would do so for the disk, too, but takes
// nearly all memory from the process. What the system refuses is left as it is.
func lowerPriority() {
	_ = windows.SetPriorityClass(windows.CurrentProcess(), windows.BELOW_NORMAL_PRIORITY_CLASS)
}
