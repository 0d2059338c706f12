// SPDX-License-Identifier: Apache-2.0

// Package golden holds what code says, draws or encodes against files in the repository. With -update the files are rewritten, and the
// difference is for a person to judge: go test ./ROOM -update, then git diff.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files with what the code does now")

// Check compares got with a file, whose folder is there.
func Check[T string | []byte](t testing.TB, file string, got T) {
	t.Helper()
	want, is := Wanted(t, file, []byte(got))
	if is && !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs: go test -update rewrites it, git diff shows what has changed. From the first line that differs, it was\n%s\nand is\n%s",
			file, tail(want, []byte(got)), tail([]byte(got), want))
	}
}

// Wanted is what a file says, for those who compare less strictly than Check; with -update it writes got instead, and is false.
func Wanted(t testing.TB, file string, got []byte) (want []byte, is bool) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return nil, false
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return want, true
}

// Scripts plays every script that the pattern names as a test of its own, but for those in except. What play gives is the script anew, each command followed by
// what came of it, and is held against the script.
func Scripts(t *testing.T, pattern string, play func(t *testing.T, script string) string, except ...string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts at %s: %v", pattern, err)
	}
	left := map[string]bool{}
	for _, file := range except {
		left[file] = true
	}
	for _, file := range files {
		if left[file] {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			Check(t, file, play(t, string(script)))
		})
	}
}

// tail is a from the first line on in which it is not b, at most 40 lines of it.
func tail(a, b []byte) []byte {
	from := 0
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			break
		}
		if a[i] == '\n' {
			from = i + 1
		}
	}
	lines := bytes.SplitAfterN(a[min(from, len(a)):], []byte("\n"), 41)
	return bytes.Join(lines[:min(len(lines), 40)], nil)
}
