// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"strings"
	"testing"
)

func TestPaths(t *testing.T) {
	for _, path := range []string{
		"a", "a/b", "read me.txt", ".hidden", "a..b", "...a", "-x", "~", "é/ü", "日本", "a;b", "$(x)",
		"CONSOLE", "com", "com10", "COM", "lpt", "nulx", "aux-1", "COMⅠ", "x.nul", strings.Repeat("a", MaxComponent),
		strings.Repeat("abc/", MaxPath/4-1) + "abcd", "a\u0301", "\u202e",
	} {
		if err := checkPath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{
		"", "/", "/a", "//", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a/./b",
		`a\b`, `\a`, `..\a`, `C:\a`, "C:", "C:a", "a:stream", "a\x00b", "a\nb", "\x1b[2J", "a\x7f", "a\u0085b",
		"a<", "a>", `"a"`, "a|b", "a?", "a*", "a.", "a ", "a./b", "a /b", "a.. ", " ",
		"CON", "con", "Con.txt", "PRN", "aux", "NUL", "nul.tar.gz", "nul .txt", "a/NUL/b", "COM1", "com9.log", "COM0",
		"LPT1", "lpt¹", "COM²", "com³.txt", "CONIN$", "conout$", "\xff", "a/\xc3", "\xed\xa0\x80",
		strings.Repeat("a", MaxComponent+1), strings.Repeat("abc/", MaxPath/4) + "a",
	} {
		var name *NameError
		if err := checkPath(path); !errors.As(err, &name) || name.Path != path || name.Reason == "" {
			t.Errorf("%q: %v, want a NameError", path, err)
		}
	}
}

func TestLinkTargets(t *testing.T) {
	for _, c := range []struct{ path, target string }{
		{"l", "a"}, {"l", "a/b"}, {"l", "."}, {"l", "./a"}, {"l", "l"},
		{"d/l", ".."}, {"d/l", "../a"}, {"d/l", "./../a"}, {"d/l", "../d/l"}, {"a/b/c/l", "../../../x"},
	} {
		if err := checkTarget(&Entry{Path: c.path, Kind: Symlink, Target: c.target}); err != nil {
			t.Errorf("%s -> %s: %v", c.path, c.target, err)
		}
	}
	for _, c := range []struct{ path, target string }{
		{"l", ""}, {"l", "/"}, {"l", "/etc/passwd"}, {"l", ".."}, {"l", "../a"}, {"d/l", "../.."},
		{"d/l", "../../etc/passwd"}, {"a/b/c/l", "../../../../x"}, {"l", "a/.."}, {"l", "a/../.."},
		{"d/l", "a/../b"}, {"l", "a/."}, {"l", "a//b"}, {"l", "a/"}, {"l", `..\a`}, {"l", `C:\a`},
		{"l", "a\x00"}, {"l", "nul"}, {"l", "a/con.txt"}, {"l", strings.Repeat("a/", MaxPath/2) + "a"},
	} {
		var name *NameError
		err := checkTarget(&Entry{Path: c.path, Kind: Symlink, Target: c.target})
		if !errors.As(err, &name) || name.Path != c.path {
			t.Errorf("%s -> %s: %v, want a NameError", c.path, c.target, err)
		}
	}
}

func TestLabels(t *testing.T) {
	id := Sum(nil).String()
	for _, name := range []string{"a", "Win-11_24H2.iso", "0", "+", "_", "a..b", id[1:], id + "0", strings.Repeat("x", MaxLabel)} {
		if err := ValidName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", ".a", "-a", "--json", "a b", "a/b", "a\n", "é", "a:b", "@", "[", "{", "`", "\x00",
		id, strings.ToUpper(id), strings.Repeat("x", MaxLabel+1)} {
		var refused *NameError
		if err := ValidName(name); !errors.As(err, &refused) || refused.Path != name {
			t.Errorf("%q: %v, want a NameError", name, err)
		}
	}
	if checkLabel("") != "" {
		t.Error("a version may be empty")
	}
}

func TestOrigins(t *testing.T) {
	for _, origin := range []string{"https://a", "http://a:80/b?c=d@e", "s3://bucket/key", "https://[::1]/"} {
		if reason := checkOrigin(origin); reason != "" {
			t.Errorf("%q: %s", origin, reason)
		}
	}
	for _, origin := range []string{"", "a", "//a", "://a", "https://", "https:///a", "HTTPS://a", "1s://a", "https://a b",
		"https://a\n", "https://é", "https://user:pass@a/b", "https://user@a?b", "https://a/" + strings.Repeat("b", MaxOrigin)} {
		if checkOrigin(origin) == "" {
			t.Errorf("%q accepted as an origin", origin)
		}
	}
}

func TestFolding(t *testing.T) {
	for _, twins := range [][2]string{
		{"readme", "README"}, {"É", "é"}, {"k", "\u212a"}, {"s", "ſ"}, {"σ", "ς"}, {"ß", "ẞ"}, {"aBc", "AbC"}, {"дом", "ДОМ"},
	} {
		if compareFolded(twins[0], twins[1]) != 0 {
			t.Errorf("%q and %q are not taken for twins", twins[0], twins[1])
		}
		if !folds(twins[0]) && !folds(twins[1]) {
			t.Errorf("neither %q nor %q is looked at", twins[0], twins[1])
		}
	}
	for _, other := range [][2]string{{"a", "b"}, {"a", "aa"}, {"A", "a_"}, {"é", "e"}, {"i", "j"}} {
		if x, y := compareFolded(other[0], other[1]), compareFolded(other[1], other[0]); x == 0 || x > 0 == (y > 0) {
			t.Errorf("%q and %q: %d one way, %d the other", other[0], other[1], x, y)
		}
	}
}
