// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParseYAML reads a document of regions, a list of names, and locations, a mapping from each name to what the location
// has: region, subnets, link, near, nat, down and up. Lists may be written as lists or as one text. It is read from the
// nodes of the document, so that every problem has its line. The error is *Problems.
func ParseYAML(r io.Reader) (*Topology, error) {
	d := newDraft()
	b, err := io.ReadAll(io.LimitReader(r, maxYAML+1))
	switch {
	case err != nil:
		d.add(0, "%v", err)
	case len(b) > maxYAML:
		d.add(0, "YAML of more than %d MiB is not read; write it as CSV, of which %d MiB are", maxYAML>>20, MaxFile>>20)
	default:
		d.yaml(b)
	}
	if len(d.List) > 0 && len(d.topology.Locations) == 0 {
		return nil, d.err()
	}
	return d.done()
}

func (d *draft) yaml(b []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty; give locations")
		}
		d.broken(err)
		return
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		d.add(doc.Line, "it has more than one document")
	}
	d.mapping(doc.Content[0], "", []string{"locations", "regions"}, func(key string, n *yaml.Node) {
		if key == "regions" {
			d.regions(n)
			return
		}
		d.mapping(n, "locations", nil, func(name string, n *yaml.Node) { d.yamlLocation(name, n) })
	})
}

// broken enters what the parser says; its text may name a line.
func (d *draft) broken(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if _, serr := fmt.Sscanf(text, "line %d: ", &line); serr == nil {
		_, text, _ = strings.Cut(text, ": ")
	}
	d.add(line, "%s", text)
}

// mapping visits the keys and values of one; nil known: any key.
func (d *draft) mapping(n *yaml.Node, what string, known []string, visit func(key string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		if what == "" {
			what = "the file"
		}
		d.add(n.Line, "%s: want keys and values here", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		first, again := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.add(key.Line, "want a name here")
		case again:
			d.add(key.Line, "%s is there twice (line %d)", clip(key.Value), first)
		case known != nil && !slices.Contains(known, key.Value):
			d.unknown(key.Line, "key", clip(key.Value), known)
		default:
			seen[key.Value] = key.Line
			visit(key.Value, n.Content[i+1])
		}
	}
}

func (d *draft) regions(n *yaml.Node) {
	for _, word := range d.list(n, "regions") {
		if slices.Contains(d.topology.Regions, word) {
			d.add(n.Line, "the region %q is there twice", clip(word))
			continue
		}
		d.topology.Regions = append(d.topology.Regions, word)
	}
}

func (d *draft) yamlLocation(name string, n *yaml.Node) {
	l, _ := d.location(name, n.Line)
	if l == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" { // a location of which nothing is known
		return
	}
	d.mapping(n, name, locationKeys, func(key string, value *yaml.Node) {
		if !slices.Contains([]string{keySubnets, keyNear, keyNAT}, key) {
			if text, ok := d.scalar(value, key); ok {
				d.set(l, key, text, value.Line)
			}
			return
		}
		if key == keySubnets && value.Kind == yaml.SequenceNode { // each with its own line
			for _, item := range value.Content {
				if text, ok := d.scalar(item, key); ok {
					d.set(l, key, text, item.Line)
				}
			}
			return
		}
		d.set(l, key, strings.Join(d.list(value, key), " "), value.Line)
	})
}

// list reads a list of single values, or one text of words.
func (d *draft) list(n *yaml.Node, what string) []string {
	if n.Kind != yaml.SequenceNode {
		text, _ := d.scalar(n, what)
		return slices.Collect(words(text))
	}
	var list []string
	for _, item := range n.Content {
		if text, ok := d.scalar(item, what); ok {
			list = append(list, text)
		}
	}
	return list
}

func (d *draft) scalar(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.add(n.Line, "%s: want a single value", what)
		return "", false
	}
	return n.Value, true
}
