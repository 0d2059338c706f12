// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"flag"
	"os"
	"runtime/pprof"
	"testing"

	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/agent/daemon"
)

var (
	size    = flag.Int64("size", 256<<20, "bytes of the benchmarked transfer")
	profile = flag.String("transferprofile", "", "write a CPU profile of the transfer alone to this `file`; -tagfocus end=source or end=sink splits it")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Small amounts: that each stage runs to its end and says what it moved.
func TestStagesMove(t *testing.T) {
	const bytes = 3 << 20
	run := map[string]func() (Cost, error){
		"hash":      func() (Cost, error) { return Hash(bytes) },
		"seal":      func() (Cost, error) { return Seal(bytes, 8160) },
		"session":   func() (Cost, error) { return Session(bytes, 64<<10) },
		"sctp":      func() (Cost, error) { return SCTP(bytes, 64<<10, 8100) },
		"datagrams": func() (Cost, error) { return Datagrams(bytes, 8160) },
		"carrier": func() (Cost, error) {
			c, err := Carrier(t.Context(), bytes)
			if c.Datagram < 1200 || c.Message < 1 {
				t.Errorf("carried %+v", c)
			}
			return c.Cost, err
		},
		"store": func() (Cost, error) {
			d, err := Store(t.TempDir(), bytes)
			if d.Get.Bytes != d.Put.Bytes || d.Journal.Commits == 0 {
				t.Errorf("stored %+v", d)
			}
			return d.Put, err
		},
		"publish": func() (Cost, error) {
			path := t.TempDir() + "/file"
			if err := WriteNoise(path, 1, bytes); err != nil {
				t.Fatal(err)
			}
			return Publish(path)
		},
		"transfer": func() (Cost, error) {
			p, err := NewPair(t.TempDir(), bytes)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			return p.Transfer(t.Context())
		},
		"transfer between neighbours": func() (Cost, error) {
			p, err := NewNeighbours(t.TempDir(), bytes)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := p.Connected(t.Context()); err != nil {
				return Cost{}, err
			}
			c, err := p.Transfer(t.Context())
			if carrier, problem := p.Carrier(t.Context()); carrier != daemon.CarrierTLS {
				t.Errorf("it ran on %q, %v", carrier, problem)
			}
			return c, err
		},
	}
	for name, stage := range run {
		t.Run(name, func(t *testing.T) {
			c, err := stage()
			if err != nil {
				t.Fatal(err)
			}
			if c.Bytes < bytes || c.Bytes > bytes+1<<20+1<<16 || c.Seconds <= 0 {
				t.Errorf("asked for %d bytes, got %+v", bytes, c)
			}
		})
	}
}

// BenchmarkTransfer moves -size bytes from one daemon to another in this process, over loopback, sealed, hashed and stored.
// It reports the CPU time of both ends.
func BenchmarkTransfer(b *testing.B) {
	b.Run("udp", func(b *testing.B) { transfers(b, NewPair) })
	b.Run("tls", func(b *testing.B) { transfers(b, NewNeighbours) })
}

func transfers(b *testing.B, between func(dir string, bytes int64) (*Pair, error)) {
	for b.Loop() {
		b.StopTimer()
		p, err := between(b.TempDir(), *size)
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Connected(b.Context()); err != nil {
			b.Fatal(err)
		}
		stop := startProfile(b)
		b.StartTimer()
		c, err := p.Transfer(context.Background())
		b.StopTimer()
		stop()
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(c.Gbits(), "Gbit/s")
		b.ReportMetric(c.CPUPerGB(), "cpu-s/GB")
		b.ReportMetric(c.SystemPerGB(), "system-s/GB")
		b.ReportMetric(100*(p.Journal.Journal.Seconds())/c.Seconds, "%journal")
		b.ReportMetric(100*(p.Journal.Folders.Seconds())/c.Seconds, "%folders")
		b.StartTimer()
	}
}

func startProfile(b *testing.B) (stop func()) {
	if *profile == "" {
		return func() {}
	}
	f, err := os.Create(*profile)
	if err != nil {
		b.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		b.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	}
}
