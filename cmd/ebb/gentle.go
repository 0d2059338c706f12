// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime/debug"
)

// Heap sizes in bytes beyond which memory is collected eagerly.
const (
	agentMemory = 96 << 20 // an endpoint belongs to somebody else
	hubMemory   = 128 << 20
)

// collectLazily lets the heap grow before it is collected, because the carrier allocates a lot of short-lived packets,
// but not far beyond limit. GOGC and GOMEMLIMIT of the environment win.
func collectLazily(limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
