// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tree makes entries of paths: a directory of "d/", a link to itself of "l@", a
// file of everything else.
func tree(paths ...string) []Entry {
	var entries []Entry
	for _, p := range paths {
		e := Entry{Path: strings.TrimRight(p, "/@")}
		switch {
		case strings.HasSuffix(p, "/"):
			e.Kind = Directory
		case strings.HasSuffix(p, "@"):
			e.Kind, e.Target = Symlink, "x"
		}
		entries = append(entries, e)
	}
	return entries
}

func TestTrees(t *testing.T) {
	for _, paths := range [][]string{
		{},
		{"a"},
		{"a/", "a/b", "a-b", "a.b", "ab"}, // a directory's entries come directly behind it
		{"a/", "a/b/", "a/b/c", "a/b/d/", "a/c", "b/", "b/b/", "b/b/c"},
		{"A", "b/", "b/A", "c/", "c/a"}, // twins in different directories are none
		{"a@", "b"},
		{"É", "é́"},
	} {
		if err := ValidateEntries(true, tree(paths...)); err != nil {
			t.Errorf("%v: %v", paths, err)
		}
	}
	for _, c := range []struct {
		reason string
		paths  []string
	}{
		{"twice", []string{"a", "a"}},
		{"out of order", []string{"b", "a"}},
		{"out of order", []string{"a/", "a-b", "a/b"}},
		{"not listed", []string{"a/b"}},
		{"not listed", []string{"a/", "a/b/c"}},
		{"not listed", []string{"a/", "a/b", "b/c/d"}},
		{"listed as a file", []string{"a", "a/b"}},
		{"listed as a symlink", []string{"a@", "a/b"}},
		{"listed as a file", []string{"d/", "d/a", "d/a/b"}},
		{"only in case", []string{"A", "a"}},
		{"only in case", []string{"A/", "A/x", "B", "a/", "a/x"}},
		{"only in case", []string{"d/", "d/README", "d/e/", "d/e/f", "d/readme", "z"}},
		{"only in case", []string{"README", "ReadMe", "aa", "readme"}},
		{"only in case", []string{"É", "é"}},
		{"backslash", []string{`..\a`}},
		{`"..".`, []string{"a/", "a/../../b"}},
	} {
		var name *NameError
		err := ValidateEntries(true, tree(c.paths...))
		if !errors.As(err, &name) || !strings.Contains(name.Reason, strings.TrimSuffix(c.reason, ".")) {
			t.Errorf("%v: %v, want %q", c.paths, err, c.reason)
		}
	}
}

func TestFieldsOfEntries(t *testing.T) {
	for _, e := range []Entry{
		{Path: "a", Kind: 3},
		{Path: "a", Mode: 0o1000},
		{Path: "a", Mode: 0o4755},
		{Path: "a", Size: -1},
		{Path: "a", Size: maxSize + 1},
		{Path: "a", Target: "b"},
		{Path: "a", Kind: Directory, Size: 1},
		{Path: "a", Kind: Directory, Target: "b"},
		{Path: "a", Kind: Symlink, Target: "b", Mode: 0o777},
		{Path: "a", Kind: Symlink, Target: "b", Size: 1},
	} {
		var format *FormatError
		if err := ValidateEntries(true, []Entry{e}); !errors.As(err, &format) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v, want a FormatError", e, err)
		}
	}
}

func TestSingleFiles(t *testing.T) {
	if err := ValidateEntries(false, tree("a.iso")); err != nil {
		t.Error(err)
	}
	for _, paths := range [][]string{{}, {"a/"}, {"a@"}, {"a", "b"}, {"a/", "a/b"}, {"d/f"}, {"NUL"}} {
		if err := ValidateEntries(false, tree(paths...)); err == nil {
			t.Errorf("%v accepted as a single file", paths)
		}
	}
}

// However entries are disarranged, it is noticed; and what twins are is found
// out in the simplest way as well.
func TestTreesByTheSimplestMeans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[abABk\x{212a}-]{1,2}`)
		paths := map[string]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			path := name.Draw(t, "name")
			for range rapid.IntRange(0, 2).Draw(t, "depth") {
				path += "/" + name.Draw(t, "name")
			}
			paths[path] = true
		}
		var entries []Entry
		for path := range paths {
			entries = append(entries, Entry{Path: path, Kind: Directory})
		}
		slices.SortFunc(entries, func(a, b Entry) int {
			return slices.Compare(strings.Split(a.Path, "/"), strings.Split(b.Path, "/"))
		})
		valid := true
		folded := map[string]bool{}
		for _, e := range entries {
			if dir, _ := splitPath(e.Path); dir != "" && !paths[dir] {
				valid = false
			}
			low := strings.ReplaceAll(strings.ToLower(e.Path), "\u212a", "k")
			if folded[low] {
				valid = false // in one directory, or in two that are twins themselves or not listed
			}
			folded[low] = true
		}
		if err := ValidateEntries(true, entries); (err == nil) != valid {
			t.Fatalf("%v: %v, want valid: %v", entries, err, valid)
		}
		if len(entries) < 2 {
			return
		}
		i := rapid.IntRange(0, len(entries)-1).Draw(t, "i")
		j := rapid.IntRange(0, len(entries)-1).Draw(t, "j")
		entries[i], entries[j] = entries[j], entries[i]
		if err := ValidateEntries(true, entries); i != j && err == nil {
			t.Fatalf("%v: accepted in this order", entries)
		}
	})
}
