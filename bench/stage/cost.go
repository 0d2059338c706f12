// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// Cost is what it took to move bytes through a stage.
type Cost struct {
	Bytes        int64
	Seconds      float64 // wall clock
	User, System float64 // CPU seconds of this process; 0 where the system does not tell
}

// CPUPerGB is the CPU time in seconds for 10^9 bytes.
func (c Cost) CPUPerGB() float64 { return (c.User + c.System) / float64(c.Bytes) * 1e9 }

// SystemPerGB is the part of CPUPerGB that was spent in the kernel.
func (c Cost) SystemPerGB() float64 { return c.System / float64(c.Bytes) * 1e9 }

// Gbits is the throughput in Gbit/s.
func (c Cost) Gbits() float64 { return float64(c.Bytes) * 8 / 1e9 / c.Seconds }

// lazily lets garbage grow as the daemon does, and returns the way back.
func lazily() func() {
	before := debug.SetGCPercent(400)
	runtime.GC() // what came before is not this stage's
	return func() { debug.SetGCPercent(before) }
}

// measure runs move, which moves bytes inside this process.
func measure(bytes int64, move func() error) (Cost, error) {
	defer lazily()()
	user, system := rusage()
	start := time.Now()
	err := move()
	took := time.Since(start)
	userAfter, systemAfter := rusage()
	return Cost{Bytes: bytes, Seconds: took.Seconds(), User: (userAfter - user).Seconds(), System: (systemAfter - system).Seconds()}, err
}

// Noise is a stream of bytes that nothing compresses, the same for the same seed.
func Noise(seed uint64, bytes int64) io.Reader {
	key := sha256.Sum256(binary.BigEndian.AppendUint64(nil, seed))
	return io.LimitReader(rand.NewChaCha8(key), bytes)
}

// blobs makes chunks of the average size, at least one, all different.
func blobs(bytes int64) []store.Blob {
	template := make([]byte, content.AvgChunk)
	_, _ = io.ReadFull(Noise(1, content.AvgChunk), template) // never fails
	list := make([]store.Blob, max(bytes/content.AvgChunk, 1))
	for i := range list {
		data := append([]byte(nil), template...)
		binary.BigEndian.PutUint64(data, uint64(i))
		list[i] = store.Blob{ID: content.Sum(data), Data: data}
	}
	return list
}
