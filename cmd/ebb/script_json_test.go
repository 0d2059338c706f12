// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// json [FILE] PATH [PATTERN | OP NUMBER] looks at the document in FILE (default stdout): the field at PATH must exist,
// and if PATTERN is given match the whole of it, or compare with NUMBER by < <= == >= >. PATH is fields joined by dots;
// in a list a number picks an element (-1 the last), KEY=VALUE the first one whose field says so, and len is the length.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	file := "stdout"
	if len(args) > 0 && strings.HasPrefix(args[0], "./") {
		file, args = args[0], args[1:]
	}
	if len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: json [./FILE] PATH [PATTERN | OP NUMBER]")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	dec.UseNumber()
	var doc any
	ts.Check(dec.Decode(&doc))
	got, err := lookUp(doc, strings.Split(args[0], "."))
	if err != nil {
		if !neg {
			ts.Fatalf("%s: %v", args[0], err)
		}
		return
	}
	if matches(ts, fmt.Sprint(got), args[1:]) == neg {
		ts.Fatalf("%s is %q", args[0], fmt.Sprint(got))
	}
}

func lookUp(v any, path []string) (any, error) {
	if len(path) == 0 {
		return v, nil
	}
	step, rest := path[0], path[1:]
	switch v := v.(type) {
	case map[string]any:
		next, ok := v[step]
		if !ok {
			return nil, fmt.Errorf("there is no field %q", step)
		}
		return lookUp(next, rest)
	case []any:
		key, value, pick := strings.Cut(step, "=")
		n, err := strconv.Atoi(step)
		switch {
		case step == "len":
			return len(v), nil
		case pick:
			n = slices.IndexFunc(v, func(x any) bool {
				field, err := lookUp(x, []string{key})
				return err == nil && fmt.Sprint(field) == value
			})
		case err != nil:
			return nil, fmt.Errorf("%q picks no element of a list", step)
		}
		if n < 0 && !pick { // from the end
			n += len(v)
		}
		if n < 0 || n >= len(v) {
			return nil, fmt.Errorf("no element %q among %d", step, len(v))
		}
		return lookUp(v[n], rest)
	}
	return nil, fmt.Errorf("%q is asked of %v", step, v)
}

func matches(ts *testscript.TestScript, got string, args []string) bool {
	switch len(args) {
	case 0:
		return true
	case 1:
		ok, err := regexp.MatchString("^(?:"+args[0]+")$", got)
		ts.Check(err)
		return ok
	}
	x, err := strconv.ParseFloat(got, 64)
	ts.Check(err)
	y, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	switch args[0] {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case "==":
		return x == y
	case ">=":
		return x >= y
	case ">":
		return x > y
	}
	ts.Fatalf("there is no comparison %q", args[0])
	return false
}
