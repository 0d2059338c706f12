// SPDX-License-Identifier: Apache-2.0

package content

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkLabel says what is wrong with a name, a version or a type; "" if nothing is.
// Labels end up in file names, addresses and command lines, hence the alphabet.
func checkLabel(label string) string {
	if len(label) > MaxLabel {
		return fmt.Sprintf("longer than %d bytes", MaxLabel)
	}
	for i := range len(label) {
		c := label[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && !strings.ContainsRune("._+-", rune(c)) {
			return fmt.Sprintf("%q is not allowed: use letters, digits and . _ + -", c)
		}
	}
	if label != "" && (label[0] == '.' || label[0] == '-') {
		return "must not start with a dot or a dash"
	}
	return ""
}

// checkName is checkLabel for the name of a content, which stands beside ids on
// every command line and so must never be mistaken for one, not even by an eye
// that reads over capitals.
func checkName(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) == idText && isLowerHex([]byte(strings.ToLower(name))):
		return "looks like a content id: choose another name"
	}
	return checkLabel(name)
}

// ValidName tells whether s may be the name of a content, which Validate asks
// of every manifest. A *NameError says what is wrong with it.
func ValidName(s string) error {
	if reason := checkName(s); reason != "" {
		return &NameError{Path: s, Reason: reason}
	}
	return nil
}

// checkPath refuses a path that is not relative, clean and free of names that
// mean something else on another operating system.
func checkPath(path string) error {
	switch {
	case path == "":
		return &NameError{path, "empty"}
	case len(path) > MaxPath:
		return &NameError{path, fmt.Sprintf("longer than %d bytes", MaxPath)}
	case path[0] == '/':
		return &NameError{path, "absolute: it would leave the tree"}
	}
	rest, more := path, true
	for more {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		if reason := checkComponent(name); reason != "" {
			return &NameError{path, reason}
		}
	}
	return nil
}

// checkComponent says what is wrong with one component of a path; "" if
// nothing is. The strictest of the systems a content may be sent to sets the
// rule: what is refused here at publishing would fail there, or worse, would
// succeed in doing something else.
func checkComponent(name string) string {
	switch {
	case name == "":
		return "a component is empty"
	case name == "." || name == "..":
		return fmt.Sprintf("the component %q would leave its place in the tree", name)
	case len(name) > MaxComponent:
		return fmt.Sprintf("a component is longer than %d bytes: rename it", MaxComponent)
	case !utf8.ValidString(name):
		return "not UTF-8: rename it"
	}
	for _, r := range name {
		switch r {
		case '\\':
			return "a backslash separates directories on Windows: rename it"
		case '<', '>', ':', '"', '|', '?', '*':
			return fmt.Sprintf("%q is not allowed on Windows: rename it", r)
		}
		if unicode.IsControl(r) {
			return fmt.Sprintf("control character %U: rename it", r)
		}
	}
	switch last := name[len(name)-1]; {
	case last == '.' || last == ' ':
		return "Windows drops a dot or a space at the end of a name: rename it"
	case isDevice(name):
		return "the name of a device on Windows: rename it"
	}
	return ""
}

// isDevice tells whether Windows takes name for a device, which it does in
// every directory, in capitals or not, with any extension, and also with spaces
// in front of the extension. The list is that of Microsoft's "Naming Files,
// Paths, and Namespaces", with the console's two that it leaves out.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.TrimRight(stem, " ")
	if len(stem) < len("CON") || len(stem) > len("CONOUT$") {
		return false
	}
	for _, device := range []string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} {
		if strings.EqualFold(stem, device) {
			return true
		}
	}
	port, number := stem[:3], stem[3:]
	if !strings.EqualFold(port, "COM") && !strings.EqualFold(port, "LPT") {
		return false
	}
	// Windows counts the superscript digits among the digits.
	return utf8.RuneCountInString(number) == 1 && strings.Contains("0123456789¹²³", number)
}

// checkTarget refuses a symbolic link that leaves the tree.
//
// A link may go up only at the very start of its target ("../../a/b", never
// "a/../b"), and there no further than the tree's root. This suffices, whatever
// other links the tree holds: the directories above a link are directories and
// not links themselves, so the start climbs real parents and stays inside; each
// name behind it leads down, or into another link, which stays inside for the
// same reason. Spelling alone would not do: with a link "d/up" to "..", the
// target "d/up/.." is "d" as it is spelt, and above the root in the file system.
func checkTarget(e *Entry) error {
	refuse := func(reason string) error {
		return &NameError{e.Path, fmt.Sprintf("symbolic link to %q: %s", shorten(e.Target), reason)}
	}
	switch {
	case e.Target == "":
		return refuse("points nowhere")
	case len(e.Target) > MaxPath:
		return refuse(fmt.Sprintf("longer than %d bytes", MaxPath))
	case e.Target[0] == '/':
		return refuse("absolute: make it relative, to a place inside the tree")
	}
	above := strings.Count(e.Path, "/") // directories between the link and the root
	climbing := true
	for name := range strings.SplitSeq(e.Target, "/") {
		switch {
		case climbing && name == ".":
		case climbing && name == "..":
			if above--; above < 0 {
				return refuse("leaves the tree: make it point to a place inside")
			}
		case name == "." || name == "..":
			return refuse(fmt.Sprintf("%q behind a name may lead anywhere: write it without", name))
		default:
			climbing = false
			if reason := checkComponent(name); reason != "" {
				return refuse(reason)
			}
		}
	}
	return nil
}

// comparePaths orders paths so that a directory stands directly in front of all
// that is in it: component by component, each as bytes.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch x, y := a[i], b[i]; {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return +1
		case x < y:
			return -1
		default:
			return +1
		}
	}
	return len(a) - len(b)
}

// splitPath parts a path into its directory ("" for the root) and its last
// component.
func splitPath(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}
