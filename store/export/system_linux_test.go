// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// reflinkEnv names a folder on a file system that shares blocks (XFS, Btrfs); without it the test is skipped.
const reflinkEnv = "EBB_TEST_REFLINK_DIR"

func TestBlocksAreShared(t *testing.T) {
	base := os.Getenv(reflinkEnv)
	if base == "" {
		t.Skip(reflinkEnv + " is not set")
	}
	dir, err := os.MkdirTemp(base, "ebb")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(filepath.Join(dir, "state"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := pack(t, false, []content.Entry{{Path: "f", Mode: 0o644}}, map[string]string{"f": noise(1, 9_000_000)}, func(id content.ID, data []byte) {
		if err := s.Put(store.Blob{ID: id, Data: data}); err != nil {
			t.Fatal(err)
		}
	})
	first := m.Chunks[0]
	data, err := s.Get(first.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "by hand"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !share(f, 0, s.Path(first.ID), data) {
		t.Error("an aligned chunk is not shared")
	}
	if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("shared blocks hold other bytes: %v", err)
	}
	if share(f, 17, s.Path(first.ID), data) {
		t.Error("an offset inside a block was shared")
	}
	data[5]++
	if share(f, 0, s.Path(first.ID), data) {
		t.Error("a file that differs from the verified bytes was shared")
	}
	dst := filepath.Join(dir, "f")
	if err := Write(m, s, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Verify(m, dst); err != nil {
		t.Error(err)
	}
	if err := poke(dst, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(first.ID, nil); err != nil {
		t.Errorf("writing to the copy changed the store: %v", err)
	}
}
