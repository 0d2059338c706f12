// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// MaxDocument bounds an encoded topology in bytes: what the largest needs, and some.
const MaxDocument = 128 << 20

// ErrDocument marks bytes that are no topology.
var ErrDocument = errors.New("not a topology")

// format is the version of the document's form. A newer one is refused rather than half understood.
const format = 1

type document struct {
	Format int `json:"format"`
	Topology
}

// Encode is the one form of a topology.
func (t *Topology) Encode() []byte {
	b, err := json.Marshal(document{format, *t})
	if err != nil {
		panic(fmt.Sprintf("topology: it does not marshal: %v", err)) // networks were checked, and nothing else can fail
	}
	return append(b, '\n')
}

// Decode reads the one form: nothing unknown, nothing unsorted, nothing that leads nowhere. ErrDocument.
func Decode(b []byte) (*Topology, error) {
	if len(b) > MaxDocument {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrDocument, len(b), MaxDocument)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var d document
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", ErrDocument)
	}
	if d.Format != format {
		return nil, fmt.Errorf("%w of the format %d, but of %d", ErrDocument, format, d.Format)
	}
	if err := d.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return &d.Topology, nil
}

// Check finds everything that is wrong with a topology; the error is *Problems.
func (t *Topology) Check() error {
	var p Problems
	if t.ordered(&p); len(p.List) == 0 {
		t.check(&p)
	}
	return p.err()
}

// ordered finds what is not in its order.
func (t *Topology) ordered(p *Problems) {
	for i := range t.Locations {
		l := &t.Locations[i]
		if i > 0 && l.Name < t.Locations[i-1].Name || !slices.IsSorted(l.Near) || !slices.IsSortedFunc(l.NAT, comparePrefix) ||
			!slices.IsSortedFunc(l.Subnets, byNetwork) {
			p.add(0, "%s or what belongs to it is not in its order", l.Name)
		}
	}
	if !slices.IsSorted(t.Regions) {
		p.add(0, "the regions are not in their order")
	}
}
