// SPDX-License-Identifier: Apache-2.0

//go:build unix

package carrier

import (
	"context"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time of this process so far, both modes.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoopback carries messages of Grain bytes over real sockets on loopback, sealed, both ends in this process. It
// reports the goodput and the processor time of both ends for 10^9 bytes.
func BenchmarkLoopback(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the daemon does
	fleet := newAuthority(b, "fleet")
	dialed, accepted := join(b, onLoopback(b, fleet, "a", nil), onLoopback(b, fleet, "b", nil))
	const total = 256 << 20
	b.SetBytes(total)
	var busy time.Duration
	for b.Loop() {
		busy -= cpu(b)
		go func() {
			message := make([]byte, MaxMessage)
			for sent := 0; sent < total; {
				if dialed.Budget() == 0 {
					<-dialed.Ready()
					continue
				}
				n := min(dialed.Grain(), total-sent)
				if err := dialed.Send(message[:n], true); err != nil {
					b.Error(err)
					return
				}
				sent += n
			}
		}()
		for got := 0; got < total; {
			m, err := accepted.Receive(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			got += len(m)
		}
		busy += cpu(b)
	}
	s := dialed.Stats()
	b.Logf("%d rounds: %+v", b.N, s)
	bytes := float64(total) * float64(b.N)
	b.ReportMetric(bytes*8/1e9/b.Elapsed().Seconds(), "Gbit/s")
	b.ReportMetric(busy.Seconds()/(bytes/1e9), "cpu-s/GB")
}
