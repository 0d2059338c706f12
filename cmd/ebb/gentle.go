// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime/debug"
)

// softMemory is the heap size in bytes beyond which memory is collected eagerly.
const softMemory = 96 << 20

// beGentle keeps the endpoint small and out of the way: low priority, and a heap that may grow lazily (the carrier
// allocates a lot of short-lived packets) but not far. GOGC and GOMEMLIMIT of the environment win.
func beGentle() {
	lowerPriority()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
}
