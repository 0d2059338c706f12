// SPDX-License-Identifier: Apache-2.0

package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a file.
type Problem struct {
	Line  int // 0: the whole file
	Text  string
	Key   string   // if it is one that is not known,
	Known []string // and these are; whoever shows the problem may name the nearest of them
}

// Problems are all of them, in the order of their lines.
type Problems []Problem

// mostProblems is how many problems of one file are kept.
const mostProblems = 1000

func (p Problems) Error() string {
	var lines []string
	for _, one := range p {
		if text := one.String(); len(lines) == 0 || lines[len(lines)-1] != text {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n  ")
}

func (p Problem) String() string {
	text := p.Text
	if text == "" {
		text = fmt.Sprintf("unknown key %q; known here: %s", p.Key, strings.Join(p.Known, ", "))
	}
	if p.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d: %s", p.Line, text)
}

// Err is all that is wrong; nil: nothing.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.problems
}

// Clean reports whether nothing was wrong so far.
func (r *Reader) Clean() bool { return len(r.problems) == 0 }

func (r *Reader) keep(p Problem) {
	if len(r.problems) < mostProblems {
		r.problems = append(r.problems, p)
	}
}
