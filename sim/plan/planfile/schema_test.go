// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/units/strict"
)

type schema map[string]any

func readSchema(t *testing.T) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(Schema, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// holds says what of a value is not as the schema says; it knows the words that ours uses, and complains of others.
func (root schema) holds(s schema, v any, at string) (bad []string) {
	if ref, ok := s["$ref"].(string); ok {
		bad = root.holds(root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), v, at)
	}
	number, isNumber := asNumber(v)
	list, isList := v.([]any)
	object, isObject := v.(map[string]any)
	text, isText := v.(string)
	is := map[string]bool{"string": isText, "number": isNumber, "integer": isNumber && number == float64(int64(number)), "array": isList, "object": isObject, "boolean": v == true || v == false, "null": v == nil}
	for word, x := range s {
		good := true
		switch word {
		case "$ref", "$schema", "$defs", "title", "description", "examples", "properties", "items":
		case "type":
			kinds, ok := x.([]any)
			if !ok {
				kinds = []any{x}
			}
			good = slices.ContainsFunc(kinds, func(k any) bool { return is[k.(string)] })
		case "pattern":
			good = regexp.MustCompile(x.(string)).MatchString(text)
		case "enum":
			good = slices.Contains(x.([]any), v)
		case "minimum":
			good = number >= x.(float64)
		case "maximum":
			good = number <= x.(float64)
		case "minItems":
			good = float64(len(list)) >= x.(float64)
		case "maxItems":
			good = float64(len(list)) <= x.(float64)
		case "minProperties":
			good = float64(len(object)) >= x.(float64)
		case "maxProperties":
			good = float64(len(object)) <= x.(float64)
		case "required":
			for _, key := range x.([]any) {
				_, there := object[key.(string)]
				good = good && there
			}
		case "oneOf":
			n := 0
			for _, one := range x.([]any) {
				if len(root.holds(one.(map[string]any), v, at)) == 0 {
					n++
				}
			}
			good = n == 1
		case "additionalProperties":
			known, _ := s["properties"].(map[string]any)
			for key, value := range object {
				if p, ok := known[key]; ok {
					bad = append(bad, root.holds(p.(map[string]any), value, at+"."+key)...)
				} else if sub, ok := x.(map[string]any); ok {
					bad = append(bad, root.holds(sub, value, at+"."+key)...)
				} else {
					bad = append(bad, at+"."+key+" is not known")
				}
			}
		default:
			bad = append(bad, "the schema's word "+word+" is not understood here")
		}
		if !good {
			bad = append(bad, fmt.Sprintf("%s: %v is not of %s %v", at, v, word, x))
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		for i, x := range list {
			bad = append(bad, root.holds(items, x, fmt.Sprintf("%s.%d", at, i))...)
		}
	}
	return bad
}

func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// value is a YAML text as JSON knows it; moments stay texts.
func value(t *testing.T, text []byte) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	var plain func(n *yaml.Node)
	plain = func(n *yaml.Node) {
		if n.Tag == "!!timestamp" {
			n.Tag = "!!str"
		}
		for _, c := range n.Content {
			plain(c)
		}
	}
	plain(&n)
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Every example is a plan, and as the schema says.
func TestExamplesArePlans(t *testing.T) {
	root := readSchema(t)
	paths, err := filepath.Glob("../../../examples/plan/*.yaml")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d examples: %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(text, folder("../../../examples/plan"))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if len(f.Notes) > 0 {
			t.Errorf("%s: %v", path, f.Notes)
		}
		for _, bad := range root.holds(root, value(t, text), filepath.Base(path)) {
			t.Error(bad)
		}
	}
}

// what the parser knows at a place is what the schema lists there, both ways: a key that is unknown is answered with those that are.
func TestSchemaListsWhatTheParserKnows(t *testing.T) {
	root := readSchema(t)
	text, err := os.ReadFile("../../../examples/plan/reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	places := 0
	var visit func(s schema, path []string)
	visit = func(s schema, path []string) {
		if ref, ok := s["$ref"].(string); ok {
			visit(root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), path)
			return
		}
		for _, one := range asList(s["oneOf"]) {
			visit(one.(map[string]any), path)
		}
		if items, ok := s["items"].(map[string]any); ok && len(path) == 1 {
			visit(items, append(path[:1:1], "0"))
		}
		if sub, ok := s["additionalProperties"].(map[string]any); ok && path[0] != "sweep" {
			first := map[string]string{"regions": "north", "profiles": "tills", "locations": "shops", "contents": "image"}[path[0]]
			visit(sub, append(path[:1:1], first))
		}
		properties, ok := s["properties"].(map[string]any)
		if !ok {
			return
		}
		places++
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		at := doc.Content[0]
		for _, key := range path {
			at = into(at, key)
		}
		at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "no-such-key"}, &yaml.Node{Kind: yaml.ScalarNode, Value: "x"})
		changed, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(changed, folder("../../../examples/plan"))
		var bad strict.Problems
		errors.As(err, &bad)
		var known []string
		for _, p := range bad {
			if p.Key == "no-such-key" {
				known = p.Known
			}
		}
		if want := slices.Sorted(maps.Keys(properties)); !slices.Equal(known, want) {
			t.Errorf("at %v the parser knows %v, the schema %v", path, known, want)
		}
		for key, sub := range properties {
			visit(sub.(map[string]any), append(path[:len(path):len(path)], key))
		}
	}
	visit(root, nil)
	if places < 20 {
		t.Errorf("only %d places were looked at", places)
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// into is what stands at a key, made a mapping where it is none.
func into(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content[0]
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			if n.Content[i+1].Kind == yaml.ScalarNode {
				*n.Content[i+1] = yaml.Node{Kind: yaml.MappingNode}
			}
			return n.Content[i+1]
		}
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.MappingNode})
	return n.Content[len(n.Content)-1]
}
