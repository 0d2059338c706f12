// SPDX-License-Identifier: Apache-2.0

// Package reference measures what others need to move bytes over loopback on this machine, and to keep them on its disk, to be printed beside
// our own figures from the same run.
//
// # Words
//
// A measurement moves bytes from one end to the other of one connection, both ends on this machine, and counts from the
// first byte handed over to the last one read. The handshake, and making what is sent, are not counted. Files has no other end: it
// measures the disk.
//
// # What is not promised
//
// Nothing here is tuned to win or to lose. TLS and Nginx ride on the kernel's TCP; SCTP rides on datagrams as we do, but without
// encryption; Nginx has none either. CPU time is that of this whole process (TLS, SCTP) while measuring, so nothing else
// should run in it, or of both foreign processes from start to end (Nginx).
package reference

import "time"

// Result is one measurement.
type Result struct {
	Bytes      int64
	Seconds    float64 // wall clock
	CPUSeconds float64 // of both ends, user and system; 0 where the system does not tell
}

// Gbits is the goodput in Gbit/s.
func (r Result) Gbits() float64 { return float64(r.Bytes) * 8 / 1e9 / r.Seconds }

// CPUPerGB is the CPU time in seconds for 10^9 bytes.
func (r Result) CPUPerGB() float64 { return r.CPUSeconds / float64(r.Bytes) * 1e9 }

// measure times move, which moves bytes inside this process.
func measure(bytes int64, move func() error) (Result, error) {
	cpu, start := processCPU(), time.Now()
	err := move()
	return Result{Bytes: bytes, Seconds: time.Since(start).Seconds(), CPUSeconds: (processCPU() - cpu).Seconds()}, err
}
