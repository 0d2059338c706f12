// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a file or a document.
type Problem struct {
	Line  int // 0: the whole file
	Text  string
	Word  string   // if it is a word that is not known,
	Known []string // and these are; whoever shows the problem may name the nearest of them
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// maxProblems is how many problems of one file are kept; beyond, they are counted.
const maxProblems = 1000

// Problems are all of them, in the order of their lines.
type Problems struct {
	List []Problem
	More int // that were found and not kept
}

func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, one := range p.List {
		lines[i] = one.String()
	}
	if p.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d problems more", p.More))
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(line int, format string, args ...any) {
	p.keep(Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

// unknown enters a word that is none of those that are known here.
func (p *Problems) unknown(line int, what, word string, known []string) {
	text := fmt.Sprintf("unknown %s %q", what, word)
	if n := len(known); n > 0 && n <= 12 {
		text += "; known: " + strings.Join(known, ", ")
	}
	p.keep(Problem{Line: line, Text: text, Word: word, Known: known})
}

func (p *Problems) keep(one Problem) {
	if len(p.List) >= maxProblems {
		p.More++
		return
	}
	p.List = append(p.List, one)
}

// err is nil when nothing was wrong.
func (p *Problems) err() error {
	if len(p.List) == 0 {
		return nil
	}
	slices.SortStableFunc(p.List, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p
}
