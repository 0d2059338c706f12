// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/ebbproject/ebb/store/direct"
)

const (
	fileSize    = 1 << 20 // bytes, of an average chunk
	filesAtOnce = 8       // written and synced, as the store does
)

// Files writes bytes to the folder dir, which exists, as files of 1 MiB: past the page cache where that can be, several at a time, and each
// synced. It is the least that it takes to keep chunks so that a power cut loses none; nothing is read, hashed or indexed.
func Files(dir string, bytes int64) (Result, error) {
	piece := make([]byte, fileSize) // whole blocks, and so large that it begins at one: written as it is
	if _, err := rand.Read(piece); err != nil {
		return Result{}, err
	}
	count := (bytes + fileSize - 1) / fileSize
	return measure(bytes, func() error {
		errs := make([]error, filesAtOnce)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				for n := int64(i); n < count && errs[i] == nil; n += filesAtOnce {
					errs[i] = keep(filepath.Join(dir, fmt.Sprint(n)), piece[:min(fileSize, bytes-n*fileSize)])
				}
			})
		}
		all.Wait()
		return errors.Join(errs...)
	})
}

// keep writes a file and syncs it.
func keep(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := direct.NewWriter(f)
	_, err = w.Write(data)
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}
