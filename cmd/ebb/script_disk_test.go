// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// random FILE SIZE makes a file that no compression helps with; the same name and size give the same bytes.
func random(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: random FILE SIZE")
	}
	size, err := parseSize(args[1])
	ts.Check(err)
	var seed [32]byte
	copy(seed[:], args[0])
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = io.CopyN(f, rand.NewChaCha8(seed), size)
	ts.Check(errors.Join(err, f.Close()))
}

// same A B compares two files, or two trees with their permissions and links.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same A B")
	}
	err := compare(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	if err == nil && neg {
		ts.Fatalf("%s and %s are the same", args[0], args[1])
	}
	if err != nil && !neg {
		ts.Fatalf("%v", err)
	}
}

func compare(a, b string) error {
	x, err := inventory(a)
	if err != nil {
		return err
	}
	y, err := inventory(b)
	if err != nil {
		return err
	}
	for path, want := range x {
		if got := y[path]; got != want {
			return fmt.Errorf("%q: %s in %s, %s in %s", path, want, a, got, b)
		}
	}
	if len(x) != len(y) {
		return fmt.Errorf("%d entries in %s, %d in %s", len(x), a, len(y), b)
	}
	return nil
}

// inventory says what is at each path of a tree.
func inventory(root string) (map[string]string, error) {
	seen := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		what := ""
		switch info.Mode().Type() {
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what = "link to " + target
		case fs.ModeDir:
			if what = "directory"; rel != "." {
				what += info.Mode().Perm().String()
			}
		default:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what = fmt.Sprintf("file%v of %d bytes, %x", info.Mode().Perm(), len(b), hash(b))
		}
		seen[rel] = what
		return nil
	})
	return seen, err
}

// damage flip|cut|remove|scribble GLOB [AT] spoils the first file that the pattern finds: turns one bit of the byte at
// AT (in the middle), leaves half of it, removes it, or writes zeroes over its beginning.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: damage flip|cut|remove|scribble GLOB [AT]")
	}
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("nothing is at %s", args[1])
	}
	path := found[0]
	b, err := os.ReadFile(path)
	ts.Check(err)
	at := len(b) / 2
	if len(args) == 3 {
		at, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	switch args[0] {
	case "flip":
		b[at] ^= 1
	case "cut":
		b = b[:len(b)/2]
	case "scribble":
		clear(b[:min(len(b), 64)])
	case "remove":
		ts.Check(os.Remove(path))
		return
	default:
		ts.Fatalf("no damage is called %q", args[0])
	}
	ts.Check(os.WriteFile(path, b, 0o600))
}

// tmpfs DIR SIZE mounts a small disk. It needs root on Linux; elsewhere the script is skipped.
func mountTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tmpfs DIR SIZE")
	}
	size, err := parseSize(args[1])
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d", size), "ebb-test", dir).CombinedOutput(); err != nil {
		on(ts).t.Skipf("a small disk cannot be mounted here: %v %s", err, out)
	}
	on(ts).clean = append(on(ts).clean, func() error { return exec.Command("umount", dir).Run() })
}

// fill FILE ROOM fills the disk that FILE is on but for ROOM.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE ROOM")
	}
	room, err := parseSize(args[1])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	_, err = io.Copy(f, zeroes{})
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("the disk is not full: %v", err)
	}
	info, err := f.Stat()
	ts.Check(err)
	ts.Check(f.Truncate(info.Size() - room))
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// mkfifo PATH makes a named pipe.
func makeFifo(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(exec.Command("mkfifo", ts.MkAbs(args[0])).Run())
}

// humble CODE COMMAND... is exits for a command that may not read what its owner has forbidden to everybody, which root
// otherwise may.
func humble(ts *testscript.TestScript, neg bool, args []string) {
	if os.Geteuid() == 0 {
		const rights = "-dac_override,-dac_read_search"
		args = append([]string{args[0], "setpriv", "--bounding-set", rights, "--inh-caps", rights, "--"}, args[1:]...)
	}
	exits(ts, neg, args)
}
