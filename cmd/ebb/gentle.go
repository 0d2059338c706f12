// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime/debug"
	rtmetrics "runtime/metrics"
	"time"
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

// lookAtMemory is how often keepRoom looks.
const lookAtMemory = 5 * time.Second

// keepRoom raises the limit where what is alive comes near it, until ctx ends. A hub grows with its fleet: at a limit that lies
// below what is alive it would collect without a pause, and miss its hosts' questions over that.
func keepRoom(ctx context.Context, least int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	sample := []rtmetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		rtmetrics.Read(sample)
		debug.SetMemoryLimit(room(least, int64(sample[0].Value.Uint64()), int64(sample[1].Value.Uint64())))
	}
}

// room is the limit where so many bytes of the heap are alive and stacks have so many: the heap may double, and stacks grow by a quarter.
func room(least, live, stacks int64) int64 { return max(least, 2*live+stacks*5/4+32<<20) }
