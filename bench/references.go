// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ebbproject/ebb/bench/reference"
	"github.com/ebbproject/ebb/bench/stage"
)

// references measures what stands beside our own transfer: the same amount, the same machine, the same minute.
func (b *bench) references(ctx context.Context, s *Section) error {
	for _, r := range []struct {
		name, note string
		measure    func(int64) (reference.Result, error)
	}{
		{"crypto/tls over TCP", "nothing hashed or stored", reference.TLS},
		{"pion/sctp over UDP", "not encrypted, nothing hashed or stored, packets of 1400 bytes", reference.SCTP},
		{"nginx to curl", "not encrypted, nothing hashed or stored", reference.Nginx},
	} {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.say("reference: %s", r.name)
		got, err := r.measure(b.o.Size)
		if errors.Is(err, reference.ErrNotInstalled) {
			s.missing(r.name, err.Error())
			continue
		}
		if err != nil {
			return err
		}
		s.add(r.name, got.Gbits(), "Gbit/s").note("%s", r.note)
		s.add(r.name+", both ends", got.CPUPerGB(), "CPU-s/GB")
	}
	gbits, err := b.writeAndSync()
	if err != nil {
		return err
	}
	s.add("this disk, one file written and synced", gbits, "Gbit/s")
	return nil
}

// writeAndSync is what the disk does without us.
func (b *bench) writeAndSync() (gbits float64, err error) {
	piece, err := io.ReadAll(stage.Noise(b.o.Seed, 1<<20))
	if err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(b.dir, "plain"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	begin := time.Now()
	for left := b.o.Size; left > 0; left -= int64(len(piece)) {
		if _, err := f.Write(piece[:min(left, int64(len(piece)))]); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return float64(b.o.Size) * 8 / 1e9 / time.Since(begin).Seconds(), nil
}
