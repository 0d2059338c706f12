// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ebbproject/ebb/content"
)

// What happens while a tree is published: "before" is read already, "during" is
// being read (it is larger than what is read ahead), "later" is not yet.
func TestChangesAreNoticed(t *testing.T) {
	type change struct {
		path   string // of the ChangedError
		what   string // part of its Change
		happen func(at func(string) string)
	}
	edit := func(name string, data []byte) {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.Write(data)
		must(t, err)
		must(t, f.Close())
	}
	replace := func(name string, data []byte) {
		write(t, name+".new", data) // of the same time as the old one
		must(t, os.Rename(name+".new", name))
	}
	for name, c := range map[string]change{
		"grows": {"during", "grew", func(at func(string) string) {
			must(t, os.Truncate(at("during"), 30<<20))
		}},
		"shrinks": {"during", "shrank", func(at func(string) string) {
			must(t, os.Truncate(at("during"), 10<<20))
		}},
		"is written to": {"during", "was written to", func(at func(string) string) {
			edit(at("during"), []byte("new"))
		}},
		"is replaced": {"during", "was replaced", func(at func(string) string) {
			replace(at("during"), random(9, 20<<20))
		}},
		"is removed": {"during", "is gone", func(at func(string) string) {
			must(t, os.Remove(at("during")))
		}},
		"is written to after it was read": {"before", "was written to", func(at func(string) string) {
			edit(at("before"), []byte("new"))
		}},
		"grows after it was read": {"before", "changed its size", func(at func(string) string) {
			must(t, os.WriteFile(at("before"), random(1, 2000), 0o644))
		}},
		"is removed after it was read": {"before", "is gone", func(at func(string) string) {
			must(t, os.Remove(at("before")))
		}},
		"is written to before it is read": {"later/f", "was written to", func(at func(string) string) {
			edit(at("later/f"), []byte("new"))
		}},
		"shrinks before it is read": {"later/f", "changed its size", func(at func(string) string) {
			must(t, os.Truncate(at("later/f"), 1))
		}},
		"is removed before it is read": {"later/f", "is gone", func(at func(string) string) {
			must(t, os.Remove(at("later/f")))
		}},
		"its directory is removed": {"later/f", "is gone", func(at func(string) string) {
			must(t, os.RemoveAll(at("later")))
		}},
		"a directory takes its place": {"later/f", "changed from a file into a directory", func(at func(string) string) {
			must(t, os.Remove(at("later/f")))
			must(t, os.Mkdir(at("later/f"), 0o755))
		}},
		"a link takes its place": {"later/f", "", func(at func(string) string) {
			must(t, os.Rename(at("later/f"), at("later/g")))
			must(t, os.Symlink("g", at("later/f")))
		}},
		"its permissions": {"before", "changed its permissions", func(at func(string) string) {
			must(t, os.Chmod(at("before"), 0o400))
		}},
		"a directory's permissions": {"void", "changed its permissions", func(at func(string) string) {
			must(t, os.Chmod(at("void"), 0o500))
		}},
		"a link's target": {"link", "changed its target", func(at func(string) string) {
			must(t, os.Remove(at("link")))
			must(t, os.Symlink("during", at("link")))
		}},
		"a file appears": {"early", "appeared", func(at func(string) string) {
			write(t, at("early"), nil)
		}},
		"a file appears at the end": {"void/f", "appeared", func(at func(string) string) {
			write(t, at("void/f"), nil)
		}},
		"an empty directory goes": {"void", "is gone", func(at func(string) string) {
			must(t, os.Remove(at("void")))
		}},
		"a file is renamed": {"behind", "appeared", func(at func(string) string) {
			must(t, os.Rename(at("before"), at("behind")))
		}},
		"a file is renamed to the front": {"a", "appeared", func(at func(string) string) {
			must(t, os.Rename(at("before"), at("a")))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(p string) string { return filepath.Join(dir, filepath.FromSlash(p)) }
			write(t, at("before"), random(1, 1000))
			write(t, at("during"), random(2, 20<<20))
			write(t, at("later/f"), random(3, 1000))
			must(t, os.Mkdir(at("void"), 0o755))
			must(t, os.Symlink("before", at("link")))
			puts := 0
			m, err := Publish(dir, options, func(content.ID, []byte) error {
				if puts++; puts == 1 {
					c.happen(at)
				}
				return nil
			})
			var changed *ChangedError
			if !errors.As(err, &changed) || changed.Path != at(c.path) || !strings.Contains(changed.Change, c.what) || m != nil {
				t.Errorf("%v, want %s %s", err, c.path, c.what)
			}
		})
	}
}

func TestSingleFileThatChanges(t *testing.T) {
	for name, happen := range map[string]func(name string) error{
		"grows":       func(name string) error { return os.Truncate(name, 30<<20) },
		"shrinks":     func(name string) error { return os.Truncate(name, 1) },
		"is removed":  os.Remove,
		"is replaced": func(name string) error { return os.Rename(name+".new", name) },
	} {
		file := filepath.Join(t.TempDir(), "f")
		write(t, file, random(1, 20<<20))
		write(t, file+".new", random(2, 20<<20))
		puts := 0
		m, err := Publish(file, options, func(content.ID, []byte) error {
			if puts++; puts == 1 {
				return happen(file)
			}
			return nil
		})
		var changed *ChangedError
		if !errors.As(err, &changed) || changed.Path != file || m != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What comes and goes meanwhile, or is only looked at, is no change.
func TestWhatIsNoChange(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), random(1, 20<<20))
	puts := 0
	_, err := Publish(dir, options, func(content.ID, []byte) error {
		if puts++; puts == 1 {
			must(t, os.WriteFile(filepath.Join(dir, "temporary"), nil, 0o644))
			must(t, os.Remove(filepath.Join(dir, "temporary")))
			_, err := os.ReadFile(filepath.Join(dir, "f"))
			must(t, err)
		}
		return nil
	})
	must(t, err)
}
