// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ebbproject/ebb/content"
)

// Names that would do harm elsewhere are refused, all of them before a single
// chunk is put.
func TestHostileNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names like these cannot be made here")
	}
	for _, c := range []struct {
		path string // of the NameError; and of a file, if there is no target
		link string // what a link at path points to
		also string // another file
	}{
		{path: `back\slash`},
		{path: `..\up`},
		{path: "nul"},
		{path: "aux.txt"},
		{path: "com1.log"},
		{path: "a:stream"},
		{path: "what?"},
		{path: "line\nbreak"},
		{path: "esc\x1b[2J"},
		{path: "dot."},
		{path: "space "},
		{path: "sub/CON"},
		{path: "readme", also: "README"},
		{path: "sub/ä", also: "sub/Ä"},
		{path: "abs", link: "/etc/passwd"},
		{path: "up", link: "../outside"},
		{path: "sub/up", link: "../../outside"},
		{path: "sub/sneaky", link: "../a/../../outside"},
	} {
		dir := filepath.Join(t.TempDir(), "tree")
		write(t, filepath.Join(dir, "a"), random(1, 1000))
		name := filepath.Join(dir, c.path)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if c.link != "" {
			must(t, os.Symlink(c.link, name))
		} else {
			write(t, name, []byte("x"))
		}
		if c.also != "" {
			write(t, filepath.Join(dir, c.also), []byte("x"))
			if a, err := os.Stat(name); err == nil {
				if b, _ := os.Stat(filepath.Join(dir, c.also)); os.SameFile(a, b) {
					continue // a file system that keeps only one
				}
			}
		}
		s := newShelf(t)
		m, err := Publish(dir, options, s.put)
		var hostile *content.NameError
		if !errors.As(err, &hostile) || hostile.Path != c.path || m != nil || s.puts != 0 {
			t.Errorf("%q: %v, %d puts", c.path, err, s.puts)
		}
		if c.link == "" && c.also == "" && filepath.Dir(c.path) == "." {
			if m, err := Publish(name, options, s.put); !errors.As(err, &hostile) || m != nil {
				t.Errorf("%q as a single file: %v", c.path, err)
			}
		}
	}
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("names like these cannot be made here")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "\xff"), nil)
	_, err := Publish(dir, options, newShelf(t).put)
	var hostile *content.NameError
	if !errors.As(err, &hostile) {
		t.Error(err)
	}
}

// A tree may be reached through links, but never left through one, even if it
// takes the place of a directory after the tree was listed.
func TestDirectorySwappedForLink(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "f"), []byte("secret"))
	write(t, filepath.Join(dir, "big"), random(1, 17<<20))
	write(t, filepath.Join(dir, "sub", "f"), []byte("public"))
	s := newShelf(t)
	m, err := Publish(dir, options, func(id content.ID, data []byte) error {
		if s.puts == 0 {
			must(t, os.RemoveAll(filepath.Join(dir, "sub")))
			must(t, os.Symlink(outside, filepath.Join(dir, "sub")))
		}
		return s.put(id, data)
	})
	if err == nil || m != nil {
		t.Errorf("%v, %v", m, err)
	}
}
