// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed string
}

func (*recorder) Helper()                        {}
func (r *recorder) Errorf(f string, args ...any) { r.failed = fmt.Sprintf(f, args...) }

func TestWhatDiffersIsShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "story.txt")
	if err := os.WriteFile(file, []byte("one\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	if Check(r, file, "one\ntwo\nthree\n"); r.failed != "" {
		t.Errorf("the same differs: %s", r.failed)
	}
	if Check(r, file, []byte("one\ntoo\n")); !strings.Contains(r.failed, "it was\ntwo\nthree\n\nand is\ntoo\n") || strings.Contains(r.failed, "one") {
		t.Errorf("said %q", r.failed)
	}
}
