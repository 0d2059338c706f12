// SPDX-License-Identifier: Apache-2.0

// Package strict reads YAML that people write, strictly: one form for every value, always with its unit, and no key that is not known.
//
// It reads from the nodes of a document rather than into a struct, so that every problem has its line, and all of them are told at once. A method
// that reads a value leaves what it is to fill untouched, and enters a problem, where the value is none of those it takes.
//
// Not promised: anchors and aliases are refused where a value is wanted.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/units"
)

// MaxFile bounds a file in bytes.
const MaxFile = 16 << 20

// Reader reads one file. The zero Reader is ready.
type Reader struct {
	key      string // whose value is being read
	problems Problems
}

// Document is the one document of a text; the error is Problems. What an empty text lacks, wants says.
func (r *Reader) Document(text []byte, wants string) (*yaml.Node, error) {
	if len(text) > MaxFile {
		return nil, Problems{{Text: fmt.Sprintf("it has %d bytes; at most %d MiB are read", len(text), MaxFile>>20)}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, Problems{{Text: "it is empty; give " + wants}}
		}
		return nil, Problems{{Text: strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.Problem(&doc, "it has more than one document")
	}
	return doc.Content[0], nil
}

// Problem enters one at the line of a node.
func (r *Reader) Problem(n *yaml.Node, format string, args ...any) {
	r.keep(Problem{Line: n.Line, Text: fmt.Sprintf(format, args...)})
}

// Unknown enters a word that refers to none of those that are known.
func (r *Reader) Unknown(n *yaml.Node, what string, known []string) {
	r.keep(Problem{Line: n.Line, Text: fmt.Sprintf("there is no %s %q", what, Clip(n.Value)), Key: Clip(n.Value), Known: known})
}

// Fields are what a mapping may have, and who reads each.
type Fields map[string]func(*yaml.Node)

// Mapping reads one; a key that is unknown or there twice is a problem.
func (r *Reader) Mapping(n *yaml.Node, known Fields) {
	if n.Kind != yaml.MappingNode {
		r.Problem(n, "want keys and values here, of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		return
	}
	r.pairs(n, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			r.keep(Problem{Line: key.Line, Key: Clip(key.Value), Known: slices.Sorted(maps.Keys(known))})
			return
		}
		r.key = key.Value
		read(value)
	})
}

// Names reads a mapping from names of the user's own.
func (r *Reader) Names(n *yaml.Node, read func(name, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.Problem(n, "%s: want names here, with what each has", r.key)
		return
	}
	r.pairs(n, func(key, value *yaml.Node) {
		if key.Kind != yaml.ScalarNode || key.Value == "" || key.Tag == "!!null" {
			r.Problem(key, "want a name here")
			return
		}
		read(key, value)
	})
}

func (r *Reader) pairs(n *yaml.Node, read func(key, value *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			r.Problem(key, "%s is given twice", Clip(key.Value))
			continue
		}
		seen[key.Value] = true
		read(key, n.Content[i+1])
	}
}

// List reads each of a list.
func (r *Reader) List(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.Problem(n, "%s: want a list", r.key)
		return
	}
	key := r.key
	for _, item := range n.Content {
		r.key = key
		read(item)
	}
}

// Scalar is the text of a single value; "" and a problem if it is none.
func (r *Reader) Scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.Problem(n, "%s: want a single value", r.key)
		return "", false
	}
	return n.Value, true
}

// Span reads a duration.
func (r *Reader) Span(n *yaml.Node, to *time.Duration, least, most time.Duration) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		r.Problem(n, "%s is %q; give %v to %v, as 90s or 30ms", r.key, Clip(text), least, most)
		return
	}
	*to = d
}

// Whole reads a whole number.
func (r *Reader) Whole(n *yaml.Node, to *int, least, most int) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < least || v > most {
		r.Problem(n, "%s is %q; give %d to %d", r.key, Clip(text), least, most)
		return
	}
	*to = v
}

// Number reads a number without a unit.
func (r *Reader) Number(n *yaml.Node, to *float64, least, most float64) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= least && v <= most) {
		r.Problem(n, "%s is %q; give %g to %g", r.key, Clip(text), least, most)
		return
	}
	*to = v
}

// Share reads "1 %", "1%" or 0.01.
func (r *Reader) Share(n *yaml.Node, to *float64) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	v, ok := Share(text)
	if !ok {
		r.Problem(n, "%s is %q; give a share, as 1%% or 0.01", r.key, Clip(text))
		return
	}
	*to = v
}

// Share reads a share, 0 to 1: "1 %", "1%" or 0.01.
func Share(text string) (float64, bool) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	return v, err == nil && v >= 0 && v <= 1
}

// Rate reads bits a second. The bounds are whole kbit.
func (r *Reader) Rate(n *yaml.Node, to *float64, least, most float64) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	v, ok := units.Rate(text)
	if !ok || !(v >= least && v <= most) {
		r.Problem(n, "%s is %q; give %s to %s, as 20Mbit", r.key, Clip(text), units.RateText(int64(least)), units.RateText(int64(most)))
		return
	}
	*to = v
}

// Size reads bytes.
func (r *Reader) Size(n *yaml.Node, to *int64, least, most int64) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	v, ok := units.Size(text)
	if !ok || v < least || v > most {
		r.Problem(n, "%s is %q; give %d B to %d B, as 64KiB or 1.5MB", r.key, Clip(text), least, most)
		return
	}
	*to = v
}

// Flag reads true or false.
func (r *Reader) Flag(n *yaml.Node, to *bool) {
	text, ok := r.Scalar(n)
	switch {
	case !ok:
	case text == "true", text == "false":
		*to = text == "true"
	default:
		r.Problem(n, "%s is %q; give true or false", r.key, Clip(text))
	}
}

// Word reads one of some words.
func (r *Reader) Word(n *yaml.Node, to *string, choices []string) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	if !slices.Contains(choices, text) {
		r.Problem(n, "%s is %q; give one of %s", r.key, Clip(text), strings.Join(choices, ", "))
		return
	}
	*to = text
}

// Clip shortens what is shown of a broken value.
func Clip(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "..."
	}
	return text
}
