// SPDX-License-Identifier: Apache-2.0

package content

import (
	"unicode"
	"unicode/utf8"
)

// Case twins are names that differ only in capitals. Windows and macOS keep one
// of the two, so a tree that holds both cannot be written there. Names are
// compared by Unicode simple case folding. Full folding ("ß" and "ss") and
// normalisation ("é" as one or as two code points) are left to the moment of
// writing, where the file system itself has the last word.

// foldRune maps all letters that differ only in case to one of them.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return foldASCII(r)
	}
	// Three and more letters may fold together, as k, K and the Kelvin sign do:
	// the smallest of them stands for all.
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return foldASCII(least)
}

func foldASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// folds tells whether folding may change name; if it changes none of the names
// of a directory, there are no twins among them.
func folds(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= utf8.RuneSelf || ('A' <= c && c <= 'Z') {
			return true
		}
	}
	return false
}

// compareFolded compares a and b as if both were folded, without allocating.
func compareFolded(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			if x, y = foldRune(x), foldRune(y); x != y {
				return int(x) - int(y)
			}
		}
		a, b = a[n:], b[m:]
	}
	return len(a) - len(b)
}
