// SPDX-License-Identifier: Apache-2.0

//go:build unix

package export

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestTheUmaskDoesNotMatter(t *testing.T) {
	b, dir := box{}, t.TempDir()
	defer removeTreeAt(t, dir, "tree")
	for _, mask := range []int{0o777, 0} {
		old := syscall.Umask(mask)
		err := Write(aTree(t, b), b, filepath.Join(dir, "tree"), Options{Overwrite: true})
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(aTree(t, b), filepath.Join(dir, "tree")); err != nil {
			t.Errorf("umask %#o: %v", mask, err)
		}
	}
}
