// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/ebbproject/ebb/bench/reference"
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
	files, err := b.files(b.o.Size)
	if err != nil {
		return err
	}
	s.add(plainFiles, files.Gbits(), "Gbit/s")
	return nil
}

const plainFiles = "this disk, files of 1 MiB written and synced"

// files is what the disk does without us.
func (b *bench) files(bytes int64) (r reference.Result, err error) {
	dir := filepath.Join(b.dir, "plain")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return r, err
	}
	return reference.Files(dir, bytes)
}
