// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"fmt"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/content/walk"
)

// Hash hashes chunks.
func Hash(bytes int64) (Cost, error) {
	list := blobs(min(bytes, 64<<20))
	bytes -= bytes % content.AvgChunk
	return measure(bytes, func() error {
		for i := range int(bytes / content.AvgChunk) {
			if b := list[i%len(list)]; content.Sum(b.Data) != b.ID {
				return fmt.Errorf("chunk %d does not hash to its id", i)
			}
		}
		return nil
	})
}

// Publish reads, cuts and hashes the file at path, which should be in the page cache, and keeps nothing of it.
func Publish(path string) (Cost, error) {
	var bytes int64
	c, err := measure(0, func() error {
		m, err := walk.Publish(path, walk.Options{Name: "bench", Version: "1", Type: "bench"}, func(content.ID, []byte) error { return nil })
		if err == nil {
			bytes = m.Size()
		}
		return err
	})
	c.Bytes = bytes
	return c, err
}
