// SPDX-License-Identifier: Apache-2.0

package strict

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// thing is what the tests read.
type thing struct {
	wait  time.Duration
	count int
	part  float64
	loss  float64
	rate  float64
	size  int64
	on    bool
	word  string
	list  []int
	named []string
}

func untouched() thing {
	return thing{wait: time.Hour, count: 7, part: .5, loss: .25, rate: 8e6, size: 9, on: true, word: "b", list: nil, named: nil}
}

func read(text string, to *thing) error {
	var r Reader
	n, err := r.Document([]byte(text), "a thing")
	if err != nil {
		return err
	}
	r.Mapping(n, Fields{
		"wait":  func(n *yaml.Node) { r.Span(n, &to.wait, time.Second, time.Hour) },
		"count": func(n *yaml.Node) { r.Whole(n, &to.count, 1, 9) },
		"part":  func(n *yaml.Node) { r.Number(n, &to.part, 0, 1) },
		"loss":  func(n *yaml.Node) { r.Share(n, &to.loss) },
		"rate":  func(n *yaml.Node) { r.Rate(n, &to.rate, 1e3, 1e9) },
		"size":  func(n *yaml.Node) { r.Size(n, &to.size, 1, 1<<20) },
		"on":    func(n *yaml.Node) { r.Flag(n, &to.on) },
		"word":  func(n *yaml.Node) { r.Word(n, &to.word, []string{"a", "b"}) },
		"list": func(n *yaml.Node) {
			r.List(n, func(n *yaml.Node) {
				v := 0
				r.Whole(n, &v, 0, 99)
				to.list = append(to.list, v)
			})
		},
		"named": func(n *yaml.Node) {
			r.Names(n, func(name, value *yaml.Node) {
				if name.Value == "nobody" {
					r.Unknown(name, "person", []string{"somebody"})
				}
				to.named = append(to.named, name.Value)
			})
		},
	})
	if err := r.Err(); (err == nil) != r.Clean() {
		panic("clean, and yet not")
	}
	return r.Err()
}

func TestWhatIsRight(t *testing.T) {
	var got thing
	err := read("wait: 90s\ncount: 3\npart: 0.5\nloss: 1 %\nrate: 20Mbit\nsize: 64KiB\non: true\nword: a\nlist: [1, 2]\nnamed: {x: 1, y: {}}\n", &got)
	want := thing{90 * time.Second, 3, .5, .01, 20e6, 65536, true, "a", []int{1, 2}, []string{"x", "y"}}
	if err != nil || got.wait != want.wait || got.count != want.count || got.part != want.part || got.loss != want.loss || got.rate != want.rate ||
		got.size != want.size || got.on != want.on || got.word != want.word || !slices.Equal(got.list, want.list) || !slices.Equal(got.named, want.named) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whatever is wrong is told with its line, all of it at once, and what was to be filled stays as it was.
func TestWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"wait: 5":                           `line 1: wait is "5"`,
		"wait: 2h":                          `line 1: wait is "2h"`,
		"wait: [1s]":                        "line 1: wait: want a single value",
		"count: 10":                         `line 1: count is "10"; give 1 to 9`,
		"count: 3.0":                        `line 1: count is "3.0"; give 1 to 9`,
		"count:":                            "line 1: count: want a single value",
		"part: .nan":                        `line 1: part is ".nan"; give 0 to 1`,
		"part: NaN":                         `line 1: part is "NaN"; give 0 to 1`,
		"part: 2":                           `line 1: part is "2"; give 0 to 1`,
		"loss: 101%":                        `line 1: loss is "101%"; give a share, as 1% or 0.01`,
		"loss: -1%":                         `line 1: loss is "-1%"; give a share, as 1% or 0.01`,
		"rate: 20":                          `line 1: rate is "20"; give`,
		"rate: 2Gbit":                       `line 1: rate is "2Gbit"; give`,
		"size: 2MiB":                        `line 1: size is "2MiB"; give 1 B to 1048576 B`,
		"size: 5":                           `line 1: size is "5"; give`,
		"on: yes":                           `line 1: on is "yes"; give true or false`,
		"word: c":                           `line 1: word is "c"; give one of a, b`,
		"list: 5":                           "line 1: list: want a list",
		"named: [x]":                        "line 1: named: want names here",
		"named: {nobody: 1}":                `line 1: there is no person "nobody"`,
		"named: {~: 1}":                     "line 1: want a name here",
		"x: 1":                              `line 1: unknown key "x"; known here: count, list, loss,`,
		"count: 1\ncount: 2":                "line 2: count is given twice",
		"count: 1\n---\ncount: 2":           "it has more than one document",
		"- 1":                               "line 1: want keys and values here, of count",
		"a: &a 5\ncount: *a":                "line 2: count: want a single value",
		"":                                  "it is empty; give a thing",
		"a: [":                              "line 1: did not find expected node content",
		"\nx: 1\ncount: 0\n\nword: c\n":     "line 2: unknown key",
		strings.Repeat("#", MaxFile+1):      "it has 16777217 bytes; at most 16 MiB are read",
		"word: " + strings.Repeat("x", 500): `...`,
	} {
		got := untouched()
		err := read(text, &got)
		var all Problems
		if !errors.As(err, &all) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
			continue
		}
		if text != "" && strings.HasPrefix(text, "\nx") && (len(all) != 3 || all[1].Line != 3 || all[2].Line != 5) {
			t.Errorf("not all at once: %v", err)
		}
		was := untouched()
		if got.wait != was.wait || got.part != was.part || got.loss != was.loss || got.rate != was.rate || got.size != was.size || got.on != was.on || got.word != was.word {
			t.Errorf("%.40q filled something: %+v", text, got)
		}
		if len(err.Error()) > 700 {
			t.Errorf("%.40q: %d bytes of error", text, len(err.Error()))
		}
	}
}

// A file with nothing but mistakes is told some of them.
func TestManyProblemsAreBounded(t *testing.T) {
	var got thing
	var all Problems
	if err := read("list: ["+strings.Repeat("x,", 5000)+"]", &got); !errors.As(err, &all) || len(all) != mostProblems {
		t.Errorf("%d problems", len(all))
	}
	if lines := strings.Count(all.Error(), "\n"); lines != 0 {
		t.Errorf("the same is told %d times", lines+1)
	}
}

// Whatever the text, it is read or told what is wrong, and no value is out of bounds.
func FuzzRead(f *testing.F) {
	f.Add("wait: 90s\ncount: 3\npart: 0.5\nloss: 1 %\nrate: 20Mbit\nsize: 64KiB\non: true\nword: a\nlist: [1, 2]\nnamed: {x: 1}\n")
	f.Add("a: &a [*a]\n? [x]\n: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := untouched()
		err := read(text, &got)
		var all Problems
		if err != nil && (!errors.As(err, &all) || len(all) == 0 || err.Error() == "") {
			t.Errorf("%v", err)
		}
		if got.wait < time.Second || got.wait > time.Hour || got.count < 1 || got.count > 9 || !(got.part >= 0 && got.part <= 1) || !(got.loss >= 0 && got.loss <= 1) ||
			!(got.rate >= 1e3 && got.rate <= 1e9) || got.size < 1 || got.size > 1<<20 || got.word != "a" && got.word != "b" {
			t.Errorf("%+v", got)
		}
	})
}
